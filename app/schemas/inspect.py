"""Schemas of ``POST /api/inspect``.

Legend: ``N`` bytes of the text; BOS comes first, so there are ``S = N + 1`` tokens; ``K`` vectors
per patch.
"""

from typing import Annotated, Literal

from pydantic import Field

from app.schemas.patches import Prediction
from app.schemas.schema import Nats, Request, Strict
from app.settings import INSPECT_LIMIT

EXAMPLE_TEXT = "The river rose in the night."
Heads = Literal["mean", "each"]
Share = Annotated[float, Field(ge=0, le=1)]


class InspectRequest(Request):
    """Text to inspect with the BLT."""

    text: str = Field(
        description=f"Text of at most {INSPECT_LIMIT:,} bytes as UTF-8; it may be empty.",
        examples=[EXAMPLE_TEXT],
    )
    heads: Heads = Field(
        default="mean",
        description="Cross-attention weights: `mean` over all heads, or `each` head in addition to "
        "the mean.",
    )
    top_k: int = Field(
        default=0,
        ge=0,
        le=16,
        description="Number of most probable next tokens to list for each token.",
    )


class InspectedPatch(Strict):
    """Patch of an inspected text."""

    position: int = Field(
        ge=1, description="Position in the global transformer; BOS has position 0."
    )
    start: int = Field(ge=0, description="Offset of its first byte.")
    length: int = Field(ge=1, description="Length in bytes.")
    text: str = Field(description="Bytes as text; U+FFFD stands for an incomplete character.")
    complete: bool = Field(
        description="False for a last patch that may continue; the global transformer has not read "
        "it yet."
    )


class HashTable(Strict):
    """Table of hash n-gram embeddings, and the bucket of each token's n-gram."""

    size: int = Field(ge=1, description="Length of the n-grams in bytes.")
    function: int = Field(ge=0, description="Number of the hash function.")
    buckets: list[int] = Field(
        description="S bucket numbers, one for the n-gram that ends at each token."
    )


class AttentionMap(Strict):
    """Cross-attention weights of one layer.

    In the local encoder, the vectors of a patch attend to the tokens of the patch: each row has the
    sum 1 over these tokens. In the local decoder, a token attends to the vectors of the patch
    before the patch of the next token: each column has the sum 1.
    """

    layer: int = Field(
        ge=1, description="Number of the layer among those with cross-attention, from 1."
    )
    head: int | None = Field(
        description="Number of the head, from 1; null for the mean of all heads."
    )
    weights: list[list[Share]] = Field(
        description="K rows, one for each vector of a patch, of S weights."
    )


class InspectResponse(Strict):
    """Forward pass of a BLT over a text of ``N`` bytes."""

    model: str
    threshold: Nats | None = Field(
        description="Entropy threshold in nats; a patch starts where the entropy is above it."
    )
    bytes: int = Field(ge=0, description="N, the number of UTF-8 bytes of the text.")
    tokens: list[int] = Field(description="S token ids: BOS, then every byte plus 4.")
    entropies: list[float] | None = Field(
        description="S entropies in nats; number i belongs to the prediction of token i + 1. Null "
        "if the patching rule needs no entropies."
    )
    nats: list[float] = Field(description="N surprisals -ln p of the BLT, one for each byte.")
    patch_lengths: list[int] = Field(
        description="Patch lengths; their sum is S + 1, because the next, unseen byte counts; the "
        "first patch is BOS alone."
    )
    patches: list[InspectedPatch] = Field(
        description="Patches in order; they cover the N bytes exactly."
    )
    read_into: list[int] = Field(
        description="For each of the S tokens, the patch whose vectors attend to it in the local "
        "encoder."
    )
    predicted_from: list[int] = Field(
        description="For each of the S tokens, the patch that predicts the next token: the patch "
        "before the next token's own."
    )
    hash_rows: int = Field(description="Number of rows of each hash table.")
    hashes: list[HashTable]
    encoder_attention: list[AttentionMap]
    decoder_attention: list[AttentionMap]
    predictions: list[list[Prediction]] | None = Field(
        default=None,
        description="Present only if top_k is above 0: the most probable next tokens for each "
        "token.",
    )
