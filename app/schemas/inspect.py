"""``POST /api/inspect``.

Legend: ``N`` bytes of the text; BOS comes first, so there are ``S = N + 1`` tokens; ``K`` vectors
per patch.
"""

from typing import Annotated, Literal

from pydantic import Field

from app.schemas.patches import Prediction
from app.schemas.schema import Nats, Request, Strict
from app.settings import INSPECT_LIMIT

Heads = Literal["mean", "each"]
Share = Annotated[float, Field(ge=0, le=1)]


class InspectRequest(Request):
    """A text to follow through the model."""

    text: str = Field(
        description=f"The text; at most {INSPECT_LIMIT} bytes as UTF-8. May be empty.",
        examples=["The river rose in the night."],
    )
    heads: Heads = Field(
        default="mean",
        description="Weights of cross-attention: the mean of all heads, or besides each one.",
    )
    top_k: int = Field(
        default=0, ge=0, le=16, description="How many likely next tokens to list for each token."
    )


class InspectedPatch(Strict):
    """One patch of the text."""

    position: int = Field(ge=1, description="Its place in the global model; BOS has place 0.")
    start: int = Field(ge=0, description="Offset of its first byte.")
    length: int = Field(ge=1, description="Bytes.")
    text: str = Field(description="Its bytes as text; U+FFFD stands for parts of characters.")
    complete: bool = Field(
        description="False for a last patch that may go on: the global model has not read it yet."
    )


class HashTable(Strict):
    """One table of hash n-gram embeddings, and where each token's n-gram falls in it."""

    size: int = Field(ge=1, description="Length of the n-grams.")
    function: int = Field(ge=0, description="Number of the hash function.")
    buckets: list[int] = Field(description="S rows, one for the n-gram that ends at each token.")


class AttentionMap(Strict):
    """Weights of cross-attention in one layer.

    In the encoder a patch's vectors look at the tokens of the patch: over these, each row has the
    sum 1. In the decoder a token looks at the vectors of the patch before the next token's: each
    column has the sum 1.
    """

    layer: int = Field(ge=1, description="Number among the layers that have cross-attention.")
    head: int | None = Field(description="From 1; null for the mean of all heads.")
    weights: list[list[Share]] = Field(description="K rows, one for each vector, of S weights.")


class InspectResponse(Strict):
    """What a BLT does with a text of ``N`` bytes."""

    model: str
    threshold: Nats | None = Field(description="Nats; entropy above which a patch starts.")
    bytes: int = Field(ge=0, description="N, the bytes of the text as UTF-8.")
    tokens: list[int] = Field(description="S ids: BOS, then every byte plus 4.")
    entropies: list[float] | None = Field(
        description="S entropies in nats; number i belongs to the prediction of token i + 1. "
        "Null if the model's rule needs none."
    )
    nats: list[float] = Field(description="N surprisals -ln p by the BLT, one for every byte.")
    patch_lengths: list[int] = Field(
        description="They sum to S + 1, for the next, unseen byte counts; the first is BOS alone."
    )
    patches: list[InspectedPatch] = Field(description="They cover exactly the N bytes, in order.")
    read_into: list[int] = Field(description="Patch that each of the S tokens is read into.")
    predicted_from: list[int] = Field(
        description="Patch that the token after each of the S tokens is predicted from: the one "
        "before its own."
    )
    hash_rows: int = Field(description="Rows of each hash table.")
    hashes: list[HashTable]
    encoder_attention: list[AttentionMap]
    decoder_attention: list[AttentionMap]
    predictions: list[list[Prediction]] | None = Field(
        default=None,
        description="Only if top_k is above 0: for each token the likeliest next ones.",
    )
