"""Schemas of ``POST /api/compare``."""

from typing import Annotated

from pydantic import Field

from app.schemas.patches import MAX_LENGTH
from app.schemas.schema import EXAMPLE_TEXT, Nats, OneOf, Request, Strict
from app.settings import TEXT_LIMIT
from bytelatent.patching.rules import COMPARED_RULES
from bytelatent.tokenizers.bpe import NAMES

Splitter = Annotated[str, OneOf((*(rule.name for rule in COMPARED_RULES), *NAMES))]


class CompareRequest(Request):
    """Text to split by patching rules and by BPE, with the settings of the rules."""

    text: str = Field(
        description=f"Text of at most {TEXT_LIMIT:,} bytes as UTF-8; it may be empty.",
        examples=[EXAMPLE_TEXT],
    )
    splitters: Annotated[list[Splitter], Field(min_length=1, max_length=16)] | None = Field(
        default=None, description="Splitters in the order of the rows. Default: all splitters."
    )
    threshold: Nats | None = Field(
        default=None,
        description="Threshold of the entropy rule in nats. Default: the model's own threshold.",
    )
    monotonic_threshold: Nats | None = Field(
        default=None,
        description="Threshold of the monotonic rule in nats. Default: the calibrated threshold, "
        "which gives patches of the same mean length as the entropy rule.",
    )
    patch_size: int = Field(
        default=4, ge=1, le=MAX_LENGTH, description="Length of static patches in bytes."
    )
    max_patch_length: int | None = Field(
        default=None,
        ge=1,
        le=MAX_LENGTH,
        description="Largest patch length in bytes; longer patches are split. Default: the model's "
        "own limit for the entropy and monotonic rules, if it has a limit.",
    )


class Piece(Strict):
    """Piece of a text: a patch of a patching rule, or a token of a BPE vocabulary."""

    start: int = Field(ge=0, description="Offset of its first byte.")
    length: int = Field(ge=1, description="Length in bytes.")


class CompareRow(Strict):
    """Pieces into which one splitter, a patching rule or a BPE vocabulary, divides the text."""

    splitter: Splitter
    title: str = Field(description="Title of the splitter.")
    threshold: float | None = Field(
        description="Applied threshold in nats; null for a rule without a threshold."
    )
    count: int | None = Field(
        ge=0, description="Number of pieces; null if the splitter is not available."
    )
    bytes_per_piece: float | None = Field(
        description="Mean number of bytes per piece; null without pieces."
    )
    pieces: list[Piece] | None = Field(description="Pieces in order; they cover all bytes exactly.")
    unavailable: str | None = Field(
        description="Why there is no result: no model is loaded, or a package is not installed."
    )


class CompareResponse(Strict):
    """Text, split by patching rules and by BPE vocabularies."""

    model: str | None = Field(description="Name of the entropy model; null if none is loaded.")
    bytes: int = Field(ge=0, description="Number of UTF-8 bytes of the text.")
    rows: list[CompareRow]
