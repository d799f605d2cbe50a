"""A graph as one HTML file with the drawing, the controls and the tables of ``/graph``.

The scripts in ``assets/`` are ES modules that the web app serves unchanged. This module joins them
into one inline script, because a stored page runs in a sandbox that may not import any. The page
refers to Cytoscape by a relative URL, so it is loaded from the server and from disk.
"""

import json
import re
from functools import cache
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

ASSETS = Path(str(resources.files("bytelatent.graph"))) / "assets"
"""Folder that the web app serves below ``/static/graph/``."""

LIBRARY = "../static/vendor/cytoscape.min.js"
MODULES = ("data", "dom", "carry", "labels", "draw", "panel", "lists", "tools", "viewer")
"""Script modules in an order in which each follows the modules that it imports."""

_IMPORT = re.compile(r"^import .*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)
_START = """
const source = JSON.parse(document.getElementById("graph").textContent);
const viewer = new Viewer(document.getElementById("viewer"), { library: "%s" });
await viewer.show(source);
document.body.dataset.drawn = "yes";
"""


def graph_html(graph: dict[str, Any], *, library: str = LIBRARY) -> str:
    """Return an HTML page that shows ``graph`` and needs only Cytoscape beside it.

    Args:
        graph: node-link JSON, as the graph builders return it.
        library: URL of ``cytoscape.min.js``; without it the tables still show everything.

    Raises:
        ValueError: the graph holds a number that is not finite and that JSON cannot represent.
    """
    about = graph.get("graph", {})
    title = escape(str(about.get("title") or "A graph"))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
{_text("shell.css")}{_text("viewer.css")}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<div id="viewer"></div>
<noscript>This page needs JavaScript; the JSON beside it has everything.</noscript>
</main>
<script type="application/json" id="graph">{_json(graph)}</script>
<script type="module">
{_script()}{_START % library}</script>
</body>
</html>
"""


def _json(graph: dict[str, Any]) -> str:
    """Return JSON that can neither end the element around it nor open a comment."""
    text = json.dumps(graph, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


@cache
def _script() -> str:
    """Return all modules as one script; their top-level names are different."""
    return "".join(_EXPORT.sub("", _IMPORT.sub("", _text(f"{name}.js"))) for name in MODULES)


def _text(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")
