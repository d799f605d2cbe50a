"""Rendering of pages; the context of each template is a dataclass beside the page's route."""

import json
from collections.abc import Collection
from dataclasses import fields
from typing import Any

from flask import Response, current_app, render_template, request

from app.pages.page_record import PageRecord
from app.stored.assets import Assets


def page(record: PageRecord, context: Any) -> Response:
    """Render the template of a page with the fields of ``context``, a ``record.context``."""
    pages: tuple[PageRecord, ...] = current_app.extensions["pages"]
    assets: Assets = current_app.extensions["assets"]
    values = {f.name: getattr(context, f.name) for f in fields(context)}
    body = render_template(
        record.template,
        record=record,
        asset=assets.url,
        modules=assets.imported_modules,
        navigation=[each for each in pages if each.navigation],
        here=request.path,
        **values,
    )
    return Response(
        body, content_type="text/html; charset=utf-8", headers={"Cache-Control": "no-cache"}
    )


def query_choice(name: str, accepted: Collection[str]) -> tuple[str | None, str]:
    """Return an accepted word of the query, or None, and a note about a word that is not accepted.

    A page still works if a link to it is out of date.
    """
    text = request.args.get(name)
    if text is None or text in accepted:
        return text, ""
    return None, f"The link asks for “{text[:40]}”, which is not here; what is shown is here."


def json_for_html(value: Any) -> str:
    """Return JSON for a ``script`` element; it can neither end the element nor start a comment."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
