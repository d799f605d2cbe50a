"""Shapes and settings of the networks, checked when they are made."""

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
    """A stack of pre-norm transformer blocks (RMSNorm, rotary attention, SwiGLU).

    Attributes:
        dim: width of the residual stream.
        n_layers: number of blocks.
        n_heads: number of attention heads (of queries).
        head_dim: width of a head; ``dim // n_heads`` when null.
        n_kv_heads: heads of keys and values, fewer than ``n_heads`` for grouped attention.
        ffn_dim_multiplier, multiple_of: see :meth:`ffn_hidden_dim`.
        norm_eps: epsilon of RMSNorm.
        rope_theta: base of the rotary angles.
        init_base_std, init_std_factor: see :mod:`bytelatent.model.init`.
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
        """Width of one head."""
        return self.head_dim or self.dim // self.n_heads

    @property
    def kv_heads(self) -> int:
        """Number of key and value heads."""
        return self.n_kv_heads or self.n_heads

    def ffn_hidden_dim(self) -> int:
        """Hidden width of SwiGLU: 2/3 of 4 x dim, scaled, then rounded up to ``multiple_of``."""
        hidden = int(2 * 4 * self.dim / 3)
        if self.ffn_dim_multiplier is not None:
            hidden = int(self.ffn_dim_multiplier * hidden)
        return self.multiple_of * ((hidden + self.multiple_of - 1) // self.multiple_of)


class HashArgs(BaseModel):
    """Hash n-gram embeddings, summed onto the byte's own (paper, section 3.2.1).

    Attributes:
        sizes: n-gram lengths; empty for none.
        buckets: rows of each table.
        functions: hash functions, each with its own tables.
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
        """How many tables there are: one for each function and size."""
        return self.functions * len(self.sizes)

    @property
    def longest(self) -> int:
        """Bytes of the longest n-gram; 1 without any."""
        return max(self.sizes, default=1)


class LMTransformerArgs(TransformerArgs):
    """The byte language model that measures entropies.

    Attributes:
        sliding_window: bytes a byte sees, itself included (local attention only).
        attn_bias_type: ``causal`` sees everything before, ``block_causal`` the same document,
            ``local_block_causal`` the last ``sliding_window`` bytes of the same document.
        max_seqlen: longest row in training; measuring entropies has no limit.
        vocab_size: number of token ids: 256 bytes and the special tokens.
        eos_id: token id that ends a document; attention does not cross it.
        seed: seed of fresh weights, where no other is given.
        weight_tying: the output layer shares the embedding's weights.
        hashes: hash n-gram embeddings, summed onto those of bytes; null for none, and then files
            do not mention it.
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
        """Leave ``hashes`` out where there are none: released files do not know the key."""
        found: dict[str, Any] = handler(self)
        if self.hashes is None:
            found.pop("hashes", None)
        return found

    @model_validator(mode="after")
    def _check_window(self) -> "LMTransformerArgs":
        if self.attn_bias_type == "local_block_causal" and self.sliding_window is None:
            raise ValueError("attn_bias_type 'local_block_causal' needs a sliding_window")
        return self

    @property
    def window(self) -> int | None:
        """Bytes a byte sees, or None for all."""
        return self.sliding_window if self.attn_bias_type.startswith("local") else None

    @property
    def separates_documents(self) -> bool:
        """Whether attention stops at an end of document."""
        return "block" in self.attn_bias_type
