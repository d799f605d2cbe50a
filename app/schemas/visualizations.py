"""``GET /api/visualizations``."""

from typing import Literal

from pydantic import Field

from app.schemas.schema import Strict


class Artifact(Strict):
    """A stored figure or data file."""

    name: str
    kind: Literal["html", "images", "data"]
    title: str
    description: str
    url: str
    page: str = Field(description="URL of the page about it.")
    thumbnail: str | None = Field(description="URL of a small picture of it.")
    bytes: int = Field(ge=0)
    modified: str = Field(description="ISO 8601, UTC.")
    producer: str | None = Field(description="The command that writes it.")
    data: str | None = Field(description="Name of the data file behind a figure.")


class ArtifactList(Strict):
    """Files of the gallery: all of them, or those that were asked for."""

    html: list[str]
    images: list[str]
    data: list[str]
    items: list[Artifact]
    total: int = Field(ge=0, description="Files that match, on this page and the others.")
    next: str | None = Field(description="URL of the next page, if files are left.")
