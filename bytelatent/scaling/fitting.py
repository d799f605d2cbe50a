"""Power laws through measured points, with bands by bootstrap.

``power``: bits per byte = a C^-b, a straight line in logarithms. ``offset``: a C^-b + c, where c is
what no amount of training removes. Both minimise relative errors.

The bootstrap is parametric: it adds normal errors to the curve and fits again. Their standard
deviation is drawn too, as what is known of it after a handful of points (scaled inverse
chi-squared, with the points less the fitted parameters as degrees of freedom); with one value for
all draws, as when residuals are drawn anew, bands of six points are too narrow by a fifth.

Legend: ``N`` points, ``R`` draws, ``G`` places of the grid of C,
``E`` exponents.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EXPONENTS = np.geomspace(0.005, 3.0, 400)
"""Of which the offset law takes the best, refined in between."""

REFINEMENTS = 3

SAME_BUDGET = 0.1
"""Amounts of training whose logarithms differ by less count as one."""

OFFSET_BUDGETS = 4
"""Different amounts of training at least for three parameters."""


@dataclass(frozen=True)
class PowerLaw:
    """Bits per byte = ``a * (C / unit)^-b + c``.

    Attributes:
        a: bits per byte, above ``c``, at ``unit`` FLOPs.
        b: exponent.
        c: bits per byte that stay; 0 for a plain power law.
        unit: FLOPs; the geometric mean of the points, so that ``a`` is near the measures.
    """

    a: float
    b: float
    c: float
    unit: float

    def at(self, flops: Floats) -> Floats:
        """Bits per byte after so many FLOPs."""
        return np.asarray(self.a * (flops / self.unit) ** -self.b + self.c)


Fit = Callable[[Floats, Floats], PowerLaw]


def fit_power(flops_N: Floats, bits_N: Floats) -> PowerLaw:
    """The straight line in logarithms.

    Raises:
        ValueError: fewer than two different amounts of FLOPs, or a measure that is not above 0.
    """
    _check(flops_N, bits_N, least=2)
    unit = _unit(flops_N)
    slope, level = np.polyfit(np.log(flops_N / unit), np.log(bits_N), 1)
    return PowerLaw(math.exp(level), -float(slope), 0.0, unit)


def fit_offset(flops_N: Floats, bits_N: Floats) -> PowerLaw:
    """The same with what stays; for every exponent a and c follow by least squares, c >= 0.

    Raises:
        ValueError: fewer than :data:`OFFSET_BUDGETS` different amounts of FLOPs, or a measure that
            is not above 0.
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
    """A fit and its draws.

    Attributes:
        law: the fit to the measures.
        draws: fits to what might have been measured.
    """

    law: PowerLaw
    draws: list[PowerLaw]

    def band(self, flops_G: Floats, share: float) -> tuple[Floats, Floats]:
        """Between which bits per byte ``share`` of the draws lie."""
        return _between(np.stack([law.at(flops_G) for law in self.draws]), share)

    def interval(self, name: str, share: float) -> tuple[float, float]:
        """The same for a parameter."""
        low, high = _between(np.array([[getattr(law, name)] for law in self.draws]), share)
        return float(low[0]), float(high[0])


def bootstrap(fit: Fit, flops_N: Floats, bits_N: Floats, draws: int, *, seed: int) -> Bootstrap:
    """Fit, and fit ``draws`` times again to the curve with errors drawn anew.

    Fits that are compared need seeds of their own, or their errors would cancel. Where there are no
    more points than parameters nothing tells of errors, and the draws are the fit itself.

    Raises:
        ValueError: as ``fit``.
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
    """Bits per byte of ``other`` less those of ``one``, and their band; above 0, ``one`` wins."""
    pairs = zip(reference.draws, other.draws, strict=True)
    low, high = _between(np.stack([b.at(flops_G) - a.at(flops_G) for a, b in pairs]), share)
    middle = other.law.at(flops_G) - reference.law.at(flops_G)
    return {"bits_per_byte": middle.tolist(), "low": low.tolist(), "high": high.tolist()}


def _at_exponents(x_N: Floats, bits_N: Floats, b_E: Floats) -> tuple[Floats, Floats, Floats]:
    """Squared relative error, a and c for every exponent, ``[E]`` each."""
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
