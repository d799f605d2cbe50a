"""``POST /api/compare``."""

from typing import Annotated, Literal

from pydantic import Field

from app.schemas.patches import MAX_LENGTH
from app.schemas.schema import Nats, Request, Strict

Splitter = Literal["entropy", "monotonic", "space", "static", "cl100k_base", "o200k_base", "llama3"]


class CompareRequest(Request):
    """A text to split in several ways."""

    text: str = Field(
        description="The text; at most 65,536 bytes as UTF-8. May be empty.",
        examples=["Daenerys Targaryen is in Game of Thrones"],
    )
    splitters: Annotated[list[Splitter], Field(min_length=1, max_length=16)] | None = Field(
        default=None, description="Which ones, in the order of the rows. Left out: all."
    )
    threshold: Nats | None = Field(
        default=None, description="Nats, of the entropy rule. Left out: the model's own."
    )
    monotonic_threshold: Nats | None = Field(
        default=None,
        description="Nats, of the monotonic rule. Left out: the calibrated one, for patches of "
        "the same mean length.",
    )
    patch_size: int = Field(default=4, ge=1, le=MAX_LENGTH, description="Bytes, of static patches.")
    max_patch_length: int | None = Field(
        default=None,
        ge=1,
        le=MAX_LENGTH,
        description="Bytes. Longer patches are split. Left out: the model's own limit, if it has "
        "one, where entropies cut.",
    )


class Piece(Strict):
    """A patch or a token."""

    start: int = Field(ge=0, description="Offset of its first byte.")
    length: int = Field(ge=1, description="Bytes.")


class CompareRow(Strict):
    """What one splitter makes of the text."""

    splitter: Splitter
    title: str = Field(description="Its name in print.")
    threshold: float | None = Field(description="Nats, the one applied; null if none was.")
    count: int | None = Field(ge=0, description="Pieces; null if the splitter is not available.")
    bytes_per_piece: float | None = Field(description="Their mean; null without pieces.")
    pieces: list[Piece] | None = Field(description="They cover exactly the bytes, in order.")
    unavailable: str | None = Field(
        description="Why there is no split: no model is loaded, or a package is not installed."
    )


class CompareResponse(Strict):
    """One text, split in several ways."""

    model: str | None = Field(description="The entropy model; null if none is loaded.")
    bytes: int = Field(ge=0, description="Bytes of the text as UTF-8.")
    rows: list[CompareRow]
