"""A text coloured by patch."""

import re
from html import unescape

import numpy as np
import pytest

from bytelatent.patching.rules import lengths_from_starts
from bytelatent.patching.rules.by_token import space_starts, static_starts
from bytelatent.plotting.overlay_image import COLUMNS, _wrap
from bytelatent.plotting.patch_overlay import COMMAND, DEFAULT_TEXT
from bytelatent.plotting.pieces import Piece, PieceKind


@pytest.mark.usefixtures("no_images")
def test_rules_are_compared_on_the_same_text(place):
    assert place.run(COMMAND, "--patch-size", "6") == 0
    values = place.read("patch_overlay.json")
    size = len(DEFAULT_TEXT.encode())
    tokens = np.array([values["tokens"]])
    entropy, space, static = values["rules"]
    assert [rule["mode"] for rule in values["rules"]] == ["entropy", "space", "static"]
    for rule in values["rules"]:
        assert sum(rule["patch_lengths"]) == size + 1
        assert rule["patches"] == len(rule["patch_lengths"]) - 1
        assert rule["bytes_per_patch"] == pytest.approx(size / rule["patches"], abs=1e-5)
    for rule, starts in ((space, space_starts(tokens)), (static, static_starts(tokens, 6))):
        assert rule["patch_lengths"] == lengths_from_starts(starts[:, :-1])[0].tolist()
    assert (entropy["patch_size"], static["patch_size"]) == (None, 6)


@pytest.mark.usefixtures("no_images")
def test_page_shows_the_whole_text_once_for_each_rule(place):
    text = "a <b> & \"c\" 'd' 12,\nüber alles"
    place.run(COMMAND, "--text", text, "--patch-size", "100")
    page = place.page("patch_overlay.html")
    blocks = re.findall(r'<div class="text" dir="auto">(.*?)</div>', page, re.DOTALL)
    assert len(blocks) == 3
    plain = unescape(re.sub(r"<[^>]*>", "", blocks[2]))
    assert plain.replace("⏎", "") == text
    titles = re.findall(r'title="([^"]*)"', blocks[2])
    assert titles[0].startswith(f"bytes 0 to {len(text.encode()) - 1}: 61 20 3C 62 3E")
    assert "nats" in titles[0]


@pytest.mark.usefixtures("no_images")
def test_a_right_to_left_patch_is_marked(place):
    place.run(COMMAND, "--text", "אב", "--patch-size", "9")
    assert 'class="patch tint-1 leftward"' in place.page("patch_overlay.html")


def test_patch_size_is_named_when_it_is_wrong(place, capsys):
    assert place.run(COMMAND, "--patch-size", "0") == 1
    assert "--patch-size" in capsys.readouterr().err


def test_long_texts_are_cut_in_the_image_with_a_remark(place):
    assert place.run(COMMAND, "--text", "word\n" * 60, "--patch-size", "4") == 0


@pytest.mark.parametrize("text", ["word " * 60, "x" * 400, "a\n\nb", "wide 你好 " * 40])
def test_lines_are_wrapped_without_losing_anything(text):
    pieces = [Piece(0, PieceKind.LINE_END if c == "\n" else PieceKind.TEXT, c) for c in text]
    lines = _wrap(pieces)
    assert [cell.piece for line in lines for cell in line] == pieces
    for line in lines:
        assert line[0].column == 0
        assert line[-1].column + line[-1].width <= COLUMNS
        places = [cell.column for cell in line]
        assert places == sorted(places)
