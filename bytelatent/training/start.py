"""Initial weights of a run: fresh weights, or those of an existing model."""

from typing import Any

import torch
from torch import nn

from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.training.args import TrainArgs
from bytelatent.transformer import LMTransformer

INIT_ONLY_KEYS = {"seed", "init_base_std", "init_std_factor", "dropout"}
"""Settings of a model that only affect how fresh weights are drawn and how they are trained."""

Model = LMTransformer | ByteLatentTransformer


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
