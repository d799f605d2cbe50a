"""Shapes and settings of the Byte Latent Transformer, one nested object for each part of the model.

Table 10 of the paper lists the widths and depths of the released models. The module
:mod:`bytelatent.formats.released_blt` reads the flat keys of released files.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bytelatent.architecture.args import HashArgs, TransformerArgs
from bytelatent.tokenizers.constants import EOS_ID, VOCAB_SIZE

CrossLayers = Literal["none", "first", "last", "all"]
Pooling = Literal["max", "avg", "min"]


class LocalArgs(TransformerArgs):
    """Settings of the local encoder or of the local decoder.

    Attributes:
        window: attention window in bytes, the byte itself included.
        cross_attention: which layers have cross-attention between bytes and patches. In the
            encoder cross-attention follows its layer, in the decoder it precedes its layer.
    """

    window: int = Field(default=512, ge=1)
    cross_attention: CrossLayers = "all"

    def has_cross_attention(self, layer: int) -> bool:
        """Return whether layer ``layer`` (counted from 0) has cross-attention."""
        chosen = {"none": (), "first": (0,), "last": (self.n_layers - 1,)}
        return layer in chosen.get(self.cross_attention, range(self.n_layers))

    @property
    def cross_layers(self) -> list[int]:
        """Numbers of the layers with cross-attention, counted from 0."""
        return [layer for layer in range(self.n_layers) if self.has_cross_attention(layer)]


class ByteLatentTransformerArgs(BaseModel):
    """Settings of a complete Byte Latent Transformer.

    Attributes:
        encoder, global_model, decoder: settings of the three transformers.
        patch_vectors: ``K``, number of vectors of the local width that stand for one patch in
            cross-attention.
        cross_heads: number of heads of cross-attention; it and ``patch_vectors`` mean nothing in a
            model without cross-attention.
        pooling: how the states of the bytes of a patch are pooled into the patch vector (``max``,
            ``avg``, ``min``). If the encoder has cross-attention, exactly one pooling is named,
            and its result is projected to ``K`` vectors. If not, several poolings may be named,
            and their results are concatenated. An empty tuple means that the states of the bytes
            themselves are concatenated.
        patch_bytes: number of bytes that a patch may hold when the states of its bytes are
            concatenated; a longer patch is an error.
        hashes: settings of the hash n-gram embeddings.
        ngram_vocab_sizes: number of rows of each n-gram embedding table, by n-gram length; the
            caller passes the n-gram ids to ``forward``.
        vocab_size: number of token ids: 256 bytes and the special tokens.
        eos_id: token id that ends a document; attention does not cross it.
        seed: seed of the initial weights if the caller passes no generator.
        dropout: probability of dropping a value of the residual stream at the inputs of the
            encoder and of the decoder.
        weight_tying: whether the output layer shares the weights of the byte embedding.
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
        crosses = self.encoder.cross_layers or self.decoder.cross_layers
        if crosses and self.encoder.dim % self.cross_heads:
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
        """Width of a patch vector at the input of the global transformer."""
        if self.encoder.cross_layers:
            return self.patch_vectors * self.encoder.dim
        return (self.patch_bytes or len(self.pooling)) * self.encoder.dim
