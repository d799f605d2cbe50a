"""Writer of gallery files that records each file in the ``artifacts.json`` of its folder.

``artifacts.json`` holds ``{file name: {"title", "description", "producer", "data"}}``: the command
that writes the file, and the name of the file with the plotted numbers (null for a data file).
``thumbnails/STEM.webp`` is a small picture of a figure.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import wrap
from typing import Any

from matplotlib.figure import Figure
from PIL import Image

from bytelatent.files import read_json, replacing, write_text
from bytelatent.formats.file_names import ARTIFACTS_FILE
from bytelatent.plotting.fonts import fit_fonts, missing_note
from bytelatent.plotting.libraries import with_library
from bytelatent.plotting.style import LIGHT, house_style, save_figure

THUMBNAILS = "thumbnails"
THUMBNAIL_SIZE = (720, 405)
"""Maximum width and height of a thumbnail in pixels; other aspect ratios are scaled to fit."""
DECIMALS = 5
_NOTE_CHARACTERS = 120
"""Maximum number of characters per line of a note at the foot of a figure."""
FIGURE_SUFFIXES = (".png", ".pdf")


@dataclass(frozen=True)
class Card:
    """Title and description of one figure's files in the gallery.

    Attributes:
        stem: name of the files without their suffix.
        title: title of a few words.
        description: description of one sentence.
    """

    stem: str
    title: str
    description: str


@dataclass
class ArtifactWriter:
    """Writer that writes and records the files of one command.

    Attributes:
        out: folder of pages and images.
        data: folder of the plotted numbers.
        producer: command that writes the files.
        written: files written so far.
        remarks: sentences for the user on what a file lacks, each once.
    """

    out: Path
    data: Path
    producer: str
    written: list[Path] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def write_page(self, card: Card, html: str) -> None:
        """Write a page as ``STEM.html``, where ``STEM`` is the stem of ``card``, and record it.

        Where the page does not reach its chart library, a copy is written beside it.
        """
        path = self.out / f"{card.stem}.html"
        page, library, missing = with_library(html, self.out)
        write_text(path, page)
        if missing is not None:
            self.remark(f"{path.name}: {missing}")
        if library is not None:
            self.written.append(library)
        self.record(path, card, f"{card.stem}.json")

    def write_figure(
        self, card: Card, draw: Callable[[], Figure], suffixes: tuple[str, ...] = FIGURE_SUFFIXES
    ) -> None:
        """Draw a figure once in the house style and write it as ``card.stem`` with every suffix.

        Every text gets the fonts that it needs. Where no installed font has a character, the
        picture and :attr:`remarks` say so.
        """
        with house_style():
            figure = draw()
            if missing := fit_fonts(figure):
                _add_note(figure, missing_note(missing))
                self.remark(f"{card.stem}: {missing_note(missing)}")
            for suffix in suffixes:
                path = self.out / f"{card.stem}{suffix}"
                with replacing(path) as temporary:
                    save_figure(figure, temporary)
                self.record(path, card, f"{card.stem}.json")
                if suffix == ".png":
                    _write_thumbnail(path, self.out / THUMBNAILS / f"{card.stem}.webp")

    def write_data(self, card: Card, value: dict[str, Any]) -> None:
        """Write ``value`` as JSON to ``STEM.json``, where ``STEM`` is the stem of ``card``.

        The file has one line per field; floats have :data:`DECIMALS` decimals.
        """
        path = self.data / f"{card.stem}.json"
        write_text(path, _json_lines(value))
        self.record(path, card, None)

    def remark(self, sentence: str) -> None:
        """Keep a sentence for the user."""
        if sentence not in self.remarks:
            self.remarks.append(sentence)

    def record(self, path: Path, card: Card, data: str | None) -> None:
        """Record a written file in the index of its folder; ``data`` names its file of numbers."""
        entry = {
            "title": card.title,
            "description": card.description,
            "producer": self.producer,
            "data": data,
        }
        index = path.parent / ARTIFACTS_FILE
        known = read_json(index) if index.is_file() else {}
        if not isinstance(known, dict):
            raise ValueError(f"{index} holds no JSON object; remove it to start a new one")
        known[path.name] = entry
        kept = {name: known[name] for name in sorted(known) if (path.parent / name).is_file()}
        write_text(index, json.dumps(kept, indent=2, ensure_ascii=False) + "\n")
        self.written.append(path)


def _add_note(figure: Figure, note: str) -> None:
    """Write a sentence at the foot of a figure, below the facts that are there."""
    lines = "\n".join(wrap(note, _NOTE_CHARACTERS))
    before = figure.get_supxlabel()
    text = f"{before}\n{lines}" if before else lines
    figure.supxlabel(text, x=0.01, ha="left", fontsize=9, color=LIGHT["muted"])


def _write_thumbnail(picture: Path, path: Path) -> None:
    with Image.open(picture) as image, replacing(path) as temporary:
        small = image.convert("RGB")
        small.thumbnail(THUMBNAIL_SIZE, Image.Resampling.LANCZOS)
        small.save(temporary, "WEBP", quality=80, method=6)


def rounded(value: Any) -> Any:
    """Return ``value`` with every float in it rounded to :data:`DECIMALS` decimals."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return round(value, DECIMALS) if isinstance(value, float) else value


def _json_lines(value: dict[str, Any]) -> str:
    fields = (
        f"  {json.dumps(key)}: {json.dumps(item, ensure_ascii=False, allow_nan=False)}"
        for key, item in rounded(value).items()
    )
    return "{\n" + ",\n".join(fields) + "\n}\n"
