"""Optimisers and the learning-rate schedule."""

import math
from collections.abc import Iterable
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import nn
from torch.optim import Optimizer

from bytelatent.training.muon import Muon, hidden_matrices

LR_SCALE = "lr_scale"
"""Key of a parameter group: factor between its learning rate and that of the schedule."""


class OptimArgs(BaseModel):
    """Settings of the optimiser; the defaults are those of the BLT paper, appendix A.

    Attributes:
        name: ``adamw``, or ``muon`` for the matrices inside the model; then AdamW updates
            embeddings, norms and the output layer at the same learning rate (see
            ``training.muon``).
        lr: peak learning rate.
        embedding_lr: learning rate of embeddings as a multiple of ``lr``.
        warmup: number of steps in which the learning rate rises linearly.
        scheduler: schedule after the warm-up: ``cosine`` decays over all steps; ``wsd`` (warm-up,
            stable, decay) stays at the peak and decays linearly at the end; ``constant`` does not
            decay.
        decay: share of all steps in which ``wsd`` decays.
        lr_min_ratio: final learning rate of the decay as a share of the peak.
        beta1, beta2: decay rates of AdamW's moments.
        momentum: decay rate of Muon's momentum.
        epsilon: number that is added to the denominator of AdamW's update.
        weight_decay: weight decay of matrices, including embeddings.
        clip: largest global gradient norm.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Literal["adamw", "muon"] = "adamw"
    lr: float = Field(default=4e-4, gt=0)
    embedding_lr: float = Field(default=1.0, gt=0)
    warmup: int = Field(default=2000, ge=0)
    lr_min_ratio: float = Field(default=0.0, ge=0, le=1)
    scheduler: Literal["cosine", "wsd", "constant"] = "cosine"
    decay: float = Field(default=0.2, gt=0, le=1)
    beta1: float = Field(default=0.9, ge=0, lt=1)
    beta2: float = Field(default=0.95, ge=0, lt=1)
    momentum: float = Field(default=0.95, ge=0, lt=1)
    epsilon: float = Field(default=1e-8, gt=0)
    weight_decay: float = Field(default=0.1, ge=0)
    clip: float = Field(default=1.0, gt=0)


def learning_rate(args: OptimArgs, step: int, steps: int) -> float:
    """Return the learning rate of step ``step`` (counted from 0) of ``steps``."""
    if step < args.warmup:
        return args.lr * (step + 1) / args.warmup
    if args.scheduler == "constant":
        return args.lr
    if args.scheduler == "wsd":
        left = (steps - step) / max(1.0, args.decay * steps)
        share = min(1.0, max(0.0, left))
    else:
        done = (step - args.warmup) / max(1, steps - args.warmup)
        share = 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
    return args.lr * (args.lr_min_ratio + (1 - args.lr_min_ratio) * share)


def set_learning_rate(optimizers: Iterable[Optimizer], rate: float) -> None:
    """Set the learning rate of every parameter group to ``rate`` times the factor of the group."""
    for group in (group for optimizer in optimizers for group in optimizer.param_groups):
        group["lr"] = rate * group.get(LR_SCALE, 1.0)


def build_optimizers(model: nn.Module, args: OptimArgs) -> list[Optimizer]:
    """Build the optimisers that together make one step of ``model``.

    Weight decay applies to matrices and not to norms. AdamW is the last optimiser; it updates all
    parameters that belong to no other optimiser.
    """
    optimizers: list[Optimizer] = []
    if args.name == "muon":
        hidden = hidden_matrices(model)
        optimizers.append(Muon(hidden, args.lr, args.momentum, args.weight_decay))
    taken = {
        id(p) for group in (g for o in optimizers for g in o.param_groups) for p in group["params"]
    }
    rest = [p for p in model.parameters() if id(p) not in taken]
    embeddings = [m.weight for m in model.modules() if isinstance(m, nn.Embedding)]
    if args.embedding_lr == 1:
        embeddings = []  # no group of their own, as in older checkpoints
    apart = {id(p) for p in embeddings}
    others = [p for p in rest if id(p) not in apart]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in others if p.dim() >= 2], "weight_decay": args.weight_decay},
        {"params": [p for p in others if p.dim() < 2], "weight_decay": 0.0},
    ]
    if embeddings:
        about = {"weight_decay": args.weight_decay, LR_SCALE: args.embedding_lr}
        groups.append({"params": embeddings, **about})
    betas = (args.beta1, args.beta2)
    adamw = torch.optim.AdamW(groups, lr=args.lr, betas=betas, eps=args.epsilon, fused=True)
    return [*optimizers, adamw]
