"""Schemas of ``GET /api/visualizations``."""

from typing import Literal

from pydantic import Field

from app.schemas.schema import Strict


class Artifact(Strict):
    """Stored figure or data file."""

    name: str
    kind: Literal["html", "images", "data"]
    title: str
    description: str
    url: str
    page: str = Field(description="URL of the page about the file.")
    thumbnail: str | None = Field(description="URL of a thumbnail.")
    bytes: int = Field(ge=0)
    modified: str = Field(description="Modification time in ISO 8601, UTC.")
    producer: str | None = Field(description="Command that writes the file.")
    data: str | None = Field(description="Name of the figure's data file.")


class ArtifactList(Strict):
    """Files of the gallery, or those that match the query."""

    html: list[str]
    images: list[str]
    data: list[str]
    items: list[Artifact]
    total: int = Field(ge=0, description="Number of matching files, on this page and all others.")
    next: str | None = Field(description="URL of the next page; null on the last page.")
