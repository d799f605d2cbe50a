"""Schemas of ``GET /api/model``."""

from typing import Literal

from pydantic import Field

from app.schemas.schema import Nats, Strict


class ModelPart(Strict):
    """Stack of transformer blocks of a model."""

    name: str
    layers: int = Field(ge=0)
    width: int = Field(ge=1)
    heads: int = Field(ge=1)
    window: int | None = Field(
        description="Number of positions that one position attends to, itself included; null for "
        "all positions."
    )


class ModelConfig(Strict):
    """Shape of a model: its vocabulary and its stacks of transformer blocks."""

    vocabulary: int = Field(ge=1)
    parts: list[ModelPart]


class CalibratedRule(Strict):
    """Threshold of a patching rule, and the bytes per patch that it gives on held-out text."""

    rule: str
    threshold: Nats
    bytes_per_patch: float = Field(ge=0)


class CalibrationSummary(Strict):
    """Calibration of a model's thresholds."""

    bytes: int | None = Field(description="Number of bytes of the measured held-out text.")
    languages: list[str] = Field(description="Tags of the languages in the held-out text.")
    rules: list[CalibratedRule]


class ModelFile(Strict):
    """File in a model's folder."""

    name: str
    bytes: int = Field(ge=0)


class ModelDescription(Strict):
    """Description of a model of this server."""

    name: str
    kind: Literal["entropy", "blt"]
    loaded: bool
    reason: str | None = Field(description="Why the model is not loaded.")
    parameters: int | None = Field(ge=0, description="Number of parameters; null without a config.")
    config: ModelConfig | None
    patching_mode: str | None = Field(description="Name of the patching rule.")
    threshold: Nats | None = Field(description="Threshold in nats.")
    calibrated: bool | None = Field(
        description="Whether the threshold was chosen for this model; false for that of Meta's "
        "checkpoints without a calibration, null without a threshold."
    )
    calibration: CalibrationSummary | None
    bytes: int = Field(ge=0, description="Size of all files in bytes.")
    files: list[ModelFile]
    licence: str | None = Field(description="Licence from the model card.")
    card: str | None = Field(description="URL of the model card, a text in Markdown.")


class Models(Strict):
    """Models of this server."""

    entropy: ModelDescription = Field(description="Entropy model, which measures texts.")
    blt: ModelDescription = Field(description="BLT, which generates texts.")
