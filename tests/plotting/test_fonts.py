"""Characters that the fonts of matplotlib do not have, and text from right to left."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.text import Text

from bytelatent.plotting import entropy_figure, fonts, patch_overlay
from bytelatent.plotting.artifacts import ArtifactWriter, Card
from bytelatent.plotting.fonts import BYTE_ORDER, MISSING_GLYPH, drawable, fit_fonts
from bytelatent.plotting.style import house_style

CHINESE, HINDI, HEBREW = "语言模型", "नमस्ते", "שלום"


def write_font(folder: Path, family: str, characters: str, *, ink: bool = True) -> str:
    """Write a font that has a black square, or nothing, for each of some characters."""
    names = [".notdef", *(f"u{ord(c):04X}" for c in characters)]
    pen = TTGlyphPen(None)
    if ink:
        pen.moveTo((0, 0))
        for point in ((0, 700), (700, 700), (700, 0)):
            pen.lineTo(point)
        pen.closePath()
    glyph = pen.glyph()
    font = FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder(names)
    font.setupCharacterMap({ord(c): name for c, name in zip(characters, names[1:], strict=True)})
    font.setupGlyf(dict.fromkeys(names, glyph))
    font.setupHorizontalMetrics(dict.fromkeys(names, (750, 0)))
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": family, "styleName": "Regular"})
    font.setupOS2()
    font.setupPost()
    path = folder / f"{family}.ttf"
    font.save(path)
    return str(path)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Paths of the fonts that the system has besides those of matplotlib."""
    paths: list[str] = []
    own = [font for font in fontManager.ttflist if "mpl-data" in font.fname]
    monkeypatch.setattr(fontManager, "ttflist", own)
    monkeypatch.setattr(fonts, "findSystemFonts", lambda: paths)
    for cache in CACHES:
        cache.cache_clear()
    yield paths
    for cache in CACHES:
        cache.cache_clear()


CACHES = (fonts._first_families, fonts._all_others, fonts._glyphs, fonts._family_of)


@pytest.mark.parametrize("text", [CHINESE, HINDI])
def test_any_installed_font_that_has_the_characters_is_used(text, installed, tmp_path):
    installed.append(write_font(tmp_path, "Plainkai", "".join(sorted(set(text)))))
    assert drawable(text) == (text, [fonts.MONO, "Plainkai"])


def test_the_font_with_the_most_characters_comes_first(installed, tmp_path):
    installed.append(write_font(tmp_path, "Afew", CHINESE[:1]))
    installed.append(write_font(tmp_path, "Many", CHINESE))
    assert drawable(CHINESE)[1] == [fonts.MONO, "Many"]


def test_fonts_of_empty_glyphs_and_damaged_fonts_are_passed_over(installed, tmp_path):
    installed.append(write_font(tmp_path, "Blank", CHINESE, ink=False))
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    installed.append(str(tmp_path / "broken.ttf"))
    assert drawable(CHINESE)[0] == MISSING_GLYPH * len(CHINESE)


def test_every_text_of_a_figure_gets_its_fonts(installed, tmp_path):
    installed.append(write_font(tmp_path, "Plainkai", CHINESE))
    with house_style():
        figure = Figure()
        area = figure.subplots()
        area.barh([f"a {CHINESE}"], [1.0])
        figure.suptitle(f"{CHINESE} {HINDI[:1]}")
        assert fit_fonts(figure) == [HINDI[:1]]
        assert figure.get_suptitle() == f"{CHINESE} {MISSING_GLYPH}"
        (label,) = area.get_yticklabels()
        assert label.get_fontfamily() == [fonts.SANS, fonts.MONO, "Plainkai"]


@pytest.mark.parametrize("command", [patch_overlay.COMMAND, entropy_figure.COMMAND])
@pytest.mark.usefixtures("installed")
def test_what_is_missing_is_said_in_the_picture_and_by_the_command(command, place, drawn, capsys):
    assert place.run(command, "--text", f"{CHINESE} and {HINDI}") == 0
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.startswith(f"{command.program}: {command.name}: No ")
    assert "Cjk, Devanagari: U+0924, " in said
    assert "apt-get install fonts-noto-cjk fonts-noto-core" in said
    note = " ".join(words(drawn[0]).split())
    assert said.split(": ", 2)[2].strip() in note
    assert CHINESE[0] not in note and MISSING_GLYPH in note


@pytest.mark.parametrize("command", [patch_overlay.COMMAND, entropy_figure.COMMAND])
def test_a_text_of_known_characters_has_no_remark(command, place, drawn, capsys):
    assert place.run(command, "--text", "Ångström, naïve: дом ⏎") == 0
    assert capsys.readouterr().err == ""
    assert BYTE_ORDER not in words(drawn[0])


@pytest.mark.parametrize("command", [patch_overlay.COMMAND, entropy_figure.COMMAND])
def test_a_picture_says_that_right_to_left_text_is_in_byte_order(command, place, drawn):
    assert place.run(command, "--text", f"{HEBREW} abc") == 0
    assert BYTE_ORDER in words(drawn[0])


@pytest.fixture
def drawn(monkeypatch) -> list[Figure]:
    """The figures whose files are written."""
    figures: list[Figure] = []
    write = ArtifactWriter.write_figure

    def keep(self, card: Card, draw, **more):
        write(self, card, lambda: figures.append(draw()) or figures[-1], **more)

    monkeypatch.setattr(ArtifactWriter, "write_figure", keep)
    return figures


def words(figure: Figure) -> str:
    """All text of a figure."""
    return "\n".join(text.get_text() for text in figure.findobj(Text))
