"""Forward FLOPs per byte of each part of a BLT, by the paper's formulas (table 11, section 4.5).

A multiplication counts as one operation and so does an addition. Embedding look-ups cost nothing; a
backward pass costs twice a forward pass. The paper's sum does not include the entropy model; this
module reports the entropy model as a separate part.

Legend, as in the paper: ``l`` layers, ``h`` width, ``m`` keys that a query attends to, ``n_p``
bytes per patch, ``k`` vectors per patch, ``r`` number of keys for each query.
"""

from dataclasses import dataclass

from bytelatent.architecture.args import LMTransformerArgs
from bytelatent.architecture.blt_args import ByteLatentTransformerArgs, LocalArgs
from bytelatent.tokenizers.constants import VOCAB_SIZE

FEED_FORWARD_RATIO = 4
"""``d``: two matrices of ratio 4 cost as much as the three matrices of SwiGLU of ratio 8/3."""

OUTPUT_BYTES = 256
"""Number of rows of the output layer that the paper counts."""


@dataclass(frozen=True)
class FlopsPerByte:
    """Forward FLOPs per byte of each part of a BLT.

    Attributes:
        global_model: FLOPs of the global transformer, which runs once per patch.
        encoder, decoder: FLOPs of the local transformers; the decoder includes the output layer.
        encoder_cross, decoder_cross: FLOPs of cross-attention between bytes and patches.
        entropy_model: FLOPs of the entropy model, which cuts the patches; :attr:`blt` does not
            include them. None if the entropy model is not known.
    """

    global_model: float
    encoder: float
    decoder: float
    encoder_cross: float
    decoder_cross: float
    entropy_model: float | None = None

    @property
    def blt(self) -> float:
        """Forward FLOPs per byte of the BLT, the sum of section 4.5 of the paper."""
        return (
            self.global_model
            + self.encoder
            + self.decoder
            + self.encoder_cross
            + self.decoder_cross
        )


def attention(layers: int, width: int, keys: float) -> float:
    """Return the forward FLOPs of scores and weighted sums for one query, in all layers.

    The query has ``keys`` keys, of which the causal mask hides half on average.
    """
    return 4 * layers * width * (keys + 1) / 2


def projections(layers: int, width: int, ratio: float = 1) -> float:
    """Return the forward FLOPs of attention's four projections for one position, in all layers.

    There is one query and one output, and ``ratio`` keys and values.
    """
    return (2 * ratio + 2) * 2 * layers * width**2


def feed_forward(layers: int, width: int) -> float:
    """Return the forward FLOPs of the feed-forward networks for one position, in all layers."""
    return 2 * layers * 2 * width * FEED_FORWARD_RATIO * width


def transformer(layers: int, width: int, keys: float, outputs: int = 0) -> float:
    """Return the forward FLOPs of a transformer for one position.

    The output layer has ``outputs`` rows; 0 means that there is no output layer.
    """
    blocks = feed_forward(layers, width) + projections(layers, width)
    return blocks + attention(layers, width, keys) + 2 * width * outputs


def cross_attention(layers: int, width: int, keys: float, ratio: float) -> float:
    """Return the forward FLOPs of cross-attention for one query, in all layers."""
    return attention(layers, width, keys) + projections(layers, width, ratio)


def flops_per_byte(
    args: ByteLatentTransformerArgs,
    *,
    patch_size: float,
    context: int = 8192,
    entropy_model: LMTransformerArgs | None = None,
) -> FlopsPerByte:
    """Return the forward FLOPs per byte of every part of a BLT.

    Args:
        args: settings of the BLT.
        patch_size: mean number of bytes per patch, 1 or more.
        context: length of the context in bytes; the global transformer attends to
            ``context / patch_size`` patches.
        entropy_model: settings of the model that cuts the patches; None leaves its cost out.

    Raises:
        ValueError: ``patch_size`` or ``context`` is below one byte.
    """
    if not patch_size >= 1:
        raise ValueError(f"patch_size: {patch_size} is not 1 byte or more")
    if context < 1:
        raise ValueError(f"context: {context} is not 1 byte or more")
    wide, encoder, decoder, k = args.global_model, args.encoder, args.decoder, args.patch_vectors
    return FlopsPerByte(
        global_model=transformer(wide.n_layers, wide.dim, context / patch_size) / patch_size,
        encoder=transformer(encoder.n_layers, encoder.dim, encoder.window),
        decoder=transformer(decoder.n_layers, decoder.dim, decoder.window, OUTPUT_BYTES),
        encoder_cross=_cross(encoder, patch_size, patch_size / k) * k / patch_size,
        decoder_cross=_cross(decoder, k, k / patch_size),
        entropy_model=_entropy_model(entropy_model, context),
    )


def training_flops_per_byte(
    args: LMTransformerArgs | ByteLatentTransformerArgs, patch_size: float, context: int
) -> float:
    """Return the training FLOPs per byte: three times those of the forward pass.

    Args:
        args: settings of the trained model; the cost of measuring entropies is not included.
        patch_size: mean number of bytes per patch, or per token of a token model.
        context: length of a row in bytes, or in tokens for a token model.
    """
    if isinstance(args, ByteLatentTransformerArgs):
        return 3 * flops_per_byte(args, patch_size=max(1.0, patch_size), context=context).blt
    return 3 * token_flops(args, context) / max(1.0, patch_size)


def token_flops(args: LMTransformerArgs, context: int) -> float:
    """Return the forward FLOPs per token of a byte model or token model.

    Rows have ``context`` tokens; a byte model has one token per byte.
    """
    keys = min(context, args.window or context)
    outputs = OUTPUT_BYTES if args.vocab_size == VOCAB_SIZE else args.vocab_size
    return transformer(args.n_layers, args.dim, keys, outputs)


def _cross(args: LocalArgs, keys: float, ratio: float) -> float:
    return cross_attention(len(args.cross_layers), args.dim, keys, ratio)


def _entropy_model(args: LMTransformerArgs | None, context: int) -> float | None:
    if args is None:
        return None
    return token_flops(args, args.window or context)
