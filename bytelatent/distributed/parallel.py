"""Distribution of a model over processes: sharding (FSDP2), replicas, recomputed activations.

The module does not depend on the kind of model: the caller names the blocks whose weights are
gathered together.
"""

from collections.abc import Callable, Sequence
from typing import cast

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import (
    apply_activation_checkpointing,
)
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    set_model_state_dict,
)
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

from bytelatent.distributed.env import World


class ParallelArgs(BaseModel):
    """Settings of how a model is distributed over processes.

    Attributes:
        replicas: number of copies of the model; each one is sharded over ``world size / replicas``
            processes.
        activation_checkpointing: whether the backward pass recomputes the activations inside
            blocks, which saves memory.
        float8: whether the matrix products of the blocks use float8 (needs torchao and a suitable
            GPU).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    replicas: int = Field(default=1, ge=1)
    activation_checkpointing: bool = False
    float8: bool = False


def use_float8(model: nn.Module, device: torch.device) -> None:
    """Replace the linear layers of all blocks by float8 layers with one scale per tensor.

    Raises:
        ValueError: no GPU that computes in float8 is available, or torchao is missing.
    """
    if device.type != "cuda" or torch.cuda.get_device_capability(device) < (8, 9):
        raise ValueError(
            "distributed.float8 needs a GPU of compute capability 8.9 or more; leave it out here"
        )
    try:
        from torchao.float8 import convert_to_float8_training
    except ImportError:
        raise ValueError("distributed.float8 needs torchao (pip install torchao)") from None
    convert_to_float8_training(
        model,
        module_filter_fn=lambda module, name: (
            "layers" in name and module.in_features % 16 == 0 and module.out_features % 16 == 0
        ),
    )


def place(
    build: Callable[[bool], nn.Module],
    blocks: Callable[[nn.Module], Sequence[nn.Module]],
    args: ParallelArgs,
    world: World,
    *,
    device: torch.device,
    bf16: bool,
) -> nn.Module:
    """Build a model on its device, with its weights, distributed over the processes of ``world``.

    Only the main process holds all weights at any time. The weights do not depend on the number of
    processes.

    Args:
        build: function that builds the model on the CPU with weights (``True``) or on the meta
            device (``False``).
        blocks: function that returns the modules of a model whose weights are gathered together.
        args: settings of the distribution.
        world: processes that share the model.
        device: device of the model.
        bf16: whether weights are gathered in bfloat16 (gradients are summed in fp32).

    Raises:
        ValueError: the number of processes is not divisible by the number of replicas.
    """
    if world.size % args.replicas:
        raise ValueError(
            f"distributed.replicas: {world.size} processes cannot be divided into {args.replicas}"
        )
    model = build(world.size == 1)
    chosen = list(blocks(model))
    if args.float8:
        use_float8(model, device)
    if args.activation_checkpointing:
        apply_activation_checkpointing(model, check_fn=lambda module: module in chosen)
    if world.size == 1:
        return model.to(device)
    shape = (args.replicas, world.size // args.replicas)
    mesh = init_device_mesh(device.type, shape, mesh_dim_names=("replicate", "shard"))
    # Inputs are not cast: the blocks take rotary tables, which must stay in fp32.
    policy = MixedPrecisionPolicy(
        param_dtype=torch.bfloat16 if bf16 else None,
        reduce_dtype=torch.float32,
        cast_forward_inputs=False,
    )
    for module in (*chosen, model):
        fully_shard(module, mesh=mesh, mp_policy=policy)
    model.to_empty(device=device)
    weights = build(True).state_dict() if world.is_main else {}
    options = StateDictOptions(full_state_dict=True, broadcast_from_rank0=True)
    set_model_state_dict(model, weights, options=options)
    return model


def full_weights(model: nn.Module) -> dict[str, Tensor]:
    """Return all weights on the CPU in the main process, and no weights elsewhere."""
    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    return cast(dict[str, Tensor], get_model_state_dict(model, options=options))
