"""Products of a weight and one vector, or a few, as fast as the weight can be read.

A step reads every weight for a handful of numbers, so the rate at which weights are read is what
counts, and how many bytes they have.

Legend: ``R`` rows, ``D`` and ``F`` widths, ``B`` parts of a matrix.
"""

import logging
from typing import Literal, Protocol, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

logger = logging.getLogger(__name__)

Weights = Literal["native", "fp16", "int8"]
"""How weights are kept for products: as they are, or with fewer bits (see :func:`matrix_of`)."""

PARTS = 4
INT8_WIDTH = 32
"""The width must be a multiple of it for 8 bits: torch's kernel reads past the end otherwise."""

FEW_ROWS = 12
"""Up to so many, :class:`Split` is the faster one."""


def weights_kind(name: str) -> str:
    """Return the name of a kind of weights, which may be given by its old name with a warning."""
    if name != "given":
        return name
    logger.warning("weights: 'given' is called 'native' now")
    return "native"


class Matrix(Protocol):
    """A weight ``[F, D]``."""

    def __call__(self, x_RD: Tensor) -> Tensor:
        """The product ``[R, F]``."""
        ...

    def added(self, y_RF: Tensor, x_RD: Tensor) -> Tensor:
        """``y`` and the product."""
        ...


def matrix_of(weight_FD: Tensor, kind: Weights = "native") -> Matrix:
    """The fastest product for a weight.

    Args:
        weight_FD: is not copied if ``kind`` is ``native`` and its rows are many or divisible by 4.
        kind: ``fp16`` keeps half-precision weights and computes in single precision; ``int8`` keeps
            8-bit weights with a scale for every row, if these are a multiple of 32 wide, and what
            goes in and out of products in bf16. Both are for single precision on a CPU.

    Raises:
        ValueError: ``kind`` is unknown, or cannot be had for this weight or on this machine.
    """
    if kind not in get_args(Weights):
        raise ValueError(f"weights: {kind!r} is not one of {', '.join(get_args(Weights))}")
    plain = weight_FD.dtype == torch.float32 and weight_FD.device.type == "cpu"
    if kind == "native":
        return Split(weight_FD) if plain else NativeMatrix(weight_FD)
    if not plain:
        here = f"{str(weight_FD.dtype).removeprefix('torch.')} on {weight_FD.device.type}"
        raise ValueError(f"weights {kind!r} are made of float32 on a CPU, the model is {here}")
    if kind == "fp16":
        return Half(weight_FD)
    return Split(weight_FD) if weight_FD.shape[1] % INT8_WIDTH else Int8(weight_FD)


class NativeMatrix:
    """The weight as it is, for any device and precision."""

    def __init__(self, weight_FD: Tensor) -> None:
        self._weight_FD = weight_FD.detach()

    def __call__(self, x_RD: Tensor) -> Tensor:
        """The product."""
        return F.linear(x_RD, self._weight_FD)

    def added(self, y_RF: Tensor, x_RD: Tensor) -> Tensor:
        """``y`` and the product."""
        return torch.addmm(y_RF, x_RD, self._weight_FD.t())


class Split:
    """The weight as a batch of matrices, each of some of its rows.

    For one matrix and one vector torch calls a routine of MKL that, on an AMD processor, reads at
    a third of the rate at which the one for batches does.
    """

    def __init__(self, weight_FD: Tensor) -> None:
        self._rows, width = weight_FD.shape
        self._weight_FD = weight_FD.detach()
        padded_FD = F.pad(self._weight_FD, (0, 0, 0, -self._rows % PARTS))
        self._weight_BFD = padded_FD.contiguous().view(PARTS, -1, width)

    def __call__(self, x_RD: Tensor) -> Tensor:
        """The product."""
        count = x_RD.shape[0]
        if count > FEW_ROWS:
            return F.linear(x_RD, self._weight_FD)
        y_BFR = torch.bmm(self._weight_BFD, x_RD.t().expand(PARTS, -1, -1))
        if count == 1:
            y_1F = y_BFR.view(1, -1)
            return y_1F[:, : self._rows] if self._rows % PARTS else y_1F
        return y_BFR.flatten(0, 1)[: self._rows].t().contiguous()

    def added(self, y_RF: Tensor, x_RD: Tensor) -> Tensor:
        """``y`` and the product."""
        if x_RD.shape[0] > 1 or self._rows % PARTS:
            return y_RF + self(x_RD)
        y_BF1 = y_RF.view(PARTS, -1, 1)
        return torch.baddbmm(y_BF1, self._weight_BFD, x_RD.t().expand(PARTS, -1, -1)).view(1, -1)


class Half:
    """The weight in half precision; numbers beyond its range become the largest of it."""

    def __init__(self, weight_FD: Tensor) -> None:
        try:
            self._packed = torch.ops.quantized.linear_prepack_fp16(weight_FD.detach(), None)
        except RuntimeError as error:
            raise ValueError("weights 'fp16' need a build of torch with FBGEMM (x86)") from error

    def __call__(self, x_RD: Tensor) -> Tensor:
        """The product."""
        y_RF: Tensor = torch.ops.quantized.linear_dynamic_fp16(x_RD, self._packed)
        return y_RF

    def added(self, y_RF: Tensor, x_RD: Tensor) -> Tensor:
        """``y`` and the product."""
        return self(x_RD).add_(y_RF)


class Int8:
    """The weight in 8-bit integers, and what one of them is worth in each row."""

    def __init__(self, weight_FD: Tensor) -> None:
        most_F = weight_FD.detach().abs().amax(1).clamp(min=torch.finfo(torch.float32).tiny)
        # Rounded first, so that its rounding does no harm.
        self._scale_F = (most_F / 127).to(torch.bfloat16)
        parts_FD = weight_FD.detach() / self._scale_F.float()[:, None]
        self._weight_FD = parts_FD.round().clamp(-127, 127).to(torch.int8)

    def __call__(self, x_RD: Tensor) -> Tensor:
        """The product."""
        y_RF = torch._weight_int8pack_mm(x_RD.to(torch.bfloat16), self._weight_FD, self._scale_F)
        return y_RF.float()

    def added(self, y_RF: Tensor, x_RD: Tensor) -> Tensor:
        """``y`` and the product."""
        return self(x_RD).add_(y_RF)
