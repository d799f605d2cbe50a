"""The chart of FLOPs per byte against bytes per patch, as an SVG of stacked areas.

``static/js/diagram.js`` moves the line that marks the chosen patch size.
"""

from html import escape

from app.drawing.architecture_svg import blt_flops, nearest, short
from app.schemas.architecture import Architecture

WIDTH, HEIGHT = 560, 190
LEFT, RIGHT, TOP, BOTTOM = 78, 12, 14, 26
"""Margins around the plot."""
SIZES = (1, 2, 4, 6, 8, 10, 12, 14, 16)
"""Patch sizes in bytes that have a tick."""
STACK = ("decoder", "decoder_cross", "encoder_cross", "encoder", "global_model")
"""Parts in the order of the stack; the parts that hardly depend on the patch size are at the
bottom."""


def draw_costs(shape: Architecture) -> str:
    """Return the chart of FLOPs per byte against bytes per patch as an SVG."""
    sizes = shape.patch_sizes
    flops = {part.key: part.flops for part in shape.parts}
    below, areas = [0.0] * len(sizes), []
    top = blt_flops(shape, 0)
    for key in STACK:
        if key in flops:
            above = [a + b for a, b in zip(below, flops[key], strict=True)]
            areas.append(_area(key, sizes, below, above, top))
            below = above
    chosen = nearest(sizes, shape.bytes_per_patch)
    x = _x(sizes, sizes[chosen])
    return (
        f'<svg class="costs" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(_words(shape))}" data-left="{LEFT}" data-right="{WIDTH - RIGHT}">'
        f"{_axes(sizes, top)}{''.join(areas)}"
        f'<path class="now" id="costs-now" d="M{x} {TOP}V{HEIGHT - BOTTOM}"/></svg>'
    )


def _words(shape: Architecture) -> str:
    """Return a description of the chart for screen readers."""
    at = {size: short(blt_flops(shape, nearest(shape.patch_sizes, size))) for size in (1, 4, 8, 16)}
    listed = ", ".join(f"{flops} with {size}" for size, flops in at.items())
    return f"FLOPs per byte fall as patches grow: {listed} bytes per patch"


def _x(sizes: list[float], size: float) -> float:
    share = (size - sizes[0]) / (sizes[-1] - sizes[0])
    return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def _y(flops: float, top: float) -> float:
    return round(HEIGHT - BOTTOM - flops / top * (HEIGHT - TOP - BOTTOM), 1)


def _area(key: str, sizes: list[float], below: list[float], above: list[float], top: float) -> str:
    """Return the area of a part; between two patch sizes its edge is a straight line."""

    def edge(values: list[float]) -> list[str]:
        return [
            f"{_x(sizes, size)} {_y(flops, top)}" for size, flops in zip(sizes, values, strict=True)
        ]

    return f'<path class="area {key}" d="M{"L".join([*edge(above), *reversed(edge(below))])}z"/>'


def _axes(sizes: list[float], top: float) -> str:
    ground = HEIGHT - BOTTOM
    ticks = [
        f'<text class="tick" x="{_x(sizes, size)}" y="{ground + 17}">{size}</text>'
        for size in SIZES
        if sizes[0] <= size <= sizes[-1]
    ]
    for share in (0.0, 0.5, 1.0):
        y = _y(share * top, top)
        ticks.append(f'<path class="rule" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>')
        label = short(share * top)
        ticks.append(f'<text class="height" x="{LEFT - 7}" y="{y + 4}">{label}</text>')
    return "".join(ticks)
