"""``POST /api/patches``.

Legend: ``N`` bytes of the text; BOS comes first, so there are ``N + 1`` tokens.
"""

from typing import Literal

from pydantic import Field

from app.schemas.schema import Nats, Request, Strict

LiveMode = Literal["entropy", "monotonic", "combined", "space", "static", "byte"]

MAX_TOP_K = 16
MAX_LENGTH = 65536


class PatchRequest(Request):
    """A text to cut into patches."""

    text: str = Field(
        description="The text; at most 65,536 bytes as UTF-8. May be empty.",
        examples=["Daenerys Targaryen is in Game of Thrones"],
    )
    mode: LiveMode = Field(default="entropy", description="The patching rule.")
    threshold: Nats | None = Field(
        default=None,
        description="Nats. Entropy (its rise, when monotonic) above it starts a patch. "
        "Left out: the model's own, or the patch_size of the entropy mode.",
    )
    threshold_add: Nats | None = Field(
        default=None, description="Nats. The rise that the combined rule asks for besides."
    )
    patch_size: float | None = Field(
        default=None,
        ge=1,
        le=MAX_LENGTH,
        allow_inf_nan=False,
        description="Bytes. The wanted mean length (entropy mode without a threshold) or the "
        "exact one (static, a whole number).",
    )
    max_patch_length: int | None = Field(
        default=None,
        ge=1,
        le=MAX_LENGTH,
        description="Bytes. Longer patches are split. Left out: the model's own limit, if it has "
        "one, where entropies cut.",
    )
    top_k: int = Field(
        default=0,
        ge=0,
        le=MAX_TOP_K,
        description="How many likely next tokens to list for every position.",
    )


class Patch(Strict):
    """One patch of the text."""

    start: int = Field(ge=0, description="Offset of its first byte.")
    length: int = Field(ge=1, description="Bytes.")
    text: str = Field(description="Its bytes as text; U+FFFD stands for parts of characters.")
    entropy: Nats = Field(description="Nats, of the prediction of its first byte.")


class Prediction(Strict):
    """One likely next token."""

    id: int = Field(ge=0, le=259)
    byte: int | None = Field(ge=0, le=255, description="Null for special tokens.")
    text: str = Field(description="Printable form, such as e, ␣, ↵, 0xC3 or <EOS>.")
    p: float = Field(ge=0, le=1, description="Its probability.")


class PatchResponse(Strict):
    """Entropies and patches of a text of ``N`` bytes."""

    model: str
    mode: LiveMode
    threshold: float | None = Field(description="Nats, the one applied; null if none was.")
    bytes: int = Field(ge=0, description="N, the bytes of the text as UTF-8.")
    tokens: list[int] = Field(description="N + 1 ids: BOS, then every byte plus 4.")
    entropies: list[float] = Field(
        description="N + 1 entropies in nats; number i belongs to the prediction of token i + 1."
    )
    nats: list[float] = Field(description="N surprisals -ln p, one for every byte.")
    patch_lengths: list[int] = Field(description="They sum to N + 1; the first patch is BOS alone.")
    patches: list[Patch] = Field(description="They cover exactly the N bytes, in order.")
    bits_per_byte: float | None = Field(description="Mean surprisal in bits; null without bytes.")
    predictions: list[list[Prediction]] | None = Field(
        default=None,
        description="Only if top_k is above 0: for each of the N + 1 positions the likeliest "
        "next tokens, likeliest first.",
    )
