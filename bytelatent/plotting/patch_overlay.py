"""A text coloured by patch: ``python -m bytelatent.plotting.patch_overlay``.

The figure shows the same text cut at high entropy, after spaces, and every few bytes.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from html import escape
from itertools import groupby

from bytelatent.patching.rules import PatchingMode
from bytelatent.plotting.artifacts import Card
from bytelatent.plotting.command_line import (
    Parser,
    PlotCommand,
    PlotJob,
    add_text_options,
    add_threshold,
    text_bytes,
)
from bytelatent.plotting.html import TABLE_ROWS, Page, asset, table
from bytelatent.plotting.measured_text import Measured, byte_patches, bytes_per_patch, measure
from bytelatent.plotting.overlay_image import TextBlock, draw_blocks
from bytelatent.plotting.pieces import Piece, PieceKind, pieces
from bytelatent.plotting.style import TINTS

DEFAULT_TEXT = (
    "A byte model reads a text one byte at a time and guesses the next. Where it is unsure, a "
    "patch starts; where the next bytes are easy to guess, the patch goes on. The first letters "
    "of a word are harder to guess than the last. Common words take few patches: the president "
    "of the United States. Names and numbers take more: Daenerys Targaryen, 1835, 27.4%; so do "
    "rare letters, as in café, naïve and Ångström."
)
DEFAULT_PATCH_SIZE = 4

CARD = Card(
    "patch_overlay",
    "One text, three ways to cut it into patches",
    "Each colour change is a new patch: where the byte model's entropy is above its threshold, "
    "after spaces, or after a fixed number of bytes.",
)
KEY = (
    "Dotted underline: a character cut by a patch border; its further bytes, and what cannot be "
    "printed, stand as small hexadecimal numbers."
)


@dataclass(frozen=True)
class OverlayRow:
    """The text under one patching rule.

    Attributes:
        mode: the patching rule.
        title: description of the rule in a few words.
        lengths: patch lengths in tokens, BOS first.
    """

    mode: PatchingMode
    title: str
    lengths: list[int]

    @cached_property
    def patches(self) -> list[tuple[int, int]]:
        """Start and length in bytes of every patch."""
        return byte_patches(self.lengths)

    @property
    def counts(self) -> str:
        """Text with the number and the mean length of the patches."""
        size = bytes_per_patch(self.lengths)
        count = f"{len(self.lengths) - 1:,} patches"
        return count if size is None else f"{count}, {size:.2f} bytes per patch"


def render(job: PlotJob) -> None:
    """Write the page, the image and the data file of this command's figure."""
    size = job.options.patch_size
    if size < 1:
        raise ValueError(f"--patch-size: {size} is not a number of bytes, 1 or more")
    data = text_bytes(job.options, DEFAULT_TEXT)
    text = measure(job.model(), data, threshold=job.options.threshold)
    rows = [
        OverlayRow(mode, title, text.patch_lengths(mode, patch_size=size))
        for mode, title in (
            (PatchingMode.ENTROPY, f"Where entropy is above {text.threshold:.3f} nats"),
            (PatchingMode.SPACE, "After spaces"),
            (PatchingMode.STATIC, "After every byte" if size == 1 else f"Every {size} bytes"),
        )
    ]
    rules = [
        {
            "mode": row.mode.value,
            "patch_size": size if row.mode is PatchingMode.STATIC else None,
            "patches": len(row.patches),
            "bytes_per_patch": bytes_per_patch(row.lengths),
            "patch_lengths": row.lengths,
        }
        for row in rows
    ]
    job.writer.write_data(CARD, {**text.summary(), "rules": rules})
    job.writer.write_page(CARD, _page(text, rows).render())
    blocks = [TextBlock(row.title, row.counts, list(pieces(data, row.patches))) for row in rows]
    job.writer.write_figure(CARD, partial(draw_blocks, CARD.title, KEY, blocks), suffixes=(".png",))


def _page(text: Measured, rows: Sequence[OverlayRow]) -> Page:
    bits = text.analysis.bits_per_byte
    facts = [
        ("model", text.model),
        ("bytes", f"{len(text.data):,}"),
        ("bits per byte", "none" if bits is None else f"{bits:.3f}"),
    ]
    body = f'<p class="caption">{escape(KEY)}</p>\n' + "\n".join(
        _section(text, row) for row in rows
    )
    if not text.data:
        body = '<p class="note">The text is empty.</p>'
    return Page(CARD.title, CARD.description, body, facts, asset("overlay.css"))


def _section(text: Measured, row: OverlayRow) -> str:
    shown = "".join(
        _span(text, row, patch, list(group))
        for patch, group in groupby(pieces(text.data, row.patches), key=lambda piece: piece.patch)
    )
    total = len(row.patches)
    part = "" if total <= TABLE_ROWS else f" (the first {TABLE_ROWS} of {total:,})"
    patches = table(
        f"These patches as a table{part}",
        ("patch", "start (byte)", "bytes", "entropy (nats)"),
        [
            (_lossy(text.data[start : start + length]), f"{start}", f"{length}", entropy)
            for start, length in row.patches[:TABLE_ROWS]
            for entropy in [f"{text.byte_entropies[start]:.3f}"]
        ],
    )
    return (
        f'<section aria-label="{escape(row.title)}">\n'
        f'<h2>{escape(row.title)} <span class="counts">{escape(row.counts)}</span></h2>\n'
        f'<div class="text" dir="auto">{shown}</div>\n{patches}\n</section>'
    )


def _span(text: Measured, row: OverlayRow, patch: int, shown: list[Piece]) -> str:
    start, length = row.patches[patch]
    values = text.data[start : start + length].hex(" ").upper()
    title = (
        f"bytes {start} to {start + length - 1}: {values}; "
        f"entropy before the first {text.byte_entropies[start]:.3f} nats"
    )
    classes = f"patch {TINTS[patch % len(TINTS)]}{' leftward' if _leftward(shown) else ''}"
    return f'<span class="{classes}" title="{title}">{"".join(map(_piece, shown))}</span>'


def _leftward(shown: list[Piece]) -> bool:
    """Return whether a patch is written from right to left, by its first letter."""
    letters = "".join(piece.text for piece in shown if piece.kind is not PieceKind.BYTE)
    directions = (unicodedata.bidirectional(character) for character in letters)
    return next((kind for kind in directions if kind in ("L", "R", "AL")), "L") != "L"


def _piece(piece: Piece) -> str:
    text = escape(piece.text)
    match piece.kind:
        case PieceKind.TEXT:
            return text
        case PieceKind.LINE_END:
            return f'<bdi class="byte">{text}</bdi>\n'
        case PieceKind.CUT:
            return f'<span class="cut">{text}</span>'
        case PieceKind.BYTE:
            return f'<bdi class="byte">{text}</bdi>'


def _lossy(data: bytes) -> str:
    """Return the text of a patch for a table, or its bytes if they are no whole characters."""
    text = data.decode("utf-8", errors="replace")
    return text.replace(" ", "␣") if text.isprintable() and "\ufffd" not in text else data.hex(" ")


def _add_options(parser: Parser) -> None:
    add_text_options(parser)
    add_threshold(parser)
    parser.add_argument(
        "--patch-size",
        type=int,
        default=DEFAULT_PATCH_SIZE,
        metavar="BYTES",
        help="length of the static patches (default: %(default)s)",
    )


COMMAND = PlotCommand("patch_overlay", CARD.description, render, _add_options)
main = COMMAND.main

if __name__ == "__main__":
    raise SystemExit(main())
