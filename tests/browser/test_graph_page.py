"""``/graph`` as a person uses it: typing, dragging, keys, filters, paths, links, no network."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Locator, Page, expect

from app import create_app
from app.models.graphs import GraphMaker
from app.models.live_model import LiveModel
from app.settings import Settings
from tests.app.fakes import FakeModel
from tests.app.graph_fakes import FakeBuilders, write_graph
from tests.browser.conftest import Watched, serve

Visit = Callable[..., Watched]

PLACE = """(id) => {
  const cy = document.querySelector(".gv-canvas")._cyreg.cy;
  const box = document.querySelector(".gv-canvas").getBoundingClientRect();
  const { x, y } = cy.$id(id).renderedPosition();
  return [box.left + x, box.top + y];
}"""
SHOWN = """() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(() => {
  const { cy } = document.querySelector(".gv-canvas")._cyreg;
  resolve(cy.nodes(":visible").map((node) => node.id()));
})))"""  # the library knows what is visible once it has drawn a frame
VIEW = """() => {
  const { cy } = document.querySelector(".gv-canvas")._cyreg;
  return [cy.zoom(), cy.pan().x, cy.pan().y];
}"""
MARKED = """(kind) => document.querySelector(".gv-canvas")._cyreg.cy.nodes("." + kind)
  .map((n) => n.id()).sort()"""


@pytest.fixture(scope="module")
def builders() -> FakeBuilders:
    return FakeBuilders()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, builders: FakeBuilders) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("graph")
    demo, plot = folder / "demo_output", folder / "plot_data"
    demo.mkdir()
    plot.mkdir()
    write_graph(demo, plot)
    settings = Settings(model_folder=folder, blt_folder=folder, demo_output=demo, plot_data=plot)
    app = create_app(settings, LiveModel(FakeModel()))
    app.extensions["graph_maker"] = GraphMaker(app.extensions["model"], settings, lambda: builders)
    with serve(app) as url:
        yield f"{url}/graph"


@pytest.fixture
def graph(watch: Visit, address: str) -> Page:
    return drawn(watch(address, reduced_motion="reduce").page)


def drawn(page: Page) -> Page:
    expect(page.locator("body")).to_have_attribute("data-drawn", "yes")
    return page


def draw(page: Page, text: str, kind: str = "patches") -> None:
    page.fill("#text", text)
    page.locator(f"[name=kind][value={kind}]").check()
    page.get_by_role("button", name="Draw the graph").click()
    expect(panel(page).locator("h2")).to_contain_text(text.split()[0])


def place(page: Page, node: str) -> list[float]:
    """Where a node is drawn; the drawing is scrolled into view."""
    page.locator(".gv-stage").scroll_into_view_if_needed()
    found: list[float] = page.evaluate(PLACE, node)
    return found


def panel(page: Page) -> Locator:
    return page.locator(".gv-panel")


def said(page: Page) -> Locator:
    return page.locator(".gv-said")


def row(page: Page, table: str, *cells: str) -> Locator:
    found = page.get_by_role("region", name=table, exact=True).locator("tbody tr")
    for cell in cells:
        found = found.filter(has_text=cell)
    return found.first


def pick(page: Page, name: str) -> None:
    row(page, "Nodes", name).get_by_role("button").click()
    expect(panel(page).locator("h2")).to_have_text(name)


def test_on_a_narrow_screen_the_drawing_waits_until_it_is_near(watch: Visit, address: str) -> None:
    page = drawn(watch(address, width=360, height=600).page)
    assert page.locator(".gv-canvas canvas").count() == 0
    pick(page, "Rome")
    page.locator(".gv-stage").scroll_into_view_if_needed()
    expect(page.locator(".gv-canvas canvas").first).to_be_visible()
    assert page.evaluate(MARKED, "picked") == ["Rome"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_nothing(watch: Visit, address: str, scheme: str, width: int) -> None:
    watched = watch(address, width=width, color_scheme=scheme)
    page = drawn(watched.page)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    watched.check_access()
    pick(page, "Anne")
    watched.check_access()


def test_typing_draws_both_kinds(graph: Page) -> None:
    draw(graph, "to be or not to be")
    assert sorted(graph.evaluate(SHOWN)) == ["be", "not", "or", "to"]
    expect(panel(graph)).to_contain_text("Most surprising steps")
    expect(graph.get_by_label("Colour by")).to_have_value("entropy")
    draw(graph, "Kent saw Bath", "entities")
    expect(graph.get_by_label("Colour by")).to_have_value("type")
    expect(graph.get_by_role("checkbox", name="organisation 1")).to_be_checked()


def test_one_text_is_shown_as_either_graph(graph: Page) -> None:
    draw(graph, "Kent saw Bath")
    expect(panel(graph)).to_contain_text("Most surprising steps")
    graph.locator("[name=kind][value=entities]").check()
    expect(graph.get_by_role("checkbox", name="organisation 1")).to_be_checked()
    expect(graph).to_have_url(re.compile("kind=entities"))
    graph.locator("[name=kind][value=patches]").check()
    expect(panel(graph)).to_contain_text("Most surprising steps")


def test_a_click_on_a_node_shows_it_and_one_on_nothing_lets_go(graph: Page) -> None:
    graph.mouse.click(*place(graph, "Kent"))
    expect(panel(graph).locator("h2")).to_have_text("Kent")
    expect(said(graph)).to_have_text("Kent, country or city, 2 times, 2 connections.")
    assert graph.evaluate(MARKED, "picked") == ["Kent"]
    assert graph.evaluate(MARKED, "lit") == ["Anne", "Bath", "Kent"]
    box = graph.locator(".gv-canvas").bounding_box()
    assert box
    graph.mouse.click(box["x"] + 3, box["y"] + 3)
    expect(panel(graph).locator("h2")).to_have_text("A novel")


def test_a_node_is_dragged_alone(graph: Page) -> None:
    before, other = place(graph, "Rome"), place(graph, "Bath")
    graph.mouse.move(*before)
    graph.mouse.down()
    graph.mouse.move(before[0] + 20, before[1] + 15, steps=4)
    graph.mouse.move(before[0] + 60, before[1] + 45, steps=4)
    graph.mouse.up()
    after = place(graph, "Rome")
    assert after == pytest.approx([before[0] + 60, before[1] + 45], abs=2)
    assert place(graph, "Bath") == pytest.approx(other, abs=0.1)
    expect(panel(graph).locator("h2")).to_have_text("A novel")
    graph.mouse.move(after[0] + 200, after[1])
    assert place(graph, "Rome") == after, "it was let go"


def test_search_types_and_counts(graph: Page) -> None:
    graph.get_by_label("Search").press_sequentially("RÓ")
    expect(said(graph)).to_have_text("1 of 6 nodes match.")
    assert graph.evaluate(MARKED, "lit") == ["Rome"]
    expect(graph.locator(".gv-list").first.locator("tbody tr")).to_have_count(1)
    graph.keyboard.press("Enter")
    expect(panel(graph).locator("h2")).to_have_text("Rome")
    graph.get_by_label("Search").fill("")
    graph.get_by_role("checkbox", name="person").uncheck()
    assert "Anne" not in graph.evaluate(SHOWN)
    graph.get_by_role("checkbox", name="person").check()
    graph.get_by_label("Names seen at least").press("End")
    expect(graph.locator(".gv-list").first.locator("tbody tr")).to_have_count(1)
    assert graph.evaluate(SHOWN) == ["Anne"]


def test_a_neighbourhood_and_back_by_keys_alone(graph: Page) -> None:
    graph.locator(".gv-canvas").focus()
    graph.keyboard.press("ArrowRight")
    expect(panel(graph).locator("h2")).to_have_text("Anne")
    graph.keyboard.press("ArrowLeft")
    expect(panel(graph).locator("h2")).not_to_have_text("Anne")
    chosen = panel(graph).locator("h2").inner_text()
    graph.keyboard.press("Enter")
    expect(said(graph)).to_contain_text(f"Only {chosen} and its")
    assert len(graph.evaluate(SHOWN)) < 6
    graph.keyboard.press("Escape")
    assert len(graph.evaluate(SHOWN)) == 6
    graph.keyboard.press("Escape")
    expect(panel(graph).locator("h2")).to_have_text("A novel")
    row(graph, "Nodes", "Anne").get_by_role("button").focus()
    graph.keyboard.press("ArrowDown")
    graph.keyboard.press("Enter")
    expect(panel(graph).locator("h2")).not_to_have_text("A novel")


def test_a_neighbourhood_fills_the_drawing_at_once(graph: Page) -> None:
    whole = graph.evaluate(VIEW)
    graph.locator(".gv-canvas").focus()
    graph.evaluate(
        """(keys) => {
          const canvas = document.querySelector(".gv-canvas");
          for (const key of keys) canvas.dispatchEvent(new KeyboardEvent("keydown", { key }));
        }""",
        ["ArrowRight", "Enter"],  # with no frame between them
    )
    near = graph.evaluate(VIEW)
    assert len(graph.evaluate(SHOWN)) < 6
    graph.keyboard.press("0")
    assert graph.evaluate(VIEW) == pytest.approx(near) != pytest.approx(whole)


def test_the_view_does_not_depend_on_labels(graph: Page) -> None:
    graph.locator(".gv-canvas").focus()
    graph.keyboard.press("0")
    before = graph.evaluate(VIEW)
    graph.evaluate(
        """() => document.querySelector(".gv-canvas")._cyreg.cy.nodes()
          .max((node) => node.position("x")).ele.data("label", "a label that is much longer")"""
    )
    graph.keyboard.press("0")
    assert graph.evaluate(VIEW) == pytest.approx(before)


def test_an_edge_shows_its_evidence(graph: Page) -> None:
    row(graph, "Edges", "Anne", "Kent").get_by_role("button").click()
    expect(panel(graph).locator("h2")).to_have_text("Anne → Kent")
    evidence = panel(graph).locator(".gv-evidence li")
    expect(evidence).to_have_text("Anne Kentcharacters 0 to 9")
    expect(evidence.locator("mark")).to_have_text(["Anne", "Kent"])
    expect(panel(graph)).to_contain_text("visit 2")


def test_a_path_between_two_nodes(graph: Page) -> None:
    graph.get_by_label("Path from").fill("kent")
    graph.get_by_label("to", exact=True).fill("Bonn")
    graph.get_by_role("button", name="Find the path").click()
    expect(panel(graph)).to_contain_text("3 steps.")
    assert graph.evaluate(MARKED, "picked") == ["Bonn", "Kent"]
    draw(graph, "a b c a zed")
    pick(graph, "zed")
    graph.get_by_role("button", name="Path from here").click()
    graph.get_by_label("to", exact=True).fill("a")
    graph.keyboard.press("Enter")
    expect(panel(graph)).to_contain_text("no path", use_inner_text=True)
    graph.get_by_label("to", exact=True).fill("nobody")
    graph.keyboard.press("Enter")
    expect(said(graph)).to_have_text("There is no node called nobody.")


def test_continuations_by_surprise(graph: Page) -> None:
    draw(graph, "a " + " a ".join("bcdefghijk") + " a")
    pick(graph, "a")
    tables = panel(graph).locator("table")
    expect(tables.first.locator("caption")).to_have_text("Least surprising continuations")
    first = [tables.nth(i).locator("tbody tr").first.locator("td").first for i in (0, 1)]
    low, high = (float(cell.inner_text()) for cell in first)
    assert low < high


def test_a_link_brings_the_view_back(graph: Page, watch: Visit, address: str) -> None:
    draw(graph, "one two <b>three</b> one two")
    pick(graph, "<b>three</b>")
    graph.get_by_role("button", name="Only its neighbourhood").click()
    graph.wait_for_url(re.compile(r"#.*near="))
    other = drawn(watch(graph.url).page)
    expect(panel(other).locator("h2")).to_have_text("<b>three</b>")
    expect(other.locator("#text")).to_have_value("one two <b>three</b> one two")
    assert sorted(other.evaluate(SHOWN)) == ["<b>three</b>", "one", "two"]
    saved = drawn(
        watch(f"{address}?saved=novel", permissions=["clipboard-read", "clipboard-write"]).page
    )
    saved.get_by_role("button", name="Copy link").click()
    expect(saved.locator("#status")).to_contain_text("is copied")
    assert saved.evaluate("navigator.clipboard.readText()") == f"{address}?saved=novel"
    for broken in ("#saved=nothing", "#least=x", "#node=1&what=2"):
        bad = watch(f"{address}{broken}").page
        expect(bad.locator("#status")).to_have_class(re.compile("wrong"))


def test_the_back_button(graph: Page) -> None:
    draw(graph, "one two one")
    graph.wait_for_url(re.compile("#"))
    graph.go_back()
    expect(panel(graph).locator("h2")).to_have_text("A novel")
    graph.go_forward()
    expect(panel(graph).locator("h2")).to_have_text("“one two one”")


def test_markup_is_text(graph: Page) -> None:
    text = "<script>alert(1)</script> <img/src=x/onerror=alert(1)> <b>"
    draw(graph, text)
    pick(graph, "<script>alert(1)</script>")
    row(graph, "Edges", "<b>").get_by_role("button").click()
    expect(panel(graph).locator("h2")).to_contain_text("→ <b>")
    assert graph.locator("#viewer img, #viewer b, #viewer script").count() == 0


def saved(page: Page, name: str) -> str:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=name).click()
    return Path(waiting.value.path()).read_bytes().decode("utf-8", "replace")


def test_what_is_shown_can_be_saved(graph: Page) -> None:
    draw(graph, 'x,"y" <z> & x,"y"')
    graph.get_by_label("Patches seen at least").press("End")
    expect(graph.locator(".gv-list").first.locator("tbody tr")).to_have_count(1)
    found: dict[str, Any] = json.loads(saved(graph, "Graph (JSON)"))
    assert [node["id"] for node in found["nodes"]] == ['x,"y"']
    assert "rank" not in found["nodes"][0]
    graph.get_by_label("Patches seen at least").press("Home")
    expect(graph.locator(".gv-list").first.locator("tbody tr")).to_have_count(3)
    tree = ElementTree.fromstring(saved(graph, "Graph (GraphML)"))
    assert {node.get("id") for node in tree.iterfind(".//{*}node")} == {'x,"y"', "<z>", "&"}
    rows = list(csv.DictReader(io.StringIO(saved(graph, "Edges (CSV)"))))
    assert [line["source"] for line in rows] == ['x,"y"', "<z>", "&"]
    assert "label" in saved(graph, "Nodes (CSV)")
    assert saved(graph, "Picture (PNG)")[1:4] == "PNG"


def test_too_much_and_nothing(graph: Page, builders: FakeBuilders) -> None:
    asked = len(builders.asked)
    graph.fill("#text", "a" * 16_385)
    expect(graph.locator("#typed")).to_have_class(re.compile("wrong"))
    graph.get_by_role("button", name="Draw the graph").click()
    expect(graph.locator("#status")).to_contain_text("at most 16,384")
    assert len(builders.asked) == asked
    graph.fill("#text", "  ")
    graph.get_by_role("button", name="Draw the graph").click()
    expect(graph.locator("#viewer")).to_contain_text("nothing to draw")
    draw(graph, "again here")
    assert len(graph.evaluate(SHOWN)) == 2


def test_coming_back_to_a_text_without_nodes(watch: Visit, address: str) -> None:
    page = drawn(watch(address).page)
    page.fill("#text", " ")
    page.get_by_role("button", name="Draw the graph").click()
    expect(page.locator("#viewer")).to_contain_text("nothing to draw")
    expect(page).to_have_url(re.compile("text="))
    page.locator(".skip").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#main$"))
    page.go_back()
    expect(page).to_have_url(re.compile("text="))
    expect(page.locator("#viewer")).to_contain_text("nothing to draw")


def test_with_the_network_cut_the_graph_stays(watch: Visit, address: str) -> None:
    watched = watch(address)
    page = drawn(watched.page)
    page.context.set_offline(True)
    page.get_by_role("button", name="Draw the graph").click()
    expect(page.locator("#status")).to_contain_text("cannot be reached")
    pick(page, "Oslo")
    assert json.loads(saved(page, "Graph (JSON)"))["graph"]["title"] == "A novel"
    watched.forgive("ERR_INTERNET_DISCONNECTED")


def test_what_is_not_installed_is_said(watch: Visit, address: str, builders: FakeBuilders) -> None:
    builders.reason = "spaCy is missing."
    try:
        page = drawn(watch(address).page)
    finally:
        builders.reason = None
    expect(page.locator("[name=kind][value=entities]")).to_be_disabled()
    expect(page.locator(".reason")).to_have_text("spaCy is missing.")


def test_the_theme_is_followed(graph: Page) -> None:
    colour = """() => document.querySelector(".gv-canvas")._cyreg.cy.$id("Anne").data("colour")"""
    light = graph.evaluate(colour)
    graph.get_by_role("button", name="Switch to the dark theme").click()
    assert graph.evaluate(colour) != light


def test_printing_leaves_the_controls_out(graph: Page) -> None:
    graph.emulate_media(media="print")
    expect(graph.locator("#make")).to_be_hidden()
    expect(graph.locator(".gv-tools")).to_be_hidden()
    expect(graph.locator(".gv-canvas canvas").first).to_be_visible()
    expect(row(graph, "Nodes", "Anne")).to_be_visible()


def test_the_stored_page_draws_in_its_sandbox(watch: Visit, address: str) -> None:
    page = drawn(watch(address.replace("/graph", "/visualizations/novel.html")).page)
    assert len(page.evaluate(SHOWN)) == 6
    pick(page, "Anne")
    assert page.evaluate("origin") == "null"


def test_without_scripts_the_saved_graphs_are_linked(watch: Visit, address: str) -> None:
    page = watch(address, java_script_enabled=False).page
    expect(page.locator("noscript a, main a").filter(has_text="A novel")).to_be_visible()
