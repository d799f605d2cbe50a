"""Parameter counts of each part of a model, computed from its settings without torch.

Legend: ``D`` width, ``H`` query heads, ``G`` key/value heads, ``E`` head width, ``F`` hidden width,
``V`` vocabulary, ``K`` vectors per patch, ``M`` width of a patch vector.
"""

from dataclasses import astuple, dataclass

from bytelatent.architecture.args import HashArgs, LMTransformerArgs, TransformerArgs
from bytelatent.architecture.blt_args import ByteLatentTransformerArgs, LocalArgs


@dataclass(frozen=True)
class Parameters:
    """Parameter counts of each part of a BLT, without the entropy model.

    Attributes:
        embeddings: parameters of the embeddings of single bytes.
        hashes: parameters of the hash n-gram tables and of the n-gram tables with ids.
        encoder, decoder: parameters of the local transformers; the decoder includes the last norm
            and the output layer.
        encoder_cross, decoder_cross: parameters of cross-attention. The encoder includes the
            projection of pooled byte states to patch vectors, the decoder includes the projection
            of global states to patch vectors.
        global_model: parameters of the global transformer and of its input projection.
    """

    embeddings: int
    hashes: int
    encoder: int
    encoder_cross: int
    global_model: int
    decoder_cross: int
    decoder: int

    @property
    def total(self) -> int:
        """Number of all parameters of the BLT."""
        return sum(astuple(self))


def blt_parameters(args: ByteLatentTransformerArgs) -> Parameters:
    """Return the parameter counts of a BLT, part by part."""
    local = args.encoder.dim
    wide = args.global_model.dim
    into_global = 0 if args.patch_width == wide else args.patch_width * wide
    return Parameters(
        embeddings=args.vocab_size * local,
        hashes=(_hash_rows(args.hashes) + sum(args.ngram_vocab_sizes.values())) * local,
        encoder=_blocks(args.encoder),
        encoder_cross=_cross(args.encoder, local * args.patch_width),
        global_model=_blocks(args.global_model) + into_global,
        decoder_cross=_cross(args.decoder, wide * args.patch_vectors * local)
        or (0 if wide == local else wide * local),
        decoder=_blocks(args.decoder) + _output(local, args.vocab_size, args.weight_tying),
    )


def entropy_parameters(args: LMTransformerArgs) -> int:
    """Return the parameter count of an entropy model."""
    output = _output(args.dim, args.vocab_size, args.weight_tying)
    rows = args.vocab_size + _hash_rows(args.hashes)
    return rows * args.dim + _blocks(args) + output


def _hash_rows(hashes: HashArgs | None) -> int:
    """Return the number of rows of all hash n-gram tables."""
    return 0 if hashes is None else hashes.tables * hashes.buckets


def _blocks(args: TransformerArgs) -> int:
    """Return the parameters of all layers: attention, SwiGLU and norms.

    Attention has ``D x E`` parameters for each head of queries, keys, values and outputs.
    """
    attention = 2 * args.dim * args.head_width * (args.n_heads + args.kv_heads)
    feed_forward = 3 * args.dim * args.ffn_hidden_dim()
    return args.n_layers * (attention + feed_forward + 2 * args.dim)


def _cross(args: LocalArgs, projection: int) -> int:
    """Return the parameters of cross-attention: four matrices and two norms for each layer."""
    layers = len(args.cross_layers)
    return layers * (4 * args.dim**2 + 2 * args.dim) + projection if layers else 0


def _output(dim: int, vocab_size: int, tied: bool) -> int:
    """Return the parameters of the last norm and of the output layer."""
    return dim + (0 if tied else dim * vocab_size)
