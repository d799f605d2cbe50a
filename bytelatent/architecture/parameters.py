"""How many parameters each part of a model has, by its args alone; torch is not needed.

Legend: ``D`` width, ``H`` query heads, ``G`` key/value heads, ``E`` head width, ``F`` hidden width,
``V`` vocabulary, ``K`` vectors per patch, ``M`` width of a patch vector.
"""

from dataclasses import astuple, dataclass

from bytelatent.architecture.args import HashArgs, LMTransformerArgs, TransformerArgs
from bytelatent.architecture.blt_args import ByteLatentTransformerArgs, LocalArgs


@dataclass(frozen=True)
class Parameters:
    """Parameters by part of a BLT; the entropy model is not among them.

    Attributes:
        embeddings: of single bytes.
        hashes: tables of hash n-grams, and of n-grams that have ids of their own.
        encoder, decoder: the local transformers, norm and output layer with the decoder.
        encoder_cross, decoder_cross: cross-attention, with the projection that makes patch vectors
            of pooled bytes, and the one that makes them of global states.
        global_model: the large transformer, with the projection in front of it.
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
        """All of the BLT."""
        return sum(astuple(self))


def blt_parameters(args: ByteLatentTransformerArgs) -> Parameters:
    """Parameters of a BLT, part by part."""
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
    """Parameters of an entropy model."""
    output = _output(args.dim, args.vocab_size, args.weight_tying)
    rows = args.vocab_size + _hash_rows(args.hashes)
    return rows * args.dim + _blocks(args) + output


def _hash_rows(hashes: HashArgs | None) -> int:
    """Of all tables of hash n-grams."""
    return 0 if hashes is None else hashes.tables * hashes.buckets


def _blocks(args: TransformerArgs) -> int:
    """Every layer: ``D x E`` for each head of queries, keys, values and outputs, SwiGLU, norms."""
    attention = 2 * args.dim * args.head_width * (args.n_heads + args.kv_heads)
    feed_forward = 3 * args.dim * args.ffn_hidden_dim()
    return args.n_layers * (attention + feed_forward + 2 * args.dim)


def _cross(args: LocalArgs, projection: int) -> int:
    """Four matrices and two norms for each layer that has cross-attention."""
    layers = len(args.cross_layers)
    return layers * (4 * args.dim**2 + 2 * args.dim) + projection if layers else 0


def _output(dim: int, vocab_size: int, tied: bool) -> int:
    """The last norm and the output layer."""
    return dim + (0 if tied else dim * vocab_size)
