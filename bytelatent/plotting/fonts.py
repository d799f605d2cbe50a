"""Fonts of a picture: which installed font has which character, and what no font has.

The two families that come with matplotlib are tried first, then the installed Noto Sans fonts, then
every other installed font, those with the most characters first.
"""

import logging
import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import matplotlib
from matplotlib import ft2font
from matplotlib.figure import Figure
from matplotlib.font_manager import (
    FontProperties,
    findfont,
    findSystemFonts,
    fontManager,
    get_font,
)
from matplotlib.text import Text

SANS = "DejaVu Sans"
MONO = "DejaVu Sans Mono"
"""Monospaced font; both fonts come with matplotlib, so Latin text looks the same everywhere."""

MISSING_GLYPH = "▯"
BYTE_ORDER = "Right-to-left text stands in the order of its bytes, from left to right."
ORDERS_TEXT = hasattr(ft2font, "__libraqm_version__")
"""Whether matplotlib writes right-to-left text in its reading order, as it does from 3.11 on."""

_LOG = logging.getLogger("matplotlib.font_manager")
_NO_FONTS = ("Last Resort", "LastResort", ".LastResort")
"""Beginnings of the names of fonts that draw a box for every character."""
_LISTED = 8
"""Maximum number of characters that a sentence about missing characters lists."""
_EAST_ASIAN = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "FULLWIDTH", "HALFWIDTH", "YI")
_FIRST_EMOJI = 0x1F000


def drawable(text: str) -> tuple[str, list[str]]:
    """Return ``text`` with a box for each character without a glyph, and the families it needs."""
    shown = "".join(c if _family_of(ord(c)) else MISSING_GLYPH for c in text)
    needed = {_family_of(ord(c)) or MONO for c in shown} | {MONO}
    families = (*_first_families(), *_other_families(needed))
    return shown, [name for name in families if name in needed]


def fit_fonts(figure: Figure) -> list[str]:
    """Give every text of a figure the fonts that its characters need.

    A character that no font has becomes a box.

    Returns:
        The characters that no installed font has, sorted.
    """
    for axes in figure.axes:
        axes.get_xticklabels()  # matplotlib makes the labels of ticks when they are asked for
        axes.get_yticklabels()
    missing: set[str] = set()
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        content, known = text.get_text(), text.get_fontfamily()
        if all(c.isspace() or ord(c) in _glyphs(known[0]) for c in content):
            continue
        visible = "".join(c for c in content if not c.isspace())
        shown, families = drawable(visible)
        missing |= {c for c, drawn in zip(visible, shown, strict=True) if c != drawn}
        text.set_fontfamily([*known, *(name for name in families if name not in known)])
        text.set_text("".join(MISSING_GLYPH if c in missing else c for c in content))
    return sorted(missing)


def missing_note(characters: Iterable[str]) -> str:
    """Return a sentence on characters that no installed font has, and on what to install."""
    wanted = sorted(characters)
    scripts = ", ".join(sorted({_script(c) for c in wanted}))
    codes = ", ".join(f"U+{ord(c):04X}" for c in wanted[:_LISTED])
    more = ", …" if len(wanted) > _LISTED else ""
    packages = " ".join(sorted({_package(c) for c in wanted}))
    return (
        f"No installed font has {len(wanted)} of the characters ({scripts}: {codes}{more}), which "
        f"are drawn as {MISSING_GLYPH}; install one that has them, for example: "
        f"apt-get install {packages}"
    )


def has_right_to_left(text: str) -> bool:
    """Return whether a text has letters of a script that is written from right to left."""
    return any(unicodedata.bidirectional(character) in ("R", "AL") for character in text)


def _script(character: str) -> str:
    """Return the first word of a character's Unicode name, which names its script."""
    return unicodedata.name(character, "unnamed").split()[0].capitalize()


def _package(character: str) -> str:
    """Return the Debian package whose fonts have a character's script."""
    if ord(character) >= _FIRST_EMOJI and unicodedata.category(character) == "So":
        return "fonts-symbola"
    name = unicodedata.name(character, "")
    return "fonts-noto-cjk" if name.startswith(_EAST_ASIAN) else "fonts-noto-core"


@cache
def _first_families() -> tuple[str, ...]:
    """Return the font families for text: ours first, then the installed Noto fonts, by name."""
    noto = {font.name for font in fontManager.ttflist if font.name.startswith("Noto Sans")}
    return MONO, SANS, *sorted(noto)


@cache
def _all_others() -> tuple[str, ...]:
    """Return all further installed families, those with the most characters first.

    The system is asked anew, because matplotlib keeps the list of its first start.
    """
    known = {font.fname for font in fontManager.ttflist}
    for path in sorted(set(findSystemFonts()) - known):
        try:
            fontManager.addfont(path)
        except (OSError, RuntimeError, ValueError, KeyError):
            continue  # a damaged font, or one of pictures, which matplotlib does not draw
    own = Path(matplotlib.get_data_path())
    names = {
        font.name
        for font in fontManager.ttflist
        if not font.name.startswith(_NO_FONTS) and own not in Path(font.fname).parents
    }
    others = names - set(_first_families())
    return tuple(sorted(others, key=lambda name: (-len(_glyphs(name)), name)))


def _other_families(needed: set[str]) -> tuple[str, ...]:
    """Return the further families, which are searched only where the first do not suffice."""
    return () if needed <= set(_first_families()) else _all_others()


@cache
def _glyphs(family: str) -> frozenset[int]:
    """Return the code points for which a family has glyphs; none for a family that is missing."""
    try:
        return frozenset(get_font(_path(family)).get_charmap())
    except (OSError, RuntimeError, ValueError):
        return frozenset()


def _path(family: str) -> str:
    """Return the file of a family, without matplotlib's remarks on families without a regular."""
    level = _LOG.level
    _LOG.setLevel(logging.ERROR)
    try:
        return findfont(FontProperties(family=[family]), fallback_to_default=False)
    finally:
        _LOG.setLevel(level)


@cache
def _family_of(code: int) -> str | None:
    """Return the first family with a glyph for a code point."""
    for name in _first_families():
        if code in _glyphs(name):
            return name
    return next((n for n in _all_others() if code in _glyphs(n) and _has_ink(n, code)), None)


def _has_ink(family: str, code: int) -> bool:
    """Return whether a family draws anything for a character; some fonts hold empty glyphs."""
    if unicodedata.category(chr(code))[0] in "ZC":
        return True
    font = get_font(_path(family))
    font.set_size(12, 72)
    return font.load_char(code).width > 0
