"""Muon: an optimiser that orthogonalises the momentum of weight matrices.

Source: Keller Jordan and others, "Muon: an optimizer for hidden layers in neural networks" (2024).
The size of a step follows arXiv 2502.16982, so that learning rates of AdamW can be used.

torch contains its own Muon, but its result depends on the number of processes that share a matrix,
and it refuses a matrix with fewer rows than processes. Here every process orthogonalises the whole
matrix and keeps its shard: with equal gradients the weights are the same on any number of
processes.

Legend: ``N`` matrices of one shape, ``R`` rows, ``C`` columns.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, cast, overload

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Coefficients of the quintic iteration that moves singular values from (0, 1) to about 1."""

ITERATIONS = 5

RMS_OF_ADAMW = 0.2
"""Root mean square of a step at a learning rate of 1; it is about that of AdamW."""

TOGETHER = 2**22
"""Largest number of elements in the matrices that are orthogonalised at once: a batch of small
matrices is faster than one matrix after the other."""


class Muon(torch.optim.Optimizer):
    """Muon optimiser for matrices, with Nesterov momentum and decoupled weight decay.

    Args:
        params: matrices in single precision, whole or sharded (``DTensor``).
        lr: learning rate; learning rates of AdamW can be used.
        momentum: share of the momentum that a step keeps.
        weight_decay: each step reduces every weight by this share times the learning rate.

    Raises:
        ValueError: a parameter is not a matrix or not in single precision; small steps would be
            lost in bfloat16.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        momentum: float = 0.95,
        weight_decay: float = 0.1,
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        for parameter in (p for group in self.param_groups for p in group["params"]):
            if parameter.dim() != 2 or parameter.dtype != torch.float32:
                raise ValueError(
                    f"Muon takes matrices in fp32, got {tuple(parameter.shape)} "
                    f"in {parameter.dtype}"
                )
            # The buffer exists before the first step, so that a checkpoint can be loaded into it.
            self.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Take one step for all parameters that have a gradient.

        Args:
            closure: computes the loss again, as for every optimiser of torch; usually None.

        Returns:
            The value that ``closure`` returns.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            with_gradient = [p for p in group["params"] if p.grad is not None]
            for parameters in _batches(with_gradient):
                self._step_together(parameters, group)
        return loss

    def _step_together(self, parameters: Sequence[Tensor], group: dict[str, Any]) -> None:
        """Take the step of several matrices of one shape."""
        updates = []
        for parameter in parameters:
            gradient = cast(Tensor, parameter.grad)
            buffer = self.state[parameter]["momentum_buffer"]
            buffer.lerp_(gradient, 1 - group["momentum"])
            update = gradient.lerp(buffer, group["momentum"])
            updates.append(update.full_tensor() if isinstance(update, DTensor) else update)
        rows, columns = parameters[0].shape
        scale = RMS_OF_ADAMW * max(rows, columns) ** 0.5
        orthogonal_NRC = orthogonal(torch.stack(updates)).to(torch.float32)
        for parameter, update_RC in zip(parameters, orthogonal_NRC, strict=True):
            parameter.mul_(1 - group["lr"] * group["weight_decay"])
            parameter.add_(_sharded_like(update_RC, parameter), alpha=-group["lr"] * scale)


def orthogonal(matrices_NRC: Tensor) -> Tensor:
    """Return matrices with the same singular vectors and with singular values of about 1.

    The function uses the Newton-Schulz iteration in bfloat16. The resulting singular values lie
    between 0.7 and 1.2, which is accurate enough for a step. A matrix of zeros stays a matrix of
    zeros.

    Args:
        matrices_NRC: matrices ``[N, R, C]``.
    """
    a, b, c = COEFFICIENTS
    x = matrices_NRC.bfloat16()
    tall = x.shape[1] > x.shape[2]
    x = x.mT if tall else x
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(ITERATIONS):
        square = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


def hidden_matrices(model: nn.Module) -> list[Tensor]:
    """Return the weights of all linear layers in ``model`` except the output layer."""
    return [
        module.weight
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and name.rpartition(".")[2] != "output"
    ]


def _batches(parameters: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """Yield groups of matrices of one shape, in order; :data:`TOGETHER` limits their size."""
    by_shape: dict[torch.Size, list[Tensor]] = defaultdict(list)
    for parameter in parameters:
        by_shape[parameter.shape].append(parameter)
    for shape, alike in by_shape.items():
        count = max(1, TOGETHER // shape.numel())
        for first in range(0, len(alike), count):
            yield alike[first : first + count]


def _sharded_like(whole: Tensor, parameter: Tensor) -> Tensor:
    """Shard a matrix that every process holds in the same way as ``parameter``."""
    if not isinstance(parameter, DTensor):
        return whole
    mesh = parameter.device_mesh
    everywhere = DTensor.from_local(whole, mesh, run_check=False)
    spread: Tensor = everywhere.redistribute(mesh, parameter.placements)
    return spread
