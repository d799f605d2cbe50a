"""Beginning of a run: whether its model fits, and initial weights, fresh or of another model."""

from typing import Any

import torch
from torch import nn

from bytelatent.architecture.parameters import blt_parameters, entropy_parameters
from bytelatent.distributed.devices import total_memory
from bytelatent.distributed.env import World
from bytelatent.loading import Model
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.training.args import TrainArgs
from bytelatent.transformer import LMTransformer

INIT_ONLY_KEYS = {"seed", "init_base_std", "init_std_factor", "dropout"}
"""Settings of a model that only affect how fresh weights are drawn and how they are trained."""


BYTES_PER_PARAMETER = {"adamw": 16, "muon": 12}
"""Bytes that training takes for each parameter at least: weight, gradient and moments in fp32."""


def check_memory(args: TrainArgs, world: World, device: torch.device) -> None:
    """Check that the model of a run can fit into memory, before anything is built.

    Raises:
        ValueError: weights, gradients and optimiser state alone exceed the memory of the device, or
            the weights exceed the memory of the machine, where they are drawn.
    """
    if args.blt is not None:
        name, count = "blt", blt_parameters(args.blt).total
    else:
        assert args.entropy_model is not None
        name, count = "entropy_model", entropy_parameters(args.entropy_model)
    shards = max(1, world.size // args.distributed.replicas)
    cpu = torch.device("cpu")
    for needed, where in (
        (BYTES_PER_PARAMETER[args.optim.name] * count // shards, device),
        (4 * count, cpu),
    ):
        total = total_memory(where)
        if total is not None and needed > total:
            raise ValueError(
                f"{name}: the model has {count:,} parameters, for which training needs at least "
                f"{needed / 2**30:,.1f} GiB on {where}, which has {total / 2**30:,.1f} GiB; lower "
                "the width or the number of layers, or share the model among more processes"
            )


def starting_model(args: TrainArgs) -> Model:
    """Build the model of a run on the CPU, with its initial weights.

    The weights of a byte model without hash n-grams may initialise a model with hash n-grams: the
    tables of the new n-grams are zero, so that the run begins with the same predictions.

    Raises:
        ValueError: the model that ``init_from`` names is missing, damaged or of another shape.
    """
    kind = LMTransformer if args.entropy_model else ByteLatentTransformer
    if args.init_from is None:
        model: Model = kind(args.model)  # type: ignore[arg-type]
        model.init_weights(torch.Generator().manual_seed(args.seed))
        return model
    initial: Model = kind.from_pretrained(args.init_from, dtype=torch.float32)
    shape, configured = shape_of(initial.args), shape_of(args.model)
    if shape == configured:
        return initial
    plain = {"hashes": None}  # settings do not mention n-grams where there are none
    if shape.get("hashes") or shape | plain != configured | plain:
        raise ValueError(
            f"init_from: the model in {args.init_from} has other shapes than this configuration"
        )
    model = kind(args.model)  # type: ignore[arg-type]
    for table in model.ngram_tables():
        assert isinstance(table, nn.Embedding)
        nn.init.zeros_(table.weight)
    model.load_state_dict(initial.state_dict(), strict=False)
    return model


def shape_of(args: Any) -> dict[str, Any]:
    """Return a model's settings without those that only concern fresh weights and training."""
    settings: dict[str, Any] = args.model_dump()
    for part in (settings, *(x for x in settings.values() if isinstance(x, dict))):
        for key in INIT_ONLY_KEYS & part.keys():
            del part[key]
    return settings
