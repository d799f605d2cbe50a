"""Forward FLOPs per byte of each part of a BLT, by the paper's formulas (table 11, section 4.5).

Multiplications and additions count one each. Look-ups of embeddings are free; a backward pass costs
twice a forward pass. The paper's sum leaves the entropy model out; here it is a part of its own.

Legend, as in the paper: ``l`` layers, ``h`` width, ``m`` keys a query sees, ``n_p`` bytes per
patch, ``k`` vectors per patch, ``r`` how many keys there are for each query.
"""

from dataclasses import dataclass

from bytelatent.architecture.args import LMTransformerArgs
from bytelatent.architecture.blt_args import ByteLatentTransformerArgs, LocalArgs
from bytelatent.tokenizers.constants import VOCAB_SIZE

FEED_FORWARD_RATIO = 4
"""``d``: two matrices of ratio 4 cost what SwiGLU's three of ratio 8/3 do."""

OUTPUT_BYTES = 256
"""Rows of the output layer that the paper counts."""


@dataclass(frozen=True)
class FlopsPerByte:
    """Forward FLOPs per byte by part.

    Attributes:
        global_model: the large transformer, once per patch.
        encoder, decoder: the local transformers, the output layer with the decoder.
        encoder_cross, decoder_cross: cross-attention between bytes and patches.
        entropy_model: what cuts the patches; not in :attr:`blt`.
    """

    global_model: float
    encoder: float
    decoder: float
    encoder_cross: float
    decoder_cross: float
    entropy_model: float | None = None

    @property
    def blt(self) -> float:
        """The paper's sum (section 4.5)."""
        return (
            self.global_model
            + self.encoder
            + self.decoder
            + self.encoder_cross
            + self.decoder_cross
        )


def attention(layers: int, width: int, keys: float) -> float:
    """Scores and weighted sums of one query over ``keys`` keys, half of them masked."""
    return 4 * layers * width * (keys + 1) / 2


def projections(layers: int, width: int, ratio: float = 1) -> float:
    """Queries and outputs for one position, keys and values for ``ratio`` of them."""
    return (2 * ratio + 2) * 2 * layers * width**2


def feed_forward(layers: int, width: int) -> float:
    """Both matrices for one position."""
    return 2 * layers * 2 * width * FEED_FORWARD_RATIO * width


def transformer(layers: int, width: int, keys: float, outputs: int = 0) -> float:
    """A transformer for one position; ``outputs`` rows of an output layer."""
    blocks = feed_forward(layers, width) + projections(layers, width)
    return blocks + attention(layers, width, keys) + 2 * width * outputs


def cross_attention(layers: int, width: int, keys: float, ratio: float) -> float:
    """Cross-attention of one query."""
    return attention(layers, width, keys) + projections(layers, width, ratio)


def flops_per_byte(
    args: ByteLatentTransformerArgs,
    *,
    patch_size: float,
    context: int = 8192,
    entropy_model: LMTransformerArgs | None = None,
) -> FlopsPerByte:
    """Forward FLOPs per byte of every part.

    Args:
        args: the model.
        patch_size: mean bytes per patch, 1 or more.
        context: bytes of context; the global model sees ``context / patch_size`` patches.
        entropy_model: the model that cuts the patches, if its cost is wanted.

    Raises:
        ValueError: a patch size below one byte, or a context of none.
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
    """Forward and backward FLOPs per byte: three times those of the forward pass.

    Args:
        args: the model that is trained; entropies measured on the way are not counted.
        patch_size: mean bytes per patch, or per token of a model of tokens.
        context: bytes of a row; tokens for a model of tokens.
    """
    if isinstance(args, ByteLatentTransformerArgs):
        return 3 * flops_per_byte(args, patch_size=max(1.0, patch_size), context=context).blt
    return 3 * token_flops(args, context) / max(1.0, patch_size)


def token_flops(args: LMTransformerArgs, context: int) -> float:
    """Forward FLOPs per token of a model of bytes or of tokens, in rows of ``context``."""
    keys = min(context, args.window or context)
    outputs = OUTPUT_BYTES if args.vocab_size == VOCAB_SIZE else args.vocab_size
    return transformer(args.n_layers, args.dim, keys, outputs)


def _cross(args: LocalArgs, keys: float, ratio: float) -> float:
    return cross_attention(len(args.cross_layers), args.dim, keys, ratio)


def _entropy_model(args: LMTransformerArgs | None, context: int) -> float | None:
    if args is None:
        return None
    return token_flops(args, args.window or context)
