"""Pages from templates: the context of each is a dataclass, documented beside its route."""

import json
from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Any

from flask import Response, current_app, render_template, request

from app.stored.assets import Assets


@dataclass(frozen=True)
class NavLink:
    """An entry of the bar on top of every page."""

    url: str
    title: str


NAVIGATION = (
    NavLink("/", "Playground"),
    NavLink("/generate", "Generate"),
    NavLink("/model", "Inside"),
    NavLink("/graph", "Graph"),
    NavLink("/training", "Training"),
    NavLink("/scaling", "Scaling"),
    NavLink("/gallery", "Gallery"),
    NavLink("/api", "API"),
)


def page(template: str, context: Any) -> Response:
    """``template`` with the fields of the dataclass ``context``."""
    assets: Assets = current_app.extensions["assets"]
    values = {f.name: getattr(context, f.name) for f in fields(context)}
    body = render_template(
        template, asset=assets.url, navigation=NAVIGATION, here=request.path, **values
    )
    return Response(
        body, content_type="text/html; charset=utf-8", headers={"Cache-Control": "no-cache"}
    )


def query_choice(name: str, accepted: Collection[str]) -> tuple[str | None, str]:
    """A word of the query, or None, and then what is to be said of another word than the accepted.

    A page is still of use where a link to it has grown old.
    """
    text = request.args.get(name)
    if text is None or text in accepted:
        return text, ""
    return None, f"The link asks for “{text[:40]}”, which is not here; what is shown is here."


def json_for_html(value: Any) -> str:
    """JSON that may stand inside a ``script`` element: it can neither end it nor open a comment."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
