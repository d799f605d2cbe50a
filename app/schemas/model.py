"""``GET /api/model``."""

from typing import Literal

from pydantic import Field

from app.schemas.schema import Nats, Strict


class ModelPart(Strict):
    """One stack of transformer blocks."""

    name: str
    layers: int = Field(ge=0)
    width: int = Field(ge=1)
    heads: int = Field(ge=1)
    window: int | None = Field(
        description="Positions that one position sees, itself included; null for all of them."
    )


class ModelConfig(Strict):
    """The shape of a model."""

    vocabulary: int = Field(ge=1)
    parts: list[ModelPart]


class CalibratedRule(Strict):
    """What a threshold was found to give on held-out text."""

    rule: str
    threshold: Nats
    bytes_per_patch: float = Field(ge=0)


class CalibrationSummary(Strict):
    """How thresholds were chosen."""

    bytes: int | None = Field(description="Of the held-out text that was measured.")
    languages: list[str] = Field(description="Tags of what it holds.")
    rules: list[CalibratedRule]


class ModelFile(Strict):
    """A file of a model's folder."""

    name: str
    bytes: int = Field(ge=0)


class ModelDescription(Strict):
    """One model of this server."""

    name: str
    kind: Literal["entropy", "blt"]
    loaded: bool
    reason: str | None = Field(description="Why it is not loaded.")
    parameters: int | None = Field(ge=0, description="Null if there is no config to count by.")
    config: ModelConfig | None
    patching_mode: str | None = Field(description="How its patches are cut.")
    threshold: Nats | None = Field(description="Nats, the one it was calibrated to.")
    calibration: CalibrationSummary | None
    bytes: int = Field(ge=0, description="Of all its files.")
    files: list[ModelFile]
    licence: str | None = Field(description="As its card has it.")
    card: str | None = Field(description="URL of its card, a text in Markdown.")


class Models(Strict):
    """The models of this server."""

    entropy: ModelDescription = Field(description="The model that measures entropies.")
    blt: ModelDescription = Field(description="The model that makes text.")
