"""The gallery as a person uses it: searching, filtering, opening a figure, copying its command."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from app import create_app
from app.settings import Settings
from tests.app.conftest import PNG
from tests.browser.conftest import Watched, serve

Visit = Callable[..., Watched]

FIGURE = (
    "<!doctype html><title>Figure</title>"
    "<script src='../static/vendor/plotly-basic.min.js'></script>"
    "<div id='p'></div><script>Plotly.newPlot('p', [{y: [1, 2]}])</script>"
)


@dataclass
class Galleries:
    """A server with a gallery and no model."""

    url: str


@pytest.fixture(scope="module")
def galleries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Galleries]:
    """Four figures and two data files."""
    folder = tmp_path_factory.mktemp("gallery")
    demo, plot = folder / "demo_output", folder / "plot_data"
    demo.mkdir()
    plot.mkdir()
    for name in ("entropy", "patches"):
        (demo / f"{name}.html").write_text(FIGURE, encoding="utf-8")
        (demo / f"{name}.png").write_bytes(PNG)
        (plot / f"{name}.json").write_text(json.dumps({"x": [1, 2], "y": [3, 4]}))
    (demo / "loss.png").write_bytes(PNG)
    (demo / "Straße.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 3"><path d="M0 0h4v3"/></svg>'
    )
    (plot / "rows.csv").write_text("a,b\n" + "1,2\n" * 3000)
    (plot / "notes.txt").write_text("words\n")
    record = {
        "title": "Entropy along a text",
        "description": "Where it is unsure.",
        "producer": "python -m bytelatent.plotting.entropy_figure --model blt-entropy-mini",
    }
    (demo / "artifacts.json").write_text(json.dumps({"entropy.html": record}))
    settings = Settings(model_folder=folder / "none", demo_output=demo, plot_data=plot)
    with serve(create_app(settings)) as url:
        yield Galleries(url)


@pytest.fixture
def gallery(watch: Visit, galleries: Galleries) -> Page:
    return live(watch(f"{galleries.url}/gallery").page)


def live(page: Page) -> Page:
    page.wait_for_selector("#filter.live")
    return page


def titles(page: Page) -> list[str]:
    return page.locator("#cards .card h2").all_inner_texts()


def shows(page: Page, *wanted: str) -> None:
    """Wait until these are the titles."""
    expect(page.locator("#cards .card h2")).to_have_text(wanted)


ALL = ["Entropy along a text", "Loss", "Patches", "Straße", "Notes", "Rows"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(watch: Visit, galleries: Galleries, scheme: str) -> None:
    for path in ("/gallery", "/gallery?q=nothing", "/artifact/entropy", "/artifact/rows.csv"):
        watch(galleries.url + path, color_scheme=scheme).check_access()


def test_typing_filters_and_the_address_follows(gallery: Page) -> None:
    assert titles(gallery) == ALL
    gallery.locator("#q").press_sequentially("unsure")
    expect(gallery.locator("#found")).to_have_text("1 of 6")
    expect(gallery.locator("#q")).to_be_focused()
    assert titles(gallery) == ["Entropy along a text"]
    assert gallery.url.endswith("/gallery?q=unsure")
    gallery.reload()
    live(gallery)
    assert titles(gallery) == ["Entropy along a text"]
    gallery.fill("#q", "")
    expect(gallery.locator("#found")).to_have_text("6 in all")
    assert gallery.url.endswith("/gallery")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("PATCHES json", ["Patches"]),
        ("strasse", ["Straße"]),
        ("STRASSE", ["Straße"]),
        ("entropy_figure", ["Entropy along a text"]),
        ("entropy loss", []),
        ("<b>", []),
    ],
)
def test_searches_agree_with_the_server(
    gallery: Page, watch: Visit, galleries: Galleries, words: str, found: list[str]
) -> None:
    gallery.fill("#q", words)
    shows(gallery, *found)
    plain = watch(gallery.url, java_script_enabled=False).page
    assert titles(plain) == found


def test_kinds_and_orders(gallery: Page) -> None:
    gallery.select_option("#kind", "data")
    shows(gallery, "Notes", "Rows")
    gallery.select_option("#sort", "largest")
    shows(gallery, "Rows", "Notes")
    assert gallery.url.endswith("?kind=data&sort=largest")
    gallery.select_option("#kind", "interactive")
    gallery.fill("#q", "no such")
    expect(gallery.locator(".nothing")).to_be_visible()
    gallery.get_by_role("link", name="Show everything").click()
    live(gallery)
    assert titles(gallery) == ALL


def test_keys_alone_lead_to_a_figure_and_back(gallery: Page) -> None:
    gallery.locator("#q").focus()
    gallery.keyboard.type("loss")
    gallery.keyboard.press("Enter")
    shows(gallery, "Loss")
    for _ in range(3):  # kind, order, the card
        gallery.keyboard.press("Tab")
    gallery.keyboard.press("Enter")
    expect(gallery.locator("h1")).to_have_text("Loss")
    gallery.go_back()
    live(gallery)
    assert gallery.input_value("#q") == "loss"
    assert titles(gallery) == ["Loss"]


def test_without_scripts_the_form_is_sent(watch: Visit, galleries: Galleries) -> None:
    page = watch(f"{galleries.url}/gallery", java_script_enabled=False).page
    assert titles(page) == ALL
    page.fill("#q", "patches")
    page.select_option("#sort", "newest")
    page.get_by_role("button", name="Show").click()
    assert titles(page) == ["Patches"]
    assert "q=patches" in page.url


def test_a_figure_runs_in_its_frame(watch: Visit, galleries: Galleries) -> None:
    page = watch(f"{galleries.url}/artifact/entropy").page
    frame = page.frame_locator("iframe.figure")
    expect(frame.locator(".main-svg").first).to_be_visible()
    inner = page.frames[1]
    assert inner.evaluate("self.origin") == "null"
    reached = "() => { try { return parent.document.title } catch { return 'kept out' } }"
    assert inner.evaluate(reached) == "kept out"


def test_copying_the_command(watch: Visit, galleries: Galleries) -> None:
    page = watch(
        f"{galleries.url}/artifact/entropy", permissions=["clipboard-read", "clipboard-write"]
    ).page
    page.get_by_role("button", name="Copy").click()
    expect(page.locator("#copied")).to_have_text("Copied.")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == "python -m bytelatent.plotting.entropy_figure --model blt-entropy-mini"


def test_from_neighbour_to_neighbour(watch: Visit, galleries: Galleries) -> None:
    page = watch(f"{galleries.url}/artifact/entropy").page
    for title in ALL[1:]:
        page.locator("a[rel=next]").click()
        expect(page.locator("h1")).to_have_text(title)
    assert page.locator("a[rel=next]").count() == 0
    page.locator("a[rel=prev]").click()
    expect(page.locator("h1")).to_have_text(ALL[-2])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_narrow_without_sideways_scrolling(watch: Visit, galleries: Galleries, scheme: str) -> None:
    for path in ("/gallery", "/artifact/entropy", "/artifact/rows.csv"):
        page = watch(galleries.url + path, width=360, height=740, color_scheme=scheme).page
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_on_paper_controls_are_left_out(gallery: Page) -> None:
    gallery.emulate_media(media="print")
    assert gallery.locator("#filter").is_hidden()
    assert gallery.locator("#cards .card").first.is_visible()


@pytest.fixture
def long(tmp_path: Path) -> Iterator[str]:
    """A gallery of 130 pictures."""
    for number in range(130):
        (tmp_path / f"figure_{number:03d}.png").write_bytes(PNG)
    settings = Settings(model_folder=tmp_path, demo_output=tmp_path, plot_data=tmp_path / "none")
    with serve(create_app(settings)) as url:
        yield f"{url}/gallery"


@pytest.mark.parametrize("scripts", [True, False])
def test_from_page_to_page(watch: Visit, long: str, scripts: bool) -> None:
    page = watch(long, java_script_enabled=scripts).page
    expect(page.locator("#found")).to_have_text("1 to 60 of 130 in all")
    page.get_by_role("link", name="Next").click()
    expect(page.locator("#found")).to_have_text("61 to 120 of 130 in all")
    expect(page.locator(".pages [aria-current]")).to_have_text("2")
    page.get_by_role("link", name="Page 3").click()
    expect(page.locator("#cards .card")).to_have_count(10)
    assert page.get_by_role("link", name="Next").count() == 0
    page.go_back()
    expect(page.locator("#found")).to_have_text("61 to 120 of 130 in all")


def test_a_search_finds_what_other_pages_have(watch: Visit, long: str) -> None:
    page = live(watch(f"{long}?page=2").page)
    page.fill("#q", "figure_12")
    expect(page.locator("#found")).to_have_text("10 of 130")
    assert page.url == f"{long}?q=figure_12"
    page.fill("#q", "figure")
    expect(page.locator("#found")).to_have_text("1 to 60 of 130 in all")
    page.get_by_role("link", name="Next").click()
    page.wait_for_url("**?q=figure&page=2")
    live(page)
    assert page.input_value("#q") == "figure"


def test_an_older_search_is_dropped(watch: Visit, long: str) -> None:
    page = live(watch(long).page)
    held: list[Route] = []
    page.route("**/gallery?q=figure_1", lambda route: held.append(route))
    page.fill("#q", "figure_1")
    page.wait_for_url("**?q=figure_1")
    page.fill("#q", "figure_11")
    expect(page.locator("#found")).to_have_text("10 of 130")
    for route in held:
        route.continue_()
    page.wait_for_timeout(200)
    expect(page.locator("#found")).to_have_text("10 of 130")


def test_a_page_that_there_is_not(watch: Visit, long: str) -> None:
    watched = watch(f"{long}?page=9")
    expect(watched.page.locator("main")).to_contain_text("a whole number from 1 to 3 is needed")
    watched.page.get_by_role("link", name="gallery", exact=True).click()
    expect(watched.page.locator("#found")).to_contain_text("130")
    watched.forgive("422")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_on_a_narrow_screen(watch: Visit, long: str, scheme: str) -> None:
    watched = watch(f"{long}?page=2", width=360, height=740, color_scheme=scheme)
    assert watched.page.evaluate("document.documentElement.scrollWidth") <= 360
    watched.check_access()


def test_an_empty_gallery(watch: Visit, tmp_path: Path) -> None:
    settings = Settings(
        model_folder=tmp_path, demo_output=tmp_path / "none", plot_data=tmp_path / "none"
    )
    with serve(create_app(settings)) as url:
        watched = watch(f"{url}/gallery")
        expect(watched.page.locator(".nothing")).to_contain_text("make figures")
        watched.check_access()
