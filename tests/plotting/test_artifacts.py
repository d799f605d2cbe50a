"""The record of what is in a folder."""

import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from bytelatent.plotting.artifacts import ArtifactWriter, Card, rounded
from bytelatent.plotting.style import house_style

ROOT = Path(__file__).parents[2]
MOST_BYTES = 400_000
CARD = Card("thing", "A thing", "What it is.")


@pytest.fixture
def writer(tmp_path):
    return ArtifactWriter(tmp_path / "out", tmp_path / "data", "python -m maker")


def test_entries_of_files_that_are_gone_are_dropped(writer):
    writer.write_page(CARD, "<p>")
    writer.write_page(Card("other", "Other", "Another."), "<p>")
    (writer.out / "other.html").unlink()
    writer.write_page(Card("a", "First", "The first by name."), "<p>")
    index = json.loads((writer.out / "artifacts.json").read_text())
    assert list(index) == ["a.html", "thing.html"]
    assert index["thing.html"] == {
        "title": "A thing",
        "description": "What it is.",
        "producer": "python -m maker",
        "data": "thing.json",
    }


@pytest.mark.parametrize("damage", ["{", "[1]"])
def test_a_damaged_record_is_named(writer, damage):
    writer.out.mkdir()
    (writer.out / "artifacts.json").write_text(damage)
    with pytest.raises(ValueError, match=r"artifacts\.json"):
        writer.write_page(CARD, "<p>")


def test_an_unknown_image_kind_leaves_no_file(writer):
    with pytest.raises(KeyError):
        writer.write_figure(CARD, Figure, suffixes=(".bmp",))
    assert list(writer.out.iterdir()) == []


def test_a_small_picture_is_made_of_each_figure(writer):
    writer.write_figure(CARD, lambda: Figure(figsize=(4, 9)))
    with Image.open(writer.out / "thumbnails" / "thing.webp") as image:
        assert image.format == "WEBP"
        assert (image.width <= 720, image.height) == (True, 405)


def test_a_picture_has_a_palette_that_keeps_its_colours(writer, tmp_path):
    figure = Figure(figsize=(4, 3))
    axes = figure.subplots()
    for number in range(120):
        axes.plot([0, 1], [number, 120 - number], color=f"C{number}", alpha=0.4)
    writer.write_figure(CARD, lambda: figure)
    full = tmp_path / "full.png"
    with house_style():
        figure.savefig(full)
    with Image.open(writer.out / "thing.png") as image, Image.open(full) as whole:
        assert image.mode == "P"
        assert image.size == whole.size
        pixels, wanted = (np.asarray(one.convert("RGB")).astype(int) for one in (image, whole))
    assert (writer.out / "thing.png").stat().st_size < 0.5 * full.stat().st_size
    apart = np.abs(pixels - wanted)
    assert apart.mean() < 2 and apart.max() < 48
    assert (pixels[(wanted == 255).all(axis=-1)] == 255).all(), "paper stays white"


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".webp"])
def test_no_stored_picture_is_heavy(suffix):
    sizes = {path.name: path.stat().st_size for path in (ROOT / "demo_output").rglob(f"*{suffix}")}
    assert sizes
    heavy = {name: size for name, size in sizes.items() if size > MOST_BYTES}
    assert not heavy, "draw fewer objects or a smaller picture, then make figures"


def test_figures_do_not_change_the_settings_of_matplotlib(writer):
    import matplotlib

    before = dict(matplotlib.rcParams)
    writer.write_figure(CARD, Figure)
    assert dict(matplotlib.rcParams) == before


def test_floats_are_rounded_wherever_they_stand():
    value = {"a": [0.123456789, {"b": (1, 2.0000001)}], "c": None, "d": True}
    assert rounded(value) == {"a": [0.12346, {"b": [1, 2.0]}], "c": None, "d": True}
