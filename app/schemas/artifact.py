"""``GET /api/artifact/<name>``."""

from typing import Literal

from pydantic import Field

from app.schemas.schema import Strict
from app.schemas.visualizations import Artifact


class Fact(Strict):
    """A single value in a data file."""

    name: str = Field(description="Where in the file it stands.")
    value: str


class PreviewTable(Strict):
    """Some rows of a table in a data file."""

    name: str = Field(description="Where in the file it stands.")
    columns: list[str]
    rows: list[list[str]] = Field(description="The first ones, as text.")
    total: int | None = Field(description="Rows in the file, if known.")


class Preview(Strict):
    """The beginning of a data file."""

    facts: list[Fact]
    tables: list[PreviewTable]
    text: str | None = Field(description="The first characters, of a file without tables.")


class ArtifactPage(Strict):
    """A figure with its formats and its data, or a data file."""

    name: str = Field(description="Of its first file.")
    title: str
    description: str
    kind: Literal["interactive", "image", "data"]
    producer: str | None = Field(description="The command that writes it.")
    thumbnail: str | None
    url: str = Field(description="URL of its page.")
    modified: str = Field(description="ISO 8601, UTC, of its newest file.")
    files: list[Artifact]
    data: Preview | None = Field(description="The beginning of the data behind it.")
    previous: str | None = Field(description="Name of the one before it in the gallery.")
    next: str | None
