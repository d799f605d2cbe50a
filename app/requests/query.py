"""Readers of query parameters; each error names the parameter."""

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from werkzeug.datastructures import MultiDict

from app.requests.problems import ProblemError

LONGEST = 200
"""Largest number of characters of a search."""

Arguments = MultiDict[str, str]


def whole(args: Arguments, name: str, *, low: int, high: int) -> int | None:
    """Return a parameter as a whole number from ``low`` to ``high``, or None if it is missing.

    Raises:
        ProblemError: 422 for any other value.
    """
    text = args.get(name)
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,15}", text) and low <= int(text) <= high:
        return int(text)
    raise _refused(name, f"a whole number from {low} to {high} is needed, not {text[:40]!r}")


def number(args: Arguments, name: str) -> float | None:
    """Return a parameter as a number of zero or more, or None if it is missing.

    Raises:
        ProblemError: 422 for any other value.
    """
    text = args.get(name)
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,18}(\.[0-9]{1,18})?", text):
        return float(text)
    raise _refused(name, f"a number of zero or more is needed, not {text[:40]!r}")


def choice(args: Arguments, name: str, accepted: Sequence[str]) -> str | None:
    """Return a parameter that is one of the accepted words, or None if it is missing.

    Raises:
        ProblemError: 422 for any other word.
    """
    text = args.get(name)
    if text is None or text in accepted:
        return text
    raise _refused(name, f"{text[:40]!r} is not known; accepted: {', '.join(accepted)}")


def search(args: Arguments, name: str = "q") -> tuple[str, ...]:
    """Return the case-folded words of a search; an empty tuple if the parameter is missing.

    Raises:
        ProblemError: 422 if the text is too long.
    """
    text = args.get(name, "")
    if len(text) > LONGEST:
        raise _refused(name, f"{len(text)} characters; at most {LONGEST} are accepted")
    return tuple(text.casefold().split())


def described(name: str, description: str, **schema: Any) -> dict[str, Any]:
    """Return the description of a query parameter for the OpenAPI document."""
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _refused(name: str, message: str) -> ProblemError:
    return ProblemError.of_field(HTTPStatus.UNPROCESSABLE_ENTITY, name, message)
