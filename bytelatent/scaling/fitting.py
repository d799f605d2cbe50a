"""Fits of power laws to measured points, with bands by bootstrap.

The law ``power`` is bits per byte = a C^-b, a straight line in logarithms. The law ``offset`` is a
C^-b + c, where c is the part that no amount of training removes. Both fits minimise relative
errors.

The bootstrap is parametric: it adds normal errors to the fitted curve and fits again. The standard
deviation of the errors is also drawn, from its distribution given a handful of points (scaled
inverse chi-squared; the degrees of freedom are the points less the fitted parameters). With one
value for all draws, as when residuals are resampled, bands of six points are too narrow by a fifth.

Legend: ``N`` points, ``R`` draws, ``G`` grid points of C, ``E`` exponents.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EXPONENTS = np.geomspace(0.005, 3.0, 400)
"""Exponents that the fit of the offset law tries first; it then refines the best one."""

REFINEMENTS = 3

SAME_BUDGET = 0.1
"""Largest difference of the logarithms of two amounts of training that count as equal."""

OFFSET_BUDGETS = 4
"""Smallest number of different amounts of training for a fit of three parameters."""


@dataclass(frozen=True)
class PowerLaw:
    """Power law: bits per byte = ``a * (C / unit)^-b + c``.

    Attributes:
        a: bits per byte, above ``c``, at ``unit`` FLOPs.
        b: exponent.
        c: bits per byte that no amount of training removes; 0 for a plain power law.
        unit: FLOPs; the geometric mean of the points, so that ``a`` is close to the measured
            values.
    """

    a: float
    b: float
    c: float
    unit: float

    def at(self, flops: Floats) -> Floats:
        """Return the bits per byte after ``flops`` FLOPs."""
        return np.asarray(self.a * (flops / self.unit) ** -self.b + self.c)


Fit = Callable[[Floats, Floats], PowerLaw]


def fit_power(flops_N: Floats, bits_N: Floats) -> PowerLaw:
    """Fit a power law as a straight line in logarithms.

    Raises:
        ValueError: there are fewer than two different amounts of FLOPs, or a value is not above 0.
    """
    _check(flops_N, bits_N, least=2)
    unit = _unit(flops_N)
    slope, level = np.polyfit(np.log(flops_N / unit), np.log(bits_N), 1)
    return PowerLaw(math.exp(level), -float(slope), 0.0, unit)


def fit_offset(flops_N: Floats, bits_N: Floats) -> PowerLaw:
    """Fit a power law with an offset ``c >= 0``.

    For every exponent, ``a`` and ``c`` follow by least squares.

    Raises:
        ValueError: there are fewer than :data:`OFFSET_BUDGETS` different amounts of FLOPs, or a
            value is not above 0.
    """
    _check(flops_N, bits_N, least=OFFSET_BUDGETS)
    unit = _unit(flops_N)
    exponents = EXPONENTS
    for _ in range(REFINEMENTS):
        error_E, a_E, c_E = _at_exponents(flops_N / unit, bits_N, exponents)
        best = int(error_E.argmin())
        law = PowerLaw(float(a_E[best]), float(exponents[best]), float(c_E[best]), unit)
        low, high = max(0, best - 1), min(len(exponents) - 1, best + 1)
        exponents = np.linspace(exponents[low], exponents[high], 60)
    return law


@dataclass(frozen=True)
class Bootstrap:
    """Fit of a law, with the draws of the bootstrap.

    Attributes:
        law: fit to the measured values.
        draws: fits to values with random errors.
    """

    law: PowerLaw
    draws: list[PowerLaw]

    def band(self, flops_G: Floats, share: float) -> tuple[Floats, Floats]:
        """Return the bounds of the bits per byte between which ``share`` of the draws lie."""
        return _between(np.stack([law.at(flops_G) for law in self.draws]), share)

    def interval(self, name: str, share: float) -> tuple[float, float]:
        """Return the bounds of the parameter ``name`` between which ``share`` of the draws lie."""
        low, high = _between(np.array([[getattr(law, name)] for law in self.draws]), share)
        return float(low[0]), float(high[0])


def bootstrap(fit: Fit, flops_N: Floats, bits_N: Floats, draws: int, *, seed: int) -> Bootstrap:
    """Fit a law, and fit it ``draws`` times again to the curve with random errors.

    Fits that are compared need different seeds, because equal errors would cancel out. If there are
    no more points than parameters, nothing is known about the errors, and all draws are the fit
    itself.

    Raises:
        ValueError: the law cannot be fitted (see ``fit``).
    """
    law = fit(flops_N, bits_N)
    freedom = len(bits_N) - (3 if fit is fit_offset else 2)
    if freedom < 1:
        return Bootstrap(law, [law] * draws)
    squares = float(np.sum(np.log(bits_N / law.at(flops_N)) ** 2))
    rng = np.random.default_rng(seed)
    deviation_R = np.sqrt(squares / rng.chisquare(freedom, draws))
    error_RN = deviation_R[:, None] * rng.standard_normal((draws, len(bits_N)))
    again = [fit(flops_N, law.at(flops_N) * np.exp(error_N)) for error_N in error_RN]
    return Bootstrap(law, again)


def gap(
    reference: Bootstrap, other: Bootstrap, flops_G: Floats, share: float
) -> dict[str, list[float]]:
    """Return the bits per byte of ``other`` less those of ``reference``, with their band.

    Values above 0 mean that ``reference`` is better.
    """
    pairs = zip(reference.draws, other.draws, strict=True)
    low, high = _between(np.stack([b.at(flops_G) - a.at(flops_G) for a, b in pairs]), share)
    middle = other.law.at(flops_G) - reference.law.at(flops_G)
    return {"bits_per_byte": middle.tolist(), "low": low.tolist(), "high": high.tolist()}


def _at_exponents(x_N: Floats, bits_N: Floats, b_E: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the squared relative error, a and c for every exponent, ``[E]`` each."""
    shape_EN = x_N ** -b_E[:, None]
    p_EN, q_N = shape_EN / bits_N, 1 / bits_N
    pp_E, pq_E, qq = (p_EN**2).sum(1), p_EN @ q_N, q_N @ q_N
    p_E, q = p_EN.sum(1), q_N.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        determinant_E = pp_E * qq - pq_E**2
        a_E = (p_E * qq - q * pq_E) / determinant_E
        c_E = (q * pp_E - p_E * pq_E) / determinant_E
    alone_E = ~((a_E > 0) & (c_E > 0))
    a_E, c_E = np.where(alone_E, p_E / pp_E, a_E), np.where(alone_E, 0.0, c_E)
    error_EN = a_E[:, None] * p_EN + c_E[:, None] * q_N - 1
    return (error_EN**2).sum(1), a_E, c_E


def _between(values_RG: Floats, share: float) -> tuple[Floats, Floats]:
    edge = (1 - share) / 2
    low, high = np.quantile(values_RG, [edge, 1 - edge], axis=0)
    return low, high


def _unit(flops_N: Floats) -> float:
    return float(np.exp(np.log(flops_N).mean()))


def _check(flops_N: Floats, bits_N: Floats, least: int) -> None:
    # Seeds of one budget differ a little in FLOPs.
    budgets = 1 + int(np.sum(np.diff(np.sort(np.log(flops_N))) > SAME_BUDGET))
    if budgets < least:
        raise ValueError(f"fit: {budgets} different amounts of training; at least {least} needed")
    if not (np.all(bits_N > 0) and np.all(flops_N > 0)):
        raise ValueError("fit: FLOPs and bits per byte must be above 0")
