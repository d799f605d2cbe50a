"""Shapes and settings of the transformers, checked when an object of settings is created."""

from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from bytelatent.architecture.ngrams import PRIMES
from bytelatent.tokenizers.constants import EOS_ID, VOCAB_SIZE

InitStdFactor = Literal["disabled", "global_depth", "current_depth", "dim_ratio"]
AttnBiasType = Literal["causal", "block_causal", "local_block_causal"]


class TransformerArgs(BaseModel):
    """Settings of a stack of pre-norm transformer blocks (RMSNorm, rotary attention, SwiGLU).

    Attributes:
        dim: width of the residual stream.
        n_layers: number of transformer blocks.
        n_heads: number of query heads.
        head_dim: width of one attention head; ``dim // n_heads`` when null.
        n_kv_heads: number of key/value heads; fewer than ``n_heads`` for grouped attention,
            ``n_heads`` when null.
        ffn_dim_multiplier, multiple_of: factor and rounding of the hidden width of SwiGLU (see
            :meth:`ffn_hidden_dim`).
        norm_eps: epsilon of RMSNorm.
        rope_theta: base of the rotary angles.
        init_base_std, init_std_factor: standard deviation of initial weights and the rule of its
            depth factor (see :mod:`bytelatent.model.init`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    dim: int = Field(default=512, ge=1)
    n_layers: int = Field(default=8, ge=1)
    n_heads: int = Field(default=8, ge=1)
    head_dim: int | None = Field(default=None, ge=2)
    n_kv_heads: int | None = Field(default=None, ge=1)
    ffn_dim_multiplier: float | None = Field(default=None, gt=0)
    multiple_of: int = Field(default=256, ge=1)
    norm_eps: float = Field(default=1e-5, gt=0)
    rope_theta: float = Field(default=10000.0, gt=0)
    init_base_std: float | None = Field(default=None, gt=0)
    init_std_factor: InitStdFactor = "disabled"

    @model_validator(mode="after")
    def _check_heads(self) -> "TransformerArgs":
        if self.head_dim is None and self.dim % self.n_heads:
            raise ValueError(f"dim {self.dim} is not a multiple of n_heads {self.n_heads}")
        if self.n_heads % self.kv_heads:
            raise ValueError(
                f"n_heads {self.n_heads} is not a multiple of n_kv_heads {self.kv_heads}"
            )
        if self.head_width % 2:
            raise ValueError(f"head width {self.head_width} is odd; rotary embeddings need pairs")
        return self

    @property
    def head_width(self) -> int:
        """Width of one attention head."""
        return self.head_dim or self.dim // self.n_heads

    @property
    def kv_heads(self) -> int:
        """Number of key/value heads."""
        return self.n_kv_heads or self.n_heads

    def ffn_hidden_dim(self) -> int:
        """Return the hidden width of SwiGLU: 2/3 of 4 x dim, scaled, rounded up.

        The scale is ``ffn_dim_multiplier``; the result is a multiple of ``multiple_of``.
        """
        hidden = int(2 * 4 * self.dim / 3)
        if self.ffn_dim_multiplier is not None:
            hidden = int(self.ffn_dim_multiplier * hidden)
        return self.multiple_of * ((hidden + self.multiple_of - 1) // self.multiple_of)


class HashArgs(BaseModel):
    """Settings of the hash n-gram embeddings, which are added to the embedding of each byte.

    The paper describes them in section 3.2.1.

    Attributes:
        sizes: n-gram lengths in bytes; empty for no hash n-grams.
        buckets: number of rows of each embedding table.
        functions: number of hash functions; each function has its own tables.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sizes: tuple[int, ...] = (3, 4, 5, 6, 7, 8)
    buckets: int = Field(default=500_002, ge=1)
    functions: int = Field(default=1, ge=1, le=len(PRIMES))

    @model_validator(mode="after")
    def _check_sizes(self) -> "HashArgs":
        if any(size < 1 for size in self.sizes):
            raise ValueError(f"sizes: n-gram lengths must be 1 or more, got {self.sizes}")
        return self

    @property
    def tables(self) -> int:
        """Number of embedding tables: one for each pair of hash function and n-gram length."""
        return self.functions * len(self.sizes)

    @property
    def longest(self) -> int:
        """Length of the longest n-gram in bytes; 1 without hash n-grams."""
        return max(self.sizes, default=1)


class LMTransformerArgs(TransformerArgs):
    """Settings of the byte language model that measures entropies.

    Attributes:
        sliding_window: attention window in bytes, the byte itself included; only
            ``local_block_causal`` uses it.
        attn_bias_type: attention mask. With ``causal`` a byte attends to all earlier bytes, with
            ``block_causal`` to those of its own document, with ``local_block_causal`` to the last
            ``sliding_window`` bytes of its own document.
        max_seqlen: longest row in training, in bytes; measuring entropies has no limit.
        vocab_size: number of token ids: 256 bytes and the special tokens.
        eos_id: token id that ends a document; attention does not cross it.
        seed: seed of the initial weights if the caller passes no generator.
        weight_tying: whether the output layer shares the weights of the byte embedding.
        hashes: settings of the hash n-gram embeddings; null for none, and then the key is left
            out of files.
    """

    vocab_size: int = Field(default=VOCAB_SIZE, ge=2)
    max_seqlen: int = Field(default=8192, ge=1)
    sliding_window: int | None = Field(default=512, ge=1)
    attn_bias_type: AttnBiasType = "local_block_causal"
    eos_id: int = Field(default=EOS_ID, ge=0)
    weight_tying: bool = False
    seed: int = 42
    hashes: HashArgs | None = None

    @model_serializer(mode="wrap")
    def _dump(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave ``hashes`` out if it is null: released files do not have the key."""
        fields: dict[str, Any] = handler(self)
        if self.hashes is None:
            fields.pop("hashes", None)
        return fields

    @model_validator(mode="after")
    def _check_window(self) -> "LMTransformerArgs":
        if self.attn_bias_type == "local_block_causal" and self.sliding_window is None:
            raise ValueError("attn_bias_type 'local_block_causal' needs a sliding_window")
        return self

    @property
    def window(self) -> int | None:
        """Attention window in bytes; None if a byte attends to all earlier bytes."""
        return self.sliding_window if self.attn_bias_type.startswith("local") else None

    @property
    def separates_documents(self) -> bool:
        """Whether attention stops at the end of a document."""
        return "block" in self.attn_bias_type
