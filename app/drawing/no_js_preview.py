"""A measured text without JavaScript: coloured patches, and the entropies as an SVG path."""

import unicodedata
from dataclasses import dataclass
from typing import Any

COLOURS = 5
"""Number of patch colours, which repeat; ``static/css`` has a class for each."""

WIDTH, HEIGHT = 1000, 240
_VISIBLE = {"\n": "↵\n", "\t": "⇥\t"}


@dataclass(frozen=True)
class Mark:
    """Character with its CSS classes."""

    text: str
    classes: str


@dataclass(frozen=True)
class NoJsPreview:
    """Measured text that the page shows before any script runs.

    Attributes:
        text: the text.
        lang: language tag.
        marks: characters, coloured by patch.
        bytes, patches: number of bytes and number of patches.
        bytes_per_patch, bits_per_byte: number with two decimals, or a dash.
        curve: SVG path of the entropies in a box of ``WIDTH`` by ``HEIGHT``.
        threshold_y: y coordinate of the threshold in that box, or None without a threshold.
    """

    text: str
    lang: str
    marks: list[Mark]
    bytes: int
    patches: int
    bytes_per_patch: str
    bits_per_byte: str
    curve: str
    threshold_y: float | None


def draw_preview(example: dict[str, Any]) -> NoJsPreview:
    """Return the preview of a precomputed example."""
    text, response = example["request"]["text"], example["response"]
    patches, count = response["patches"], response["bytes"]
    bits = response["bits_per_byte"]
    entropies = response["entropies"][:count]
    top = max([4.2, *entropies]) * 1.05
    threshold = response["threshold"]
    return NoJsPreview(
        text=text,
        lang=example["lang"],
        marks=_marks(text, [patch["start"] for patch in patches]),
        bytes=count,
        patches=len(patches),
        bytes_per_patch=f"{count / len(patches):.2f}" if patches else "–",
        bits_per_byte="–" if bits is None else f"{bits:.2f}",
        curve=_path(entropies, top),
        threshold_y=None if threshold is None else round(HEIGHT * (1 - threshold / top), 1),
    )


def _marks(text: str, starts: list[int]) -> list[Mark]:
    """Return the characters coloured by the patch of their first byte; combining marks stay with
    their letter.
    """
    marks: list[Mark] = []
    patch, place = -1, 0
    for unit in _units(text):
        started = patch
        while patch + 1 < len(starts) and starts[patch + 1] <= place:
            patch += 1
        first = " s" if patch != started else ""
        marks.append(Mark(_VISIBLE.get(unit, unit), f"u p{patch % COLOURS}{first}"))
        place += len(unit.encode())
    return marks


def _units(text: str) -> list[str]:
    units: list[str] = []
    for character in text:
        joins = unicodedata.category(character) in {"Mn", "Mc", "Me", "Cf", "Sk"}
        if units and (joins or units[-1].endswith("\u200d")):
            units[-1] += character
        else:
            units.append(character)
    return units


def _path(entropies: list[float], top: float) -> str:
    step = WIDTH / max(1, len(entropies))
    points = (
        f"{(i + 0.5) * step:.1f} {HEIGHT * (1 - value / top):.1f}"
        for i, value in enumerate(entropies)
    )
    return "M" + "L".join(points) if entropies else ""
