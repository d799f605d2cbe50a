"""The work of a plotting command grows in step with its text."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from matplotlib.artist import Artist
from matplotlib.figure import Figure

import bytelatent
from bytelatent.graph.patch_graph import patch_graph
from bytelatent.plotting import entropy_figure, overlay_image, patch_overlay, pieces
from bytelatent.plotting.artifacts import ArtifactWriter
from bytelatent.plotting.measured_text import measure

PACKAGE = str(Path(bytelatent.__file__).parent)
TEXT = "The house stood, she said, in the café by the river; nobody saw 27.4% of it.\n"
SMALL, TIMES = 300, 4
SLACK = 1.3
LINES = 2


def lines_run(work: Callable[[], object]) -> int:
    """Number of lines of this package that run during some work."""
    count = 0

    def inside(_: FrameType, event: str, __: Any) -> Any:
        nonlocal count
        count += event == "line"
        return inside

    before = sys.gettrace()
    sys.settrace(lambda frame, *_: inside if frame.f_code.co_filename.startswith(PACKAGE) else None)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def content(name: str, size: int, folder: Path) -> list[str]:
    """Options of a command for a text, or for a record, of about ``size`` bytes."""
    path = folder / f"{name}_{size}"
    text = (TEXT * (size // len(TEXT) + 1))[:size]
    if name == "training_curve":
        steps = range(size // 4)
        path.write_text(
            "".join(
                json.dumps({"step": step, "bytes": step, "bits_per_byte": 2.0, "lr": 0.1}) + "\n"
                for step in steps
            )
        )
        return ["--metrics", str(path)]
    if name == "patch_lengths":
        language = {"lang": "en", "name": "English", "text": text}
        path.write_text(json.dumps({"texts": [language], "source": "made up"}))
        return ["--texts", str(path)]
    path.write_text(text)
    return ["--sample" if name == "entropy_histogram" else "--text-file", str(path)]


COMMANDS = {
    name: __import__(f"bytelatent.plotting.{name}", fromlist=["COMMAND"]).COMMAND
    for name in (
        "entropy_figure",
        "entropy_histogram",
        "patch_lengths",
        "patch_overlay",
        "training_curve",
    )
}


@pytest.mark.usefixtures("no_images")
@pytest.mark.parametrize("name", COMMANDS)
def test_four_times_the_text_is_four_times_the_work(name, place, tmp_path):
    counts = []
    for size in (SMALL, TIMES * SMALL):
        words = content(name, size, tmp_path)
        place.run(COMMANDS[name], *words)  # what is read once stays out of the count
        counts.append(lines_run(lambda words=words: place.run(COMMANDS[name], *words)))
    assert counts[1] < SLACK * TIMES * counts[0]


def test_a_patch_graph_takes_work_in_step_with_its_text(model):
    counts = [
        lines_run(lambda size=size: patch_graph(TEXT * size, LongModel(model), title="t"))
        for size in (8, 32)
    ]
    assert counts[1] < SLACK * TIMES * counts[0]


class LongModel:
    """The model of the plots, called as a graph calls it."""

    def __init__(self, model: Any) -> None:
        self.name, self.threshold, self.max_patch_length = model.name, model.threshold, None
        self.model = model

    def analyse(self, data: bytes, *, top_k: int = 0) -> Any:
        return self.model.analyse(data, top_k=top_k)


@pytest.fixture
def figures(monkeypatch):
    """The figures that commands draw, in place of their files; of few lines and rows."""
    drawn: list[Figure] = []
    monkeypatch.setattr(
        ArtifactWriter, "write_figure", lambda self, card, draw, **_: drawn.append(draw())
    )
    monkeypatch.setattr(overlay_image, "MAX_LINES", LINES)
    monkeypatch.setattr(entropy_figure, "MAX_ROWS", LINES)
    return drawn


@pytest.mark.parametrize("command", [patch_overlay, entropy_figure])
def test_an_image_has_as_much_in_it_however_long_the_text_goes_on(command, place, figures):
    for size in (800, 1600):
        assert place.run(command.COMMAND, "--text", ("abc\n" * size)[:size]) == 0
    sizes = [len(figure.findobj(Artist)) for figure in figures]
    assert sizes[0] == sizes[1]


def test_the_patches_of_a_line_are_drawn_together(place, figures):
    assert place.run(patch_overlay.COMMAND, "--text", "abc " * 100) == 0
    (area,) = figures[0].axes
    assert len(area.patches) + len(area.collections) == 2 * 3 * LINES


def test_a_row_labels_only_its_own_bytes(model, monkeypatch):
    """The image has six rows; the labels of the whole text are made once, not for each row."""
    calls: list[int] = []
    labels = entropy_figure.byte_labels
    monkeypatch.setattr(
        entropy_figure, "byte_labels", lambda data: calls.append(len(data)) or labels(data)
    )
    text = measure(model, b"abc " * 500, top_k=5)
    entropy_figure._image(text, text.patch_lengths(entropy_figure.PatchingMode.ENTROPY))
    assert sum(calls) <= len(text.data)


def test_many_marks_on_one_letter_are_joined_once(monkeypatch):
    made: list[str] = []
    piece = pieces.Piece
    monkeypatch.setattr(
        pieces, "Piece", lambda patch, kind, text: made.append(text) or piece(patch, kind, text)
    )
    data = ("a" + "\u0301" * 100).encode()
    (joined,) = pieces.pieces(data, [(0, len(data))])
    assert joined.text == data.decode()
    assert sum(map(len, made)) <= 2 * len(joined.text)
