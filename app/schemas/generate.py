"""``POST /api/generate``: a text, byte by byte."""

from typing import Annotated, Literal

from pydantic import Field

from app.schemas.schema import Nats, Request, Strict
from app.settings import GenerationLimits

LIMITS = GenerationLimits()
DEFAULT_BYTES = 128
MAX_DRAFT = 32
MAX_STOPS = 4
MAX_STOP = 64

Ended = Literal["eos", "stop", "length", "time"]
Probability = Annotated[float, Field(ge=0, le=1)]
StopText = Annotated[str, Field(min_length=1, max_length=MAX_STOP)]


class GenerateRequest(Request):
    """A prompt, and how to go on from it."""

    prompt: str = Field(
        description=f"The text goes on from here; at most {LIMITS.prompt:,} bytes as UTF-8. "
        "May be empty.",
        examples=["A BLT has"],
    )
    max_bytes: int = Field(
        default=DEFAULT_BYTES, ge=1, le=LIMITS.bytes, description="Bytes of the text at most."
    )
    temperature: float = Field(
        default=0.0, ge=0, le=10, allow_inf_nan=False, description="0 takes the likeliest byte."
    )
    top_k: int | None = Field(default=None, ge=1, le=260, description="Only the k likeliest bytes.")
    top_p: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Only the fewest likeliest bytes that have this probability together.",
    )
    min_p: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Only bytes with at least this share of the largest probability.",
    )
    seed: int = Field(
        default=0, ge=0, lt=2**53, description="The same seed gives the same text again."
    )
    speculate: Annotated[int, Field(ge=1, le=MAX_DRAFT)] | Literal["auto"] | None = Field(
        default=None,
        description="Bytes that the small decoder drafts before the global model checks them; "
        "`auto` drafts more while they stay. A text at temperature 0 is the same with and without.",
    )
    stop: list[StopText] = Field(
        default_factory=list,
        max_length=MAX_STOPS,
        description="The text ends in front of the first of these.",
    )


class ByteEvent(Strict):
    """One byte of the text, or the end of document."""

    index: int = Field(ge=0, description="Number of the byte, from 0; also the id of the event.")
    token: int = Field(ge=0, description="Its id: the byte plus 4; 2 is the end of document.")
    byte: int | None = Field(ge=0, le=255, description="Null at the end of document.")
    text: str = Field(
        description="What is certain now and was not before: whole characters, U+FFFD for what is "
        "no UTF-8, nothing that may become a stop text. All of them together are the text."
    )
    probability: Probability = Field(description="Of this byte, before any filter.")
    entropy: Nats | None = Field(
        description="Nats, of the entropy model's prediction of this byte; null where the rule "
        "needs none."
    )
    starts_patch: bool = Field(description="Whether a patch begins with it.")
    global_ran: bool = Field(
        description="Whether the global model ran since the byte before; for the first one it ran "
        "over the prompt."
    )
    drafted: int = Field(ge=0, description="Bytes drafted in the round that begins here.")
    accepted: int = Field(ge=0, description="How many of them stay.")
    draft: list[int] = Field(description="Their ids; they would follow this byte.")
    seconds: float = Field(ge=0, description="Since the beginning, the prompt included.")
    flops_per_byte: float = Field(ge=0, description="Of the text so far, entropy model included.")
    flops_per_byte_plain: float = Field(
        ge=0, description="The same if each byte ran everything, without patches."
    )


class GenerateDone(Strict):
    """A text that has ended, and what it took."""

    model: str
    prompt_bytes: int = Field(ge=0)
    text: str = Field(description="Without the prompt and without a stop text.")
    finish: Ended = Field(
        description="An end of document, a stop text, max_bytes, or the seconds of a request."
    )
    bytes: int = Field(ge=0, description="That were made, those of a stop text included.")
    patches: int = Field(ge=0, description="That began.")
    global_passes: int = Field(ge=0, description="Runs of the global model, the prompt's included.")
    drafted: int = Field(ge=0)
    accepted: int = Field(ge=0)
    seconds: float = Field(ge=0)
    bytes_per_second: float | None = Field(
        ge=0, description="After the first byte; null for a text of one."
    )
    flops_per_byte: float = Field(ge=0)
    flops_per_byte_plain: float = Field(ge=0)


class GenerateResponse(GenerateDone):
    """A text with its events."""

    events: list[ByteEvent]
