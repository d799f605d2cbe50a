"""Training FLOPs of a run, by the formulas of the BLT paper (table 11, section 4.5).

The count adds one part that the paper leaves out and that matters in small models: ``maps``, the
linear maps between the widths of bytes, of patch vectors and of the global model. So the parts
together are all matrix products of the models, and half of those of attention, because the other
half is masked. A backward pass costs twice a forward pass. The entropy model is counted separately:
it runs forward once over every byte of training, and it is not trained.
"""

from dataclasses import asdict, dataclass

from bytelatent.architecture.args import LMTransformerArgs
from bytelatent.architecture.blt_args import ByteLatentTransformerArgs
from bytelatent.architecture.flops_per_byte import (
    OUTPUT_BYTES,
    attention,
    flops_per_byte,
    token_flops,
)
from bytelatent.data.loader import Loader
from bytelatent.tokenizers.constants import VOCAB_SIZE
from bytelatent.training.args import TrainArgs

MEASURED_BATCHES = 64
"""Number of batches from whose patches or tokens the length of a run is computed."""

FORWARD_AND_BACKWARD = 3


@dataclass(frozen=True)
class Rates:
    """Mean contents of the batches of a run.

    Attributes:
        bytes_per_step: bytes in all rows of a step.
        bytes_per_unit: bytes per patch of a BLT, otherwise bytes per token.
    """

    bytes_per_step: float
    bytes_per_unit: float


def measure_rates(run: TrainArgs, batches: int = MEASURED_BATCHES) -> Rates:
    """Measure the mean contents of the first batches that a run will read."""
    patcher = None if run.patcher is None else run.patcher.build()
    size = units = 0
    for batch in Loader(run.data, "train", patcher=patcher).fixed_batches(batches):
        size += int(batch.sizes_BS.sum())
        lengths = batch.patch_lengths_BP
        if patcher is None:
            units += int(batch.counted_BS.sum())
        else:
            assert lengths is not None, "text with entropies was prepared for rules that need them"
            units += int((lengths > 0).sum())
    return Rates(size / batches, size / units)


def forward_parts(run: TrainArgs, bytes_per_unit: float) -> dict[str, float]:
    """Return the forward FLOPs per byte of every part of the model, without the entropy model."""
    context = run.data.seq_len
    if run.blt is not None:
        parts = asdict(flops_per_byte(run.blt, patch_size=bytes_per_unit, context=context))
        del parts["entropy_model"]
        return parts | {"maps": map_flops(run.blt) / bytes_per_unit}
    assert run.entropy_model is not None
    args = run.entropy_model
    total = token_flops(args, context)
    looking = attention(args.n_layers, args.dim, min(context, args.window or context))
    outputs = 2 * args.dim * (OUTPUT_BYTES if args.vocab_size == VOCAB_SIZE else args.vocab_size)
    parts = {"blocks": total - looking - outputs, "attention": looking, "output": outputs}
    return {name: flops / bytes_per_unit for name, flops in parts.items()}


def training_flops(run: TrainArgs, bytes_per_unit: float) -> float:
    """Return the forward and backward FLOPs per byte, without the entropy model."""
    return FORWARD_AND_BACKWARD * sum(forward_parts(run, bytes_per_unit).values())


def entropy_flops(args: LMTransformerArgs) -> float:
    """Return the forward FLOPs per byte of the entropy model with a full window."""
    return token_flops(args, args.window or args.max_seqlen)


def map_flops(args: ByteLatentTransformerArgs) -> float:
    """Return the forward FLOPs per patch of the linear maps between widths.

    The paper does not count them.
    """
    local, wide = args.encoder.dim, args.global_model.dim
    flops = 0
    if args.encoder.cross_layers:
        flops += 2 * local * args.patch_width  # from pooled byte states to patch vectors
    if args.patch_width != wide:
        flops += 2 * args.patch_width * wide  # from patch vectors to the global width
    back = args.patch_vectors * local if args.decoder.cross_layers else local
    if args.decoder.cross_layers or back != wide:
        flops += 2 * wide * back  # from global states to the decoder
    return flops
