#!/usr/bin/env bash
# To find a font for a text, one looks through matplotlib's fontManager.ttflist for fonts whose
# character map covers it, or turns the warning of a missing glyph into an error. matplotlib brings a
# font of its own that defeats both: "Last Resort High-Efficiency" stands in the list like any other
# and maps every code point, unassigned ones too, to a box that names a block of Unicode. Coverage
# always finds it, and a text set in it by name draws the very boxes of the fallback, but in silence.
#
# Versions: matplotlib 3.11.2, numpy 2.4.6. Output seen (of the fonts that it brings):
#
#     matplotlib 3.11.2
#     fonts that cover U+4E2D U+56FD: ['Last Resort High-Efficiency']
#     fonts that cover U+0378 (unassigned): ['Last Resort High-Efficiency']
#     code points in its map: 1114112 - glyphs they lead to: 371
#     drawn in DejaVu Sans: 2 warnings - two different texts look alike: True
#     drawn in Last Resort High-Efficiency: 0 warnings - two different texts look alike: True
#     HOLDS: the font for missing glyphs passes for one that covers every text
#
# Consequence: leave that font out of a search by coverage (one that covers U+0378 covers nothing).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile matplotlib==3.11.2 numpy==2.4.6
cd "$work"
MPLCONFIGDIR="$work/config" MPLBACKEND=agg venv/bin/python - <<'PY'
import sys
import warnings
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.font_manager import fontManager
from matplotlib.ft2font import FT2Font

print("matplotlib", matplotlib.__version__)
LAST = "Last Resort High-Efficiency"
own = Path(matplotlib.get_data_path())
fonts = {
    entry.name: FT2Font(entry.fname).get_charmap()
    for entry in fontManager.ttflist
    if own in Path(entry.fname).parents
}


def covering(text: str) -> list[str]:
    return sorted(name for name, charmap in fonts.items() if all(ord(c) in charmap for c in text))


def draw(text: str, family: str) -> tuple[np.ndarray, int]:
    """The picture of a text, and how many missing glyphs were warned of."""
    figure = plt.figure(figsize=(2, 1))
    figure.text(0.1, 0.3, text, fontfamily=family, size=40)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba()).copy(), sum("missing" in str(w.message) for w in seen)


chinese, unassigned = covering("\u4e2d\u56fd"), covering("\u0378")
print("fonts that cover U+4E2D U+56FD:", chinese)
print("fonts that cover U+0378 (unassigned):", unassigned)
if LAST not in chinese or unassigned != [LAST]:
    sys.exit("CHANGED: the font is not listed, or does not cover every text")
print("code points in its map:", len(fonts[LAST]), "- glyphs they lead to:", len(set(fonts[LAST].values())))
told = {}
for family in ("DejaVu Sans", LAST):
    (first, told[family]), (second, _) = draw("\u4e2d\u56fd", family), draw("\u56fd\u4e2d", family)
    alike = np.array_equal(first, second) and bool((first < 255).any())
    print(f"drawn in {family}: {told[family]} warnings - two different texts look alike: {alike}")
    if not alike:
        sys.exit("CHANGED: the boxes tell characters of one block apart")
if told["DejaVu Sans"] != 2 or told[LAST] != 0:
    sys.exit("CHANGED: the warnings are others")
print("HOLDS: the font for missing glyphs passes for one that covers every text")
PY
