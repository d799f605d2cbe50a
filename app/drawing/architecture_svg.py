"""The diagram of a model's architecture as an SVG, from its :class:`Architecture` and a short text.

Each column is a byte; the leftmost column is BOS. The bytes of the text are ranked by the entropy
of their prediction: with ``n`` patches, the first ``n`` bytes of the ranking start a patch. All
elements that depend on the patch size are in one group. ``static/js/diagram.js`` draws this group
again when a visitor moves the slider; a browser test compares both drawings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from app.drawing.no_js_preview import COLOURS
from app.schemas.architecture import Architecture, ArchitecturePart
from app.stored.example_file import ExampleFile

WIDTH, HEIGHT = 424, 614
LEFT, PITCH, GUTTER = 22, 13, 358
"""Left edge of BOS, width of a column, and left edge of the numbers beside the boxes."""
SHARE = 60
"""Width of a bar that stands for all FLOPs of the BLT."""
BOX, CELL, LANES = 48, 18, 98
"""Heights of the box of a part, of a byte, and of a patch in the global transformer."""
Y = {
    "entropy_model": 24,
    "bytes": 94,
    "embeddings": 126,
    "encoder": 182,
    "encoder_cross": 238,
    "lanes": 328,
    "global_model": 353,
    "decoder_cross": 468,
    "decoder": 524,
    "predicted": 586,
}
"""Y coordinates of the upper edges of the elements."""


EXAMPLE = "prose"
SHOWN = 24
"""Number of bytes of the example that are drawn."""


@dataclass(frozen=True)
class DrawnText:
    """Text that is drawn in the diagram.

    Attributes:
        letters: one letter for each byte.
        order: indices of the bytes by decreasing entropy; byte 0 is always first.
    """

    letters: str
    order: tuple[int, ...]

    def starts(self, patch_size: float) -> list[int]:
        """Return the indices of the bytes that start a patch."""
        return sorted(self.order[: max(1, int(len(self.order) / patch_size + 0.5))])


def drawn_text(examples: ExampleFile) -> DrawnText:
    """Return the text of the diagram: the start of a measured example.

    Without an example, return a text whose patches start at spaces.
    """
    text = "bytes turn into patches"
    entropies = [float(before == " ") for before in " " + text]
    for item in examples.read().items:
        beginning = item["request"]["text"][:SHOWN]
        if item["id"] == EXAMPLE and beginning.isascii():  # a letter is a byte
            text, entropies = beginning, item["response"]["entropies"]
    order = sorted(range(1, len(text)), key=lambda place: -entropies[place])
    return DrawnText(text, (0, *order))


def draw(shape: Architecture, text: DrawnText, *, style: str = "") -> str:
    """Return the diagram of an architecture as an SVG.

    Args:
        shape: architecture of the model.
        text: text that is drawn.
        style: CSS of a stand-alone picture; if it is empty, each part links to its description on
            the page.
    """
    size = nearest(shape.patch_sizes, shape.bytes_per_patch)
    total = blt_flops(shape, size)
    about = f"How a text runs through {shape.model}: from bytes through patches to the next bytes"
    boxes = []
    for number, part in enumerate(shape.parts, 1):
        box = _box(part, number, meta(part, shape)) + _cost(part.key, part.flops[size], total)
        boxes.append(f"<g>{box}</g>" if style else _link(part, box))
    role = "img" if style else "group"
    alone = f"<style>{style}</style><title>{escape(about)}</title>{_GROUND}" if style else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="diagram" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'role="{role}" aria-label="{escape(about)}">{alone}{_frame()}'
        f'<g id="diagram-live">{live(text, shape.patch_sizes[size])}</g>'
        f"{_letters(text)}{''.join(boxes)}</svg>\n"
    )


def nearest(sizes: Sequence[float], target: float) -> int:
    """Return the index of the size that is closest to ``target``."""
    return min(range(len(sizes)), key=lambda i: abs(sizes[i] - target))


def blt_flops(shape: Architecture, size: int) -> float:
    """Return the FLOPs per byte of the BLT without the entropy model, at a patch size index."""
    return sum(part.flops[size] for part in shape.parts if part.key != "entropy_model")


def short(number: float) -> str:
    """Return a large number for people, such as ``924 M`` or ``1.01 G``."""
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= 0.9995 * unit:
            value = number / unit
            decimals = 2 if value < 9.995 else 1 if value < 99.95 else 0
            return f"{value:.{decimals}f} {name}"
    return f"{number:.0f}"


def meta(part: ArchitecturePart, shape: Architecture) -> str:
    """Return the shape of a part in a few words."""
    if part.key == "embeddings":
        tables = len(shape.hash_sizes) * shape.hash_functions
        rows = f" · {tables} hash tables of {shape.hash_buckets:,}" if tables else ""
        return f"width {part.width}{rows}"
    if part.layers == 0:
        return "added to the bytes"
    size = f"{'1 layer' if part.layers == 1 else f'{part.layers} layers'} × {part.width}"
    if part.key in ("encoder_cross", "decoder_cross"):
        vectors = "1 vector" if shape.patch_vectors == 1 else f"{shape.patch_vectors} vectors"
        return f"{size} · {vectors} per patch"
    if part.key == "global_model":
        return f"{size} · runs once per patch"
    return f"{size} · sees {part.sees:,} bytes" if part.sees else f"{size} · sees all bytes"


def live(text: DrawnText, patch_size: float) -> str:
    """Return the SVG elements that depend on the patch size, such as boundaries and patches."""
    starts = text.starts(patch_size)
    ends = [*starts[1:], len(text.order)]
    read, offered = Y["encoder_cross"] + BOX, Y["lanes"] + LANES
    out = [_cell(-1, Y["bytes"], "bos"), _lane(-1, 0, "bos")]
    last, before = _middle(-1, 0), "bos"
    for patch, (start, end) in enumerate(zip(starts, ends, strict=True)):
        colour, centre = f"p{patch % COLOURS}", _middle(start, end)
        out += [_cut(start), _lane(start, end, colour)]
        for byte in range(start, end):
            middle = _middle(byte, byte + 1)
            out.append(_cell(byte, Y["bytes"], colour))
            out.append(_wire((middle, read), (centre, Y["lanes"]), colour))
            out.append(_wire((last, offered), (middle, Y["decoder_cross"]), before))
            out.append(_cell(byte, Y["predicted"], before))
        last, before = centre, colour
    return "".join(out)


def _left(byte: int) -> int:
    return LEFT + (byte + 1) * PITCH


def _middle(start: int, end: int) -> float:
    return (_left(start) + _left(end)) / 2


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _cut(byte: int) -> str:
    top = Y["entropy_model"] + BOX
    return f'<path class="cut" d="M{_left(byte)} {top}V{Y["bytes"] + CELL + 3}"/>'


def _cell(byte: int, y: int, colour: str) -> str:
    return (
        f'<rect class="cell {colour}" x="{_left(byte) + 0.5}" y="{y}" width="{PITCH - 1}" '
        f'height="{CELL}" rx="2"/>'
    )


def _lane(start: int, end: int, colour: str) -> str:
    width = min(22, (end - start) * PITCH - 3)
    return (
        f'<rect class="lane {colour}" x="{_number(_middle(start, end) - width / 2)}" '
        f'y="{Y["lanes"]}" width="{width}" height="{LANES}" rx="3"/>'
    )


def _wire(start: tuple[float, int], end: tuple[float, int], colour: str) -> str:
    (x0, y0), (x1, y1) = start, end
    a, b, half = _number(x0), _number(x1), _number((y0 + y1) / 2)
    return f'<path class="wire {colour}" d="M{a} {y0}C{a} {half} {b} {half} {b} {y1}"/>'


def _letters(text: DrawnText) -> str:
    """Return both rows of bytes and their labels."""
    out = []
    for row, name in (("bytes", "bytes"), ("predicted", "next bytes")):
        y = Y[row] + CELL - 5
        out.append(f'<text class="note" x="{GUTTER}" y="{y}">{name}</text>')
        out += [
            f'<text class="letter" x="{_number(_middle(i, i + 1))}" y="{y}">{escape(letter)}</text>'
            for i, letter in enumerate(text.letters)
            if letter != " "
        ]
    return "".join(out)


def _frame() -> str:
    """Return the background: the heading of the numbers, and the byte path around the patches."""
    above, below = (Y[part] + BOX // 2 for part in ("encoder", "decoder"))
    edge = LEFT - 4
    return (
        f'<text class="note" x="{GUTTER}" y="15">FLOPs/byte</text>'
        f'<path class="past" d="M{edge} {above}H7V{below}H{edge - 6}"/>'
        f'<path class="tip" d="M{edge} {below}l-7 -4v8z"/>'
    )


def _box(part: ArchitecturePart, number: int, words: str) -> str:
    x, y = LEFT - 4, Y[part.key]
    width = GUTTER - x - 9
    apart = " apart" if part.key == "entropy_model" else ""
    return (
        f'<rect class="box{apart}" x="{x}" y="{y}" width="{width}" height="{BOX}" rx="7"/>'
        f'<circle class="badge" cx="{x + 20}" cy="{y + BOX // 2}" r="10.5"/>'
        f'<text class="badge-number" x="{x + 20}" y="{y + BOX // 2 + 4}">{number}</text>'
        f'<text class="name" x="{x + 40}" y="{y + 20}">{escape(part.title)}</text>'
        f'<text class="meta" x="{x + 40}" y="{y + 37}">{escape(words)}</text>'
    )


def _cost(key: str, flops: float, total: float) -> str:
    """Return the FLOPs per byte of a part as a number and as a share of the BLT."""
    y = Y[key]
    width = _number(SHARE * min(1.0, flops / total))
    return (
        f'<text class="flops" data-flops="{key}" x="{GUTTER}" y="{y + 24}">{short(flops)}</text>'
        f'<rect class="whole" x="{GUTTER}" y="{y + 31}" width="{SHARE}" height="5" rx="2"/>'
        f'<rect class="share" data-share="{key}" x="{GUTTER}" y="{y + 31}" width="{width}" '
        'height="5" rx="2"/>'
    )


def _link(part: ArchitecturePart, inside: str) -> str:
    return f'<a class="part" href="#part-{part.key}" data-part="{part.key}">{inside}</a>'


_GROUND = f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}" rx="12"/>'
