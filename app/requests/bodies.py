"""Bodies of requests: strict JSON, checked by a schema, with errors that name the field."""

import json
from http import HTTPStatus
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from app.requests.problems import FieldError, ProblemError
from bytelatent.tokenizers.blt_tokenizer import utf8_bytes

RequestModel = TypeVar("RequestModel", bound=BaseModel)


def parse_body(body: bytes, kind: type[RequestModel]) -> RequestModel:
    """Check a request's body against its schema.

    Raises:
        ProblemError: 400 for what is no JSON, 422 for a wrong field.
    """
    value = parse_json(body)
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise _invalid(error, kind) from None


def text_bytes(text: str, *, limit: int, field: str = "text") -> bytes:
    """A field's text as UTF-8.

    Raises:
        ProblemError: 413 for too long a text, 422 for one that has no UTF-8.
    """
    try:
        data = utf8_bytes(text)
    except ValueError as error:
        message = str(error).removeprefix("text ")
        raise ProblemError.of_field(HTTPStatus.UNPROCESSABLE_ENTITY, field, message) from None
    if len(data) > limit:
        raise ProblemError.of_field(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            field,
            f"{len(data)} bytes as UTF-8; at most {limit} are accepted",
        )
    return data


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


def _invalid(error: ValidationError, kind: type[BaseModel]) -> ProblemError:
    errors = tuple(
        FieldError(_place(e["loc"]), _message(e["type"], e["msg"], kind)) for e in error.errors()
    )
    detail = "; ".join(f"{e.field}: {e.message}" for e in errors[:3])
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors)


def _place(location: tuple[int | str, ...]) -> str:
    place = ".".join(str(part) for part in location) or "body"
    return place.encode("utf-8", "replace").decode("utf-8")[:100]


def _message(code: str, message: str, kind: type[BaseModel]) -> str:
    messages = {
        "extra_forbidden": "is not a field; accepted: " + ", ".join(kind.model_fields),
        "missing": "is missing",
        "model_type": "a JSON object is accepted",
    }
    return messages.get(code, message)
