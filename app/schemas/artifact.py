"""Schemas of ``GET /api/artifact/<name>``."""

from typing import Literal

from pydantic import Field

from app.schemas.schema import Strict
from app.schemas.visualizations import Artifact


class Fact(Strict):
    """Single value in a data file."""

    name: str = Field(description="Position of the value in the file.")
    value: str


class PreviewTable(Strict):
    """First rows of a table in a data file."""

    name: str = Field(description="Position of the table in the file.")
    columns: list[str]
    rows: list[list[str]] = Field(description="First rows, as text.")
    total: int | None = Field(description="Number of rows in the file, if it is known.")


class Preview(Strict):
    """Preview of a data file: single values, the first rows of tables, or text."""

    facts: list[Fact]
    tables: list[PreviewTable]
    text: str | None = Field(description="First characters of a file without tables.")


class ArtifactPage(Strict):
    """Figure with its formats and its data, or a data file."""

    name: str = Field(description="Name of the first file.")
    title: str
    description: str
    kind: Literal["interactive", "image", "data"]
    producer: str | None = Field(description="Command that writes the figure.")
    thumbnail: str | None
    url: str = Field(description="URL of the page about the figure.")
    modified: str = Field(description="Modification time of the newest file in ISO 8601, UTC.")
    files: list[Artifact]
    data: Preview | None = Field(description="Preview of the figure's data file.")
    previous: str | None = Field(description="Name of the previous figure in the gallery.")
    next: str | None
