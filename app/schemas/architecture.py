"""``GET /api/architecture``."""

from typing import Literal

from pydantic import Field

from app.schemas.schema import Nats, Strict

PartKey = Literal[
    "entropy_model",
    "embeddings",
    "encoder",
    "encoder_cross",
    "global_model",
    "decoder_cross",
    "decoder",
]


class ArchitecturePart(Strict):
    """One part of a BLT, or the entropy model that cuts its patches."""

    key: PartKey
    title: str
    layers: int | None = Field(description="Null for embeddings.")
    width: int
    heads: int | None
    sees: int | None = Field(
        description="Positions that one position sees, itself included; null for all of them."
    )
    parameters: int = Field(ge=0)
    flops: list[float] = Field(
        description="Forward FLOPs per byte at each of the patch sizes; look-ups are free."
    )


class Architecture(Strict):
    """The shape of a model, and what a byte costs in it."""

    model: str
    models: list[str] = Field(description="Models that this route describes.")
    loaded: bool = Field(description="Whether it is the one that this server has loaded.")
    bytes_per_patch: float = Field(description="Mean length of its patches, as calibrated.")
    threshold: Nats | None = Field(description="Nats; entropy above which a patch starts.")
    context: int = Field(description="Bytes of context that the FLOPs are counted for.")
    vocabulary: int
    patch_vectors: int = Field(description="Vectors per patch in cross-attention.")
    hash_sizes: list[int] = Field(description="Lengths of the hashed n-grams, in bytes.")
    hash_functions: int
    hash_buckets: int = Field(description="Rows of each hash table.")
    parameters: int = Field(description="Of the BLT, without the entropy model.")
    patch_sizes: list[float] = Field(description="Bytes per patch that FLOPs are given for.")
    parts: list[ArchitecturePart] = Field(description="In the order of a forward pass.")
