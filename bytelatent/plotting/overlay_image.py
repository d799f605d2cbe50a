"""Texts coloured by patch as an image: wrapped lines of characters on a grid.

Characters are drawn in the order of their bytes, also in right-to-left scripts; a picture of such
text says so. One unit of the axes is the width of a character horizontally and a line vertically.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bytelatent.plotting.fonts import BYTE_ORDER, MONO, has_right_to_left
from bytelatent.plotting.pieces import Piece, PieceKind
from bytelatent.plotting.style import LIGHT, TINTS

COLUMNS = 92
MAX_LINES = 40
"""Maximum number of lines per block; a remark reports omitted lines."""
FONT_POINTS = 11.5
ADVANCE_POINTS = 0.602 * FONT_POINTS
"""Width of a character of DejaVu Sans Mono, in points."""
LINE_POINTS = 21.0
MARGIN_COLUMNS = 2.0
HEAD_LINES = 3.2
_BYTE_SCALE = 0.72
"""Size of byte values relative to that of characters."""


@dataclass(frozen=True)
class TextBlock:
    """One text with a heading.

    Attributes:
        title, remark: text above the block, the title in bold.
        pieces: pieces of the text.
    """

    title: str
    remark: str
    pieces: Sequence[Piece]


@dataclass(frozen=True)
class _Cell:
    piece: Piece
    column: float
    width: float


def draw_blocks(title: str, remark: str, blocks: Sequence[TextBlock]) -> Figure:
    """Draw a title, a remark and the blocks below each other, wrapped to :data:`COLUMNS`."""
    wrapped = [_wrap(block.pieces) for block in blocks]
    shown = [lines[:MAX_LINES] for lines in wrapped]
    height = HEAD_LINES + sum(len(lines) + 2.2 for lines in shown)
    width = COLUMNS + 2 * MARGIN_COLUMNS
    figure = Figure(figsize=(width * ADVANCE_POINTS / 72, height * LINE_POINTS / 72))
    area = figure.add_axes((0, 0, 1, 1))
    area.set(xlim=(-MARGIN_COLUMNS, COLUMNS + MARGIN_COLUMNS), ylim=(height, 0))
    area.set_axis_off()
    area.text(0, 1.1, title, fontsize=14, fontweight="bold", va="center")
    area.text(0, 2.1, remark, fontsize=9, color=LIGHT["muted"], va="center")
    cells = (cell for lines in shown for line in lines for cell in line)
    if any(has_right_to_left(cell.piece.text) for cell in cells):
        area.text(0, 2.8, BYTE_ORDER, fontsize=9, color=LIGHT["muted"], va="center")
    top = HEAD_LINES
    for block, lines, every in zip(blocks, shown, wrapped, strict=True):
        cut = "" if len(lines) == len(every) else f" (first {len(lines)} of {len(every)} lines)"
        heading = area.text(0, top + 0.4, block.title, fontweight="bold", va="center")
        area.annotate(
            f"{block.remark}{cut}",
            (1, 0.5),
            xycoords=heading,
            xytext=(10, 0),
            textcoords="offset points",
            va="center",
            color=LIGHT["muted"],
        )
        top += 1.3
        for line in lines:
            _draw_line(area, line, top)
            top += 1
        top += 0.9
    return figure


def _wrap(pieces: Sequence[Piece]) -> list[list[_Cell]]:
    """Wrap pieces into lines of cells: at line ends, else after the last space that fits."""
    lines: list[list[_Cell]] = [[]]
    for piece in pieces:
        width = _width(piece)
        line = lines[-1]
        used = line[-1].column + line[-1].width if line else 0.0
        if used + width > COLUMNS:
            carried = _after_last_space(line)
            lines[-1] = line[: len(line) - len(carried)]
            offset = carried[0].column if carried else used
            line = [_Cell(cell.piece, cell.column - offset, cell.width) for cell in carried]
            lines.append(line)
            used -= offset
        line.append(_Cell(piece, used, width))
        if piece.kind is PieceKind.LINE_END:
            lines.append([])
    return lines if lines[-1] else lines[:-1]


def _after_last_space(line: list[_Cell]) -> list[_Cell]:
    """Return the cells that move to the next line; none if there is no space to break at."""
    for count, cell in enumerate(reversed(line)):
        if cell.piece.text == " ":
            return line[len(line) - count :]
    return []


def _width(piece: Piece) -> float:
    """Return the number of columns of a piece."""
    if piece.kind is PieceKind.BYTE:
        return len(piece.text) * _BYTE_SCALE + 0.4
    return max(0.6, sum(_character_width(character) for character in piece.text))


def _character_width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _draw_line(area: Axes, line: list[_Cell], top: float) -> None:
    """Draw one line: a box for each patch, an edge at its start, and the characters."""
    boxes, colours = [], []
    for patch, group in groupby(line, key=lambda cell: cell.piece.patch):
        cells = list(group)
        left = cells[0].column
        boxes.append((left, cells[-1].column + cells[-1].width - left))
        colours.append(LIGHT[TINTS[patch % len(TINTS)]])
    area.broken_barh(boxes, (top + 0.06, 0.88), facecolors=colours, linewidth=0)
    edges = np.array([left for left, _ in boxes]) + 0.06
    area.vlines(edges, top + 0.06, top + 0.94, color=LIGHT["muted"], linewidth=1)
    for cell in line:
        _draw_cell(area, cell, top)


def _draw_cell(area: Axes, cell: _Cell, top: float) -> None:
    if cell.piece.text == " ":
        return
    plain = cell.piece.kind in (PieceKind.TEXT, PieceKind.CUT)
    area.text(
        cell.column + cell.width / 2,
        top + 0.68,
        cell.piece.text,
        ha="center",
        va="baseline",
        fontfamily=MONO,
        fontsize=FONT_POINTS * (1 if plain else _BYTE_SCALE),
        color=LIGHT["ink" if plain else "muted"],
    )
    if cell.piece.kind is PieceKind.CUT:
        right = cell.column + cell.width
        area.hlines(top + 0.82, cell.column + 0.1, right, color=LIGHT["ink"], linestyle=":")
