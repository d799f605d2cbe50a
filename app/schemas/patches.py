"""Schemas of ``POST /api/patches``.

Legend: ``N`` bytes of the text; BOS comes first, so there are ``N + 1`` tokens.
"""

from typing import Annotated

from pydantic import Field

from app.schemas.schema import EXAMPLE_TEXT, Nats, OneOf, Request, Strict
from app.settings import TEXT_LIMIT
from bytelatent.patching.rules import RULES_OF_TEXT

LiveMode = Annotated[str, OneOf(tuple(dict.fromkeys(rule.mode.value for rule in RULES_OF_TEXT)))]

MAX_TOP_K = 16
MAX_LENGTH = TEXT_LIMIT


class PatchRequest(Request):
    """Text to split into patches."""

    text: str = Field(
        description=f"Text of at most {TEXT_LIMIT:,} bytes as UTF-8; it may be empty.",
        examples=[EXAMPLE_TEXT],
    )
    mode: LiveMode = Field(default="entropy", description="Name of the patching rule.")
    threshold: Nats | None = Field(
        default=None,
        description="Threshold in nats. A patch starts where the entropy (for the monotonic rule, "
        "its rise) is above it. Default: the model's own threshold, unless patch_size "
        "sets the mean length of the entropy rule.",
    )
    threshold_add: Nats | None = Field(
        default=None,
        description="Second threshold of the combined rule, for the rise of the entropy, in nats.",
    )
    patch_size: float | None = Field(
        default=None,
        ge=1,
        le=MAX_LENGTH,
        allow_inf_nan=False,
        description="Patch length in bytes: the target mean for the entropy rule without a "
        "threshold, or the exact length for the static rule (a whole number).",
    )
    max_patch_length: int | None = Field(
        default=None,
        ge=1,
        le=MAX_LENGTH,
        description="Largest patch length in bytes; longer patches are split. Default: the model's "
        "own limit for rules that use entropies, if it has a limit.",
    )
    top_k: int = Field(
        default=0,
        ge=0,
        le=MAX_TOP_K,
        description="Number of most probable next tokens to list for each position.",
    )


class Patch(Strict):
    """Patch of a text, with the entropy of its first byte."""

    start: int = Field(ge=0, description="Offset of its first byte.")
    length: int = Field(ge=1, description="Length in bytes.")
    text: str = Field(description="Bytes as text; U+FFFD stands for an incomplete character.")
    entropy: Nats = Field(description="Entropy in nats of the prediction of the first byte.")


class Prediction(Strict):
    """Probable next token, with its probability."""

    id: int = Field(ge=0, le=259)
    byte: int | None = Field(
        ge=0, le=255, description="Value of the byte; null for special tokens."
    )
    text: str = Field(description="Printable form, such as e, ␣, ↵, 0xC3 or <EOS>.")
    p: float = Field(ge=0, le=1, description="Probability of the token.")


class PatchDone(Strict):
    """What is known when a text has been measured: data of the event ``done``."""

    model: str
    mode: LiveMode
    threshold: float | None = Field(
        description="Applied threshold in nats; null for a rule without a threshold."
    )
    bytes: int = Field(ge=0, description="N, the number of UTF-8 bytes of the text.")
    patch_lengths: list[int] = Field(
        description="Patch lengths; their sum is N + 1 and the first patch is BOS alone."
    )
    bits_per_byte: float | None = Field(
        description="Mean surprisal in bits; null for an empty text."
    )


class PatchResponse(PatchDone):
    """Entropies and patches of a text of ``N`` bytes."""

    tokens: list[int] = Field(description="N + 1 token ids: BOS, then every byte plus 4.")
    entropies: list[float] = Field(
        description="N + 1 entropies in nats; number i belongs to the prediction of token i + 1."
    )
    nats: list[float] = Field(description="N surprisals -ln p, one for each byte.")
    patches: list[Patch] = Field(description="Patches in order; they cover the N bytes exactly.")
    predictions: list[list[Prediction]] | None = Field(
        default=None,
        description="Present only if top_k is above 0: for each of the N + 1 positions, the most "
        "probable next tokens in decreasing order.",
    )


class PatchPart(Strict):
    """Part of a text that has been measured: data of the event ``part``.

    The lists of all parts, one after the other, are those of :class:`PatchResponse`.
    """

    tokens: list[int] = Field(description="Token ids of the part; the first part begins with BOS.")
    entropies: list[float] = Field(description="Entropy in nats after each of these tokens.")
    nats: list[float] = Field(description="Surprisal -ln p of the byte after each of these tokens.")
    predictions: list[list[Prediction]] | None = Field(
        default=None, description="Present only if top_k is above 0: predictions after each token."
    )
