"""Products of a weight and one or a few vectors, as fast as memory can deliver the weight.

A step reads every weight for only a few products, so the memory bandwidth and the size of the
weights in bytes decide its speed.

Legend: ``R`` rows, ``D`` and ``F`` widths, ``B`` parts of a matrix.
"""

import logging
from typing import Literal, Protocol, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

logger = logging.getLogger(__name__)

Weights = Literal["native", "fp16", "int8"]

LARGEST = {"fp16": torch.finfo(torch.float16).max, "int8": torch.finfo(torch.float32).max}
"""Largest value of a weight that each kind can store."""
"""Storage of weights for products: unchanged, or with fewer bits (see :func:`matrix_of`)."""

PARTS = 4
"""Number of parts of a matrix in :class:`Split`, ``B``."""

INT8_WIDTH = 32
"""For 8 bits the width must be a multiple of this: otherwise torch's kernel reads past the end."""

FEW_ROWS = 12
"""Largest number of rows for which :class:`Split` is faster than one product."""


def weights_kind(name: str) -> str:
    """Return the current name of a kind of weights; log a warning if ``name`` is an old name."""
    if name != "given":
        return name
    logger.warning("weights: 'given' is called 'native' now")
    return "native"


class Matrix(Protocol):
    """Interface of a weight ``[F, D]`` that multiplies vectors."""

    def __call__(self, x_RD: Tensor) -> Tensor:
        """Return the product of ``x_RD`` and the transposed weight, ``[R, F]``."""
        ...

    def added(self, y_RF: Tensor, x_RD: Tensor) -> Tensor:
        """Return ``y_RF`` plus the product of the weight and ``x_RD``, ``[R, F]``."""
        ...


def matrix_of(weight_FD: Tensor, kind: Weights = "native") -> Matrix:
    """Return the fastest implementation of products with a weight.

    Args:
        weight_FD: the weight.
        kind: ``native`` keeps the values and the precision of the weight. ``fp16`` stores it in
            half precision and computes in single precision. ``int8`` stores 8-bit integers with a
            scale for every row, if the width is a multiple of 32, and rounds inputs and outputs of
            products to bf16. ``fp16`` and ``int8`` need single precision on a CPU.

    Raises:
        ValueError: ``kind`` is unknown, or is not possible for this weight or on this machine, for
            example because its values do not fit.
    """
    if kind not in get_args(Weights):
        raise ValueError(f"weights: {kind!r} is not one of {', '.join(get_args(Weights))}")
    plain = weight_FD.dtype == torch.float32 and weight_FD.device.type == "cpu"
    if kind == "native":
        return Split(weight_FD) if plain else NativeMatrix(weight_FD)
    if not plain:
        actual = f"{str(weight_FD.dtype).removeprefix('torch.')} on {weight_FD.device.type}"
        raise ValueError(f"weights {kind!r} are made of float32 on a CPU, the model is {actual}")
    largest, most = float(weight_FD.detach().abs().max()), LARGEST[kind]
    if not largest <= most:  # also NaN
        raise ValueError(
            f"weights {kind!r} hold values up to {most:.6g}, the model has one of {largest:.6g}; "
            "use 'native'"
        )
    if kind == "fp16":
        return Half(weight_FD)
    return Split(weight_FD) if weight_FD.shape[1] % INT8_WIDTH else Int8(weight_FD)


class NativeMatrix:
    """Weight of a product that is stored unchanged, for any device and precision."""

    def __init__(self, weight_FD: Tensor) -> None:
        self._weight_FD = weight_FD.detach()

    def __call__(self, x_RD: Tensor) -> Tensor:
        """Return the product, ``[R, F]``."""
        return F.linear(x_RD, self._weight_FD)

    def added(self, y_RF: Tensor, x_RD: Tensor) -> Tensor:
        """Return ``y_RF`` plus the product of the weight and ``x_RD``, ``[R, F]``."""
        return torch.addmm(y_RF, x_RD, self._weight_FD.t())


class Split:
    """Weight of a product that is stored as a batch of ``B`` matrices, each with some of the rows.

    For one matrix and one vector, torch calls an MKL routine that reads memory on AMD processors at
    a third of the rate of MKL's batched routine.
    """

    def __init__(self, weight_FD: Tensor) -> None:
        self._rows, width = weight_FD.shape
        self._weight_FD = weight_FD.detach()
        missing = -self._rows % PARTS  # padding by no row would copy the weight, too
        padded_FD = F.pad(self._weight_FD, (0, 0, 0, missing)) if missing else self._weight_FD
        self._weight_BFD = padded_FD.contiguous().view(PARTS, -1, width)

    def __call__(self, x_RD: Tensor) -> Tensor:
        """Return the product, ``[R, F]``."""
        count = x_RD.shape[0]
        if count > FEW_ROWS:
            return F.linear(x_RD, self._weight_FD)
        y_BFR = torch.bmm(self._weight_BFD, x_RD.t().expand(PARTS, -1, -1))
        if count == 1:
            y_1F = y_BFR.view(1, -1)
            return y_1F[:, : self._rows] if self._rows % PARTS else y_1F
        return y_BFR.flatten(0, 1)[: self._rows].t().contiguous()

    def added(self, y_RF: Tensor, x_RD: Tensor) -> Tensor:
        """Return ``y_RF`` plus the product of the weight and ``x_RD``, ``[R, F]``."""
        if x_RD.shape[0] > 1 or self._rows % PARTS:
            return y_RF + self(x_RD)
        y_BF1 = y_RF.view(PARTS, -1, 1)
        return torch.baddbmm(y_BF1, self._weight_BFD, x_RD.t().expand(PARTS, -1, -1)).view(1, -1)


class Half:
    """Weight of a product in half precision; all values must be in its range."""

    def __init__(self, weight_FD: Tensor) -> None:
        try:
            # The operation writes to its input where values are out of range.
            self._packed = torch.ops.quantized.linear_prepack_fp16(weight_FD.detach().clone(), None)
        except RuntimeError as error:
            raise ValueError("weights 'fp16' need a build of torch with FBGEMM (x86)") from error

    def __call__(self, x_RD: Tensor) -> Tensor:
        """Return the product, ``[R, F]``."""
        y_RF: Tensor = torch.ops.quantized.linear_dynamic_fp16(x_RD, self._packed)
        return y_RF

    def added(self, y_RF: Tensor, x_RD: Tensor) -> Tensor:
        """Return ``y_RF`` plus the product of the weight and ``x_RD``, ``[R, F]``."""
        return self(x_RD).add_(y_RF)


class Int8:
    """Weight of a product in 8-bit integers, with one scale for each row."""

    def __init__(self, weight_FD: Tensor) -> None:
        most_F = weight_FD.detach().abs().amax(1).clamp(min=torch.finfo(torch.float32).tiny)
        # The scale is rounded first, so that the integers fit the rounded scale.
        self._scale_F = (most_F / 127).to(torch.bfloat16)
        parts_FD = weight_FD.detach() / self._scale_F.float()[:, None]
        self._weight_FD = parts_FD.round().clamp(-127, 127).to(torch.int8)

    def __call__(self, x_RD: Tensor) -> Tensor:
        """Return the product, ``[R, F]``."""
        y_RF = torch._weight_int8pack_mm(x_RD.to(torch.bfloat16), self._weight_FD, self._scale_F)
        return y_RF.float()

    def added(self, y_RF: Tensor, x_RD: Tensor) -> Tensor:
        """Return ``y_RF`` plus the product of the weight and ``x_RD``, ``[R, F]``."""
        return self(x_RD).add_(y_RF)
