"""Shapes and settings of the Byte Latent Transformer, nested as the model is.

The widths and depths of the released models are in the paper's table 10; the flat keys of released
files are read in :mod:`bytelatent.formats.released_blt`.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bytelatent.architecture.args import HashArgs, TransformerArgs
from bytelatent.tokenizers.constants import EOS_ID, VOCAB_SIZE

CrossLayers = Literal["none", "first", "last", "all"]
Pooling = Literal["max", "avg", "min"]


class LocalArgs(TransformerArgs):
    """The local encoder or decoder.

    Attributes:
        window: bytes a byte sees, itself included.
        cross_attention: layers with cross-attention between bytes and patches; the encoder's
            follows its layer, the decoder's precedes it.
    """

    window: int = Field(default=512, ge=1)
    cross_attention: CrossLayers = "all"

    def has_cross_attention(self, layer: int) -> bool:
        """Whether layer ``layer`` (from 0) has cross-attention."""
        chosen = {"none": (), "first": (0,), "last": (self.n_layers - 1,)}
        return layer in chosen.get(self.cross_attention, range(self.n_layers))

    @property
    def cross_layers(self) -> list[int]:
        """Layers with cross-attention."""
        return [layer for layer in range(self.n_layers) if self.has_cross_attention(layer)]


class ByteLatentTransformerArgs(BaseModel):
    """The whole model.

    Attributes:
        encoder, global_model, decoder: the three transformers.
        patch_vectors: ``K``, local-width vectors per patch in cross-attention.
        cross_heads: heads of cross-attention.
        pooling: how the bytes of a patch become its first vector (``max``, ``avg``, ``min``),
            which is then projected to ``K`` vectors when the encoder has cross-attention. Without
            it several may be named and stand side by side; none at all stands for the bytes
            themselves, side by side.
        patch_bytes: room for bytes when they stand side by side; a longer patch is an error.
        hashes: hash n-gram embeddings.
        ngram_vocab_sizes: rows of the n-gram table embeddings by n-gram length; their ids are
            given to ``forward``.
        vocab_size: number of token ids: 256 bytes and the special tokens.
        eos_id: token id that ends a document; attention does not cross it.
        seed: seed of fresh weights, where no other is given.
        dropout: share of residual-stream values dropped at the inputs of encoder and decoder.
        weight_tying: the output layer shares the byte embedding's weights.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    encoder: LocalArgs = LocalArgs(dim=1024, n_layers=1, n_heads=16, cross_attention="last")
    global_model: TransformerArgs = TransformerArgs(dim=2048, n_layers=25, n_heads=16)
    decoder: LocalArgs = LocalArgs(dim=1024, n_layers=9, n_heads=16, cross_attention="all")
    patch_vectors: int = Field(default=2, ge=1)
    cross_heads: int = Field(default=16, ge=1)
    pooling: tuple[Pooling, ...] = ("max",)
    patch_bytes: int | None = Field(default=None, ge=1)
    hashes: HashArgs = HashArgs()
    ngram_vocab_sizes: dict[int, int] = {}
    vocab_size: int = Field(default=VOCAB_SIZE, ge=2)
    eos_id: int = Field(default=EOS_ID, ge=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    weight_tying: bool = False
    seed: int = 42

    @model_validator(mode="after")
    def _check(self) -> "ByteLatentTransformerArgs":
        if self.encoder.dim != self.decoder.dim:
            raise ValueError(
                f"decoder.dim {self.decoder.dim} must equal encoder.dim {self.encoder.dim}: "
                "the decoder starts from the encoder's byte states"
            )
        if self.encoder.dim % self.cross_heads:
            raise ValueError(
                f"encoder.dim {self.encoder.dim} is not a multiple of cross_heads "
                f"{self.cross_heads}"
            )
        if self.encoder.cross_layers and len(self.pooling) != 1:
            raise ValueError(
                f"pooling: {self.pooling} names {len(self.pooling)}; cross-attention in the "
                "encoder starts from one"
            )
        if bool(self.pooling) == bool(self.patch_bytes):
            raise ValueError("give either pooling or (without any pooling) patch_bytes")
        return self

    @property
    def patch_width(self) -> int:
        """Width of a patch's vector before the global model."""
        if self.encoder.cross_layers:
            return self.patch_vectors * self.encoder.dim
        return (self.patch_bytes or len(self.pooling)) * self.encoder.dim
