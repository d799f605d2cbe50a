"""Schemas of ``GET /api/architecture``."""

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
    """Part of a BLT, or the entropy model that sets its patch boundaries."""

    key: PartKey
    title: str
    layers: int | None = Field(description="Number of layers; null for embeddings.")
    width: int
    heads: int | None
    sees: int | None = Field(
        description="Number of positions that one position attends to, itself included; null for "
        "all positions."
    )
    parameters: int = Field(ge=0)
    flops: list[float] = Field(
        description="Forward FLOPs per byte at each patch size; embedding look-ups cost nothing."
    )


class Architecture(Strict):
    """Architecture of a model, and its cost per byte."""

    model: str
    models: list[str] = Field(description="Names of the models that this route describes.")
    loaded: bool = Field(description="Whether this server has loaded the model.")
    bytes_per_patch: float = Field(description="Mean patch length in bytes, as calibrated.")
    threshold: Nats | None = Field(
        description="Entropy threshold in nats; a patch starts where the entropy is above it."
    )
    context: int = Field(description="Context length in bytes that the FLOPs are counted for.")
    vocabulary: int
    patch_vectors: int = Field(description="Number of vectors per patch in cross-attention.")
    hash_sizes: list[int] = Field(description="Lengths of the hashed n-grams in bytes.")
    hash_functions: int
    hash_buckets: int = Field(description="Number of rows of each hash table.")
    parameters: int = Field(
        description="Number of parameters of the BLT, without the entropy model."
    )
    patch_sizes: list[float] = Field(
        description="Patch sizes in bytes per patch at which FLOPs are listed."
    )
    parts: list[ArchitecturePart] = Field(description="Parts in the order of a forward pass.")
