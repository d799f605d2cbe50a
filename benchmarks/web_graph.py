"""Frames per second in Chromium while a graph of 1,500 nodes is dragged.

    python benchmarks/web_graph.py [--nodes 1500] [--edges 4000] [--moves 120]

The graph is synthetic (a few hubs, many rare nodes). The page that the gallery stores draws it with
the same scripts as ``/graph``. The benchmark drags the canvas, then the node with the most edges.
Frames are those of requestAnimationFrame, from the press of the button to the last move; a busy
machine has fewer. The benchmark fails below 30.
"""

import argparse
import math
import os
import random
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from common import write_results
from playwright.sync_api import Page, sync_playwright

from bytelatent.graph.graph_page import graph_html

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
ROOT = Path(__file__).resolve().parents[1]
MIN_FRAME_RATE = 30
COUNT = """() => {
  window.frames_ = 0; window.began = performance.now(); window.counting = true;
  const frame = () => { window.frames_++; if (window.counting) requestAnimationFrame(frame); };
  requestAnimationFrame(frame);
}"""
STOP = """() => {
  window.counting = false;
  return window.frames_ / ((performance.now() - window.began) / 1000);
}"""
HUB = """() => {
  const cy = document.querySelector(".gv-canvas")._cyreg.cy;
  const place = cy.nodes().max((node) => node.degree()).ele.renderedPosition();
  return [place.x, place.y];
}"""


def made_up(nodes: int, edges: int) -> dict[str, Any]:
    """Return a synthetic graph whose edges prefer the first nodes."""
    draw = random.Random(0)
    ends = {
        (int(nodes * draw.random() ** 3), int(nodes * draw.random() ** 1.5)) for _ in range(edges)
    }
    return {
        "directed": True,
        "multigraph": False,
        "graph": {"kind": "patches", "title": "Made up", "statistics": {}},
        "nodes": [
            {
                "id": str(i),
                "label": f"node {i}",
                "type": ("word", "part", "sign")[i % 3],
                "count": 1 + nodes // (i + 1),
                "entropy": draw.uniform(0, 5),
                "x": math.sqrt(draw.random()) * math.cos(i * 2.4),
                "y": math.sqrt(draw.random()) * math.sin(i * 2.4),
            }
            for i in range(nodes)
        ],
        "links": [{"source": str(a), "target": str(b), "count": 1} for a, b in sorted(ends)],
    }


def drag(page: Page, x: float, y: float, moves: int) -> float:
    """Return the frames per second while the mouse moves back and forth around a point."""
    page.mouse.move(x, y)
    page.evaluate(COUNT)
    page.mouse.down()
    for i in range(moves):
        page.mouse.move(x + 80 * math.sin(i / 15), y + 60 * math.sin(i / 10))
    rate: float = page.evaluate(STOP)
    page.mouse.up()
    page.wait_for_timeout(500)
    return round(rate, 1)


def measure(page: Page, moves: int) -> dict[str, float]:
    """Measure the frame rates at rest, while dragging the canvas, and while dragging a hub."""
    box = page.locator(".gv-canvas").bounding_box()
    assert box
    page.evaluate(COUNT)
    page.wait_for_timeout(1000)
    still = round(page.evaluate(STOP), 1)
    canvas = drag(page, box["x"] + 12, box["y"] + 12, moves)
    x, y = page.evaluate(HUB)
    return {"still": still, "canvas": canvas, "hub": drag(page, box["x"] + x, box["y"] + y, moves)}


def main() -> int:
    """Measure the frame rates and write the results; return 1 if a frame rate is too low."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--nodes", type=int, default=1500)
    parser.add_argument("--edges", type=int, default=4000)
    parser.add_argument("--moves", type=int, default=120, help="steps of each drag")
    options = parser.parse_args()
    graph = made_up(options.nodes, options.edges)
    library = (ROOT / "static" / "vendor" / "cytoscape.min.js").as_uri()
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "graph.html"
        path.write_text(graph_html(graph, library=library), encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(path.as_uri())
        page.wait_for_selector("body[data-drawn=yes]", timeout=120_000)
        page.wait_for_timeout(1000)
        frames = measure(page, options.moves)
        browser.close()
    load = round(os.getloadavg()[0], 1)
    size = {"nodes": len(graph["nodes"]), "edges": len(graph["links"])}
    write_results("web_graph", {**size, "frames_per_second": frames, "load_average": load})
    slow = [name for name, value in frames.items() if value < MIN_FRAME_RATE]
    if slow:
        print(f"error: below {MIN_FRAME_RATE} frames a second: {', '.join(slow)}", file=sys.stderr)
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
