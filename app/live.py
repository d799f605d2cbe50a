"""What a visitor types: a request is checked, measured, cut into patches and answered.

Legend: ``N`` bytes of the text, ``S = N + 1`` tokens (BOS first), ``k`` predictions a position.
The entropy at position ``i`` belongs to the prediction of token ``i + 1``, which is byte ``i``:

    tokens      BOS  t   h   e            (N = 3, S = 4)
    bytes            0   1   2
    entropies   3.1  2.0 0.4 1.7          byte 0 was predicted with 3.1 nats, byte 2 with 0.4
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from app.encoding import patches_json, predictions_json
from app.model import LiveModel
from app.problems import FieldError, ProblemError
from app.schemas import PatchRequest
from bytelatent.patching.rules import (
    PatchingMode,
    RuleOptions,
    check_options,
    lengths_from_starts,
    patch_starts,
)
from bytelatent.runtime import ByteAnalysis
from bytelatent.tokenizers.blt_tokenizer import utf8_bytes

DECIMALS = 6
"""Of nats. Rules are applied to the rounded entropies, so that who has only the response (the
page, while a threshold is dragged) finds the same patches."""

_WITH_THRESHOLD = frozenset({PatchingMode.ENTROPY, PatchingMode.MONOTONIC, PatchingMode.COMBINED})


@dataclass(frozen=True)
class Answer:
    """A measured text, cut into patches.

    Attributes:
        data: the bytes of the text, ``N``.
        entropies: nats ``[S]``, rounded.
        lengths: of the patches, the first is BOS alone.
        analysis: what the model said.
        head: the small fields of the response.
    """

    data: bytes
    entropies: NDArray[np.float64]
    lengths: list[int]
    analysis: ByteAnalysis
    head: dict[str, Any]

    def json_parts(self) -> Iterator[str]:
        """The response as JSON, in parts: a long text's predictions are never all in memory."""
        yield json.dumps(self.head, ensure_ascii=False, allow_nan=False)[:-1]
        yield ', "patches": ['
        yield from patches_json(self.data, self.lengths, self.entropies)
        yield "]"
        if self.analysis.top_ids.shape[1]:
            yield ', "predictions": ['
            yield from predictions_json(self.analysis.top_ids, self.analysis.top_probabilities)
            yield "]"
        yield "}"


def parse_request(body: bytes, *, text_limit: int) -> tuple[PatchRequest, bytes]:
    """Check a request's body; return it with the bytes of its text.

    Raises:
        ProblemError: 400 for what is no JSON, 413 for too long a text, 422 for a wrong field.
    """
    value = parse_json(body)
    try:
        request = PatchRequest.model_validate(value)
    except ValidationError as error:
        raise _invalid(error) from None
    try:
        data = utf8_bytes(request.text)
    except ValueError as error:
        message = str(error).removeprefix("text ")
        raise ProblemError.of_field(HTTPStatus.UNPROCESSABLE_ENTITY, "text", message) from None
    if len(data) > text_limit:
        raise ProblemError.of_field(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "text",
            f"{len(data)} bytes as UTF-8; at most {text_limit} are accepted",
        )
    return request, data


def parse_json(body: bytes) -> Any:
    """JSON as its standard has it: no NaN, no key twice, UTF-8.

    Raises:
        ProblemError: 400, naming the key where one is to blame.
    """
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_Constant, object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        detail = f"the body is not UTF-8 (byte {error.start})"
    except json.JSONDecodeError as error:
        detail = f"the body is not JSON: {error.msg} (character {error.pos})"
    except (ValueError, RecursionError):
        detail = "the body is not JSON that can be read: too deep, or a number too long"
    raise ProblemError.of_field(HTTPStatus.BAD_REQUEST, "body", detail)


def answer(model: LiveModel, request: PatchRequest, data: bytes) -> Answer:
    """Measure ``data`` and cut it as ``request`` asks.

    Raises:
        ProblemError: a number that the mode needs is missing, or the model cannot be asked.
    """
    mode = PatchingMode(request.mode)
    options = _options(mode, request, model.source.threshold if model.source else 0.0)
    try:
        check_options(mode, options)
    except ValueError as error:
        name, _, message = str(error).partition(": ")
        raise ProblemError.of_field(HTTPStatus.UNPROCESSABLE_ENTITY, name, message) from None
    analysis = model.analyse(data, top_k=request.top_k)
    assert model.source is not None
    entropies = _rounded(analysis.entropies)
    starts = patch_starts(mode, analysis.tokens[None], entropies[None], options)
    lengths = lengths_from_starts(starts[:, : len(analysis.tokens)])[0].tolist()
    bits = analysis.bits_per_byte
    head = {
        "model": model.source.name,
        "mode": mode.value,
        "threshold": options.threshold if mode in _WITH_THRESHOLD else None,
        "bytes": len(data),
        "tokens": analysis.tokens.tolist(),
        "entropies": entropies.tolist(),
        "nats": _rounded(analysis.nats).tolist(),
        "patch_lengths": lengths,
        "bits_per_byte": None if bits is None else round(bits, DECIMALS),
    }
    return Answer(data, entropies, lengths, analysis, head)


def _rounded(nats: NDArray[np.float32]) -> NDArray[np.float64]:
    rounded: NDArray[np.float64] = np.asarray(nats, dtype=np.float64).round(DECIMALS)
    return rounded


def _options(mode: PatchingMode, request: PatchRequest, own_threshold: float) -> RuleOptions:
    """The numbers of ``request``; a missing threshold is the model's own, unless top-k is meant."""
    threshold = request.threshold
    topk = mode is PatchingMode.ENTROPY and request.patch_size is not None
    if threshold is None and not topk:
        threshold = own_threshold
    return RuleOptions(
        threshold=threshold,
        threshold_add=request.threshold_add,
        patch_size=request.patch_size,
        max_patch_length=request.max_patch_length,
    )


class _Constant:
    """``NaN`` or an infinity, which some writers put where JSON has no such number."""

    def __init__(self, name: str) -> None:
        self.name = name


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        name = key.encode("utf-8", "replace").decode("utf-8")[:100]
        if isinstance(value, _Constant):
            message = f"{value.name} is not JSON; a finite number is accepted"
            raise ProblemError.of_field(HTTPStatus.BAD_REQUEST, name, message)
        if key in found:
            raise ProblemError.of_field(HTTPStatus.BAD_REQUEST, name, "given twice")
        found[key] = value
    return found


def _invalid(error: ValidationError) -> ProblemError:
    errors = tuple(
        FieldError(_place(e["loc"]), _message(e["type"], e["msg"])) for e in error.errors()
    )
    detail = "; ".join(f"{e.field}: {e.message}" for e in errors[:3])
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors)


def _place(location: tuple[int | str, ...]) -> str:
    place = ".".join(str(part) for part in location) or "body"
    return place.encode("utf-8", "replace").decode("utf-8")[:100]


def _message(kind: str, message: str) -> str:
    messages = {
        "extra_forbidden": "is not a field; accepted: " + ", ".join(PatchRequest.model_fields),
        "missing": "is missing",
        "model_type": "a JSON object is accepted",
    }
    return messages.get(kind, message)
