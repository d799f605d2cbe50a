"""Palette of pages and images, and house style of matplotlib figures.

Hues are those of Okabe and Ito, which all common kinds of colour blindness distinguish.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
from matplotlib.figure import Figure
from PIL import Image

from bytelatent.plotting.fonts import SANS


class Colour(NamedTuple):
    """A colour on white paper and its counterpart on dark paper."""

    light: str
    dark: str


PALETTE = {
    "ink": Colour("#1b1f24", "#e6e9ee"),
    "muted": Colour("#59636e", "#9ba6b2"),
    "grid": Colour("#e4e8ed", "#2b323b"),
    "rule": Colour("#b4bdc8", "#505c69"),
    "paper": Colour("#ffffff", "#12161b"),
    "panel": Colour("#f5f7fa", "#1a2027"),
    "blue": Colour("#0072b2", "#56b4e9"),
    "vermillion": Colour("#d55e00", "#ff9350"),
    "green": Colour("#00805d", "#3ecfa3"),
    "sky": Colour("#9cc9e8", "#2f6288"),
    "tint-1": Colour("#cfe4f6", "#1d4160"),
    "tint-2": Colour("#fbdfc0", "#5f3d19"),
    "tint-3": Colour("#cdeadb", "#1b4c3a"),
    "tint-4": Colour("#ecd5e6", "#51315a"),
}
"""Colours by purpose; all light values are different, so a page can map them to dark ones."""

LIGHT = {name: colour.light for name, colour in PALETTE.items()}
TINTS = ("tint-1", "tint-2", "tint-3", "tint-4")
"""Background colours of patches, used in turn."""

_RC: dict[Any, Any] = {
    "figure.dpi": 100,
    "savefig.dpi": 160,
    "figure.facecolor": LIGHT["paper"],
    "font.family": SANS,
    "font.size": 10,
    "text.color": LIGHT["ink"],
    "text.parse_math": False,
    "axes.edgecolor": LIGHT["rule"],
    "axes.labelcolor": LIGHT["muted"],
    "axes.titlelocation": "left",
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": LIGHT["grid"],
    "xtick.color": LIGHT["rule"],
    "ytick.color": LIGHT["rule"],
    "xtick.labelcolor": LIGHT["muted"],
    "ytick.labelcolor": LIGHT["muted"],
    "legend.frameon": False,
    "legend.fontsize": 9,
    "pdf.fonttype": 42,
}
_METADATA = {
    ".png": {"Software": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
NO_GLYPH = "Glyph .* missing from font"
"""Beginning of matplotlib's warning about a character without a glyph."""
_PNG_COLOURS = 256
"""Size of a picture's palette; further colours occur only where lines and letters are smoothed."""


@contextmanager
def house_style() -> Iterator[None]:
    """Use matplotlib with our settings alone; restore the user's settings afterwards."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_RC)
        yield


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure without date and program name, so that equal figures give equal files.

    Args:
        figure: figure drawn within :func:`house_style`.
        path: path that ends in ``.png`` or ``.pdf``.
    """
    rendered = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", NO_GLYPH)  # the picture itself says what is missing
        figure.savefig(rendered, format=path.suffix[1:], metadata=_METADATA[path.suffix])
    path.write_bytes(_small_png(rendered) if path.suffix == ".png" else rendered.getvalue())


def _small_png(rendered: io.BytesIO) -> bytes:
    """Reduce a PNG in full colour to a palette, which takes a third of the bytes."""
    small = io.BytesIO()
    with Image.open(rendered) as image:
        reduced = image.convert("RGB").quantize(
            _PNG_COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE
        )
        reduced.save(small, "PNG", optimize=True, dpi=image.info["dpi"])
    return small.getvalue()
