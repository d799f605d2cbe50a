"""``GET /api/visualizations``."""

from typing import Literal

from pydantic import Field

from app.schemas.base import Strict


class Artifact(Strict):
    """A stored figure or data file."""

    name: str
    kind: Literal["html", "images", "data"]
    title: str
    description: str
    url: str
    bytes: int = Field(ge=0)
    modified: str = Field(description="ISO 8601, UTC.")
    producer: str | None = Field(description="The command that writes it.")
    data: str | None = Field(description="Name of the data file behind a figure.")


class ArtifactList(Strict):
    """Everything in the gallery."""

    html: list[str]
    images: list[str]
    data: list[str]
    items: list[Artifact]
