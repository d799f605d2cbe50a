"""``python -m app.precompute diagram``: draw a model's architecture as a picture for the README.

The page ``/model`` uses the same drawing code and the colours of the same style sheet.
"""

import argparse
import re
import sys
from dataclasses import replace
from pathlib import Path

from app.drawing.architecture_svg import draw, drawn_text
from app.models.architectures import Architectures
from app.settings import ROOT, SITE, Settings
from app.stored.example_file import ExampleFile
from bytelatent.files import write_text

PICTURE = ROOT / "docs" / "images" / "architecture.svg"
COLOURS = r"panel|sunk|ink|muted|line|accent|mark|sans|mono|p\d"
"""Variables of the page's style sheet that the rules of the diagram may use."""


def picture(settings: Settings, name: str | None = None) -> str:
    """Return the SVG of a model's architecture; the loaded model by default.

    Raises:
        ValueError: no model has this name.
    """
    known = Architectures(settings)
    shape = known.by_name.get(name or known.first)
    if shape is None:
        raise ValueError(f"--model: {name!r} is none of {', '.join(known.by_name)}")
    return draw(shape, drawn_text(ExampleFile(settings.examples_file)), style=stand_alone_style())


def stand_alone_style() -> str:
    """Return the CSS of the diagram, with the page's light and dark colours."""
    css = SITE / "static" / "css"
    base = (css / "base.css").read_text(encoding="utf-8")
    blocks = re.findall(r"^:root(?:\[[^\]]*\])? \{\n(.*?)^\}", base, re.MULTILINE | re.DOTALL)
    light, dark = ("".join(re.findall(rf"--(?:{COLOURS})[\w-]*:[^;]+;", b)) for b in blocks)
    rules = (css / "diagram.css").read_text(encoding="utf-8")
    rules = re.sub(r"/\*.*?\*/", "", rules, flags=re.DOTALL)
    style = f"svg{{{light}}} @media (prefers-color-scheme: dark){{svg{{{dark}}}}} {rules}"
    return " ".join(style.split())


def main(arguments: list[str] | None = None) -> int:
    """Write the diagram of a model's architecture as an SVG file."""
    parser = argparse.ArgumentParser(
        prog="python -m app.precompute diagram", description=main.__doc__
    )
    parser.add_argument("--model", metavar="NAME", help="blt-1b or blt-8b (default: the one here)")
    parser.add_argument("--folder", type=Path, metavar="FOLDER", help="of another exported BLT")
    parser.add_argument("--output", type=Path, default=PICTURE, metavar="FILE")
    chosen = parser.parse_args(arguments)
    settings = Settings()
    if chosen.folder is not None:
        settings = replace(settings, blt_folder=chosen.folder)
    try:
        write_text(chosen.output, picture(settings, chosen.model))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(chosen.output)
    return 0
