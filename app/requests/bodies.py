"""Bodies of requests: strict JSON that a schema validates; each error names the field."""

import json
from http import HTTPStatus
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from app.requests.problems import FieldError, ProblemError
from bytelatent.tokenizers.blt_tokenizer import utf8_bytes

RequestModel = TypeVar("RequestModel", bound=BaseModel)


def parse_body(body: bytes, kind: type[RequestModel]) -> RequestModel:
    """Parse the JSON body of a request and validate it against a schema.

    Raises:
        ProblemError: 400 if the body is not JSON, 422 if a field is wrong.
    """
    value = parse_json(body)
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise _invalid(error, kind) from None


def text_bytes(text: str, *, limit: int, field: str = "text") -> bytes:
    """Return the text of a field as UTF-8 bytes.

    Raises:
        ProblemError: 413 if the text is too long, 422 if it cannot be encoded as UTF-8.
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
    """Parse strict JSON: UTF-8, without NaN and without duplicate keys.

    Raises:
        ProblemError: 400; the error names the key if a key is the cause.
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
    """A ``NaN`` or an infinity in a JSON text; standard JSON has no such number."""

    def __init__(self, name: str) -> None:
        self.name = name


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key, value in pairs:
        name = key.encode("utf-8", "replace").decode("utf-8")[:100]
        if isinstance(value, _Constant):
            message = f"{value.name} is not JSON; a finite number is accepted"
            raise ProblemError.of_field(HTTPStatus.BAD_REQUEST, name, message)
        if key in members:
            raise ProblemError.of_field(HTTPStatus.BAD_REQUEST, name, "given twice")
        members[key] = value
    return members


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
