"""What holds of every page: nothing foreign or wrong, no network needed to go on, little motion."""

import io
import json
import re
from collections.abc import Callable, Iterator

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import Page, expect

from app import create_app
from app.models.generator import TextMaker
from app.models.graphs import GraphMaker
from app.models.inspector import Inspector
from app.models.live_model import LiveModel
from app.pages import PAGES
from app.pages.page_record import PageRecord
from app.precompute.examples import write_examples
from app.precompute.inspected import write_inspected
from app.precompute.traces import write_traces
from app.settings import Settings
from tests.app.conftest import PNG
from tests.app.fakes import SHAPES, FakeModel
from tests.app.graph_fakes import FakeBuilders, write_graph
from tests.app.inspected_fakes import FakeInspected
from tests.app.study_files import write_study
from tests.browser.conftest import Watched, serve
from tests.browser.test_gallery import FIGURE
from tests.browser.test_training_page import held_out, lines

Visit = Callable[..., Watched]


def cut(page: Page) -> None:
    page.get_by_role("radio", name="Byte", exact=True).check()
    expect(page.locator("#count-patches")).to_have_text(page.locator("#count-bytes").inner_text())


def step(page: Page) -> None:
    page.locator("#place").fill("7")
    page.get_by_role("button", name="Step").click()
    expect(page.locator("#place-words")).to_have_text(re.compile("^8 of"))


def walk(page: Page) -> None:
    page.locator("#scroller").focus()
    page.keyboard.press("End")
    expect(page.locator("[data-field=place]")).to_have_text("Byte 142 of 142")


def choose(page: Page) -> None:
    page.get_by_role("region", name="Nodes").get_by_role("button", name="Oslo").click()
    expect(page.locator(".gv-panel h2")).to_have_text("Oslo")


def log(page: Page) -> None:
    line = page.locator("[data-measure=bits_per_byte] path.line").first
    before = line.get_attribute("d") or ""
    page.get_by_role("checkbox", name="height").check()
    expect(line).not_to_have_attribute("d", before)


def read(page: Page) -> None:
    page.locator("#scaling_curves-0").focus()
    page.keyboard.press("End")
    expect(page.locator("#scaling_curves-0 .tip")).to_be_visible()


def search(page: Page) -> None:
    before = page.locator("#cards .card").count()
    page.fill("#q", "figure")
    expect(page.locator("#found")).to_have_text(re.compile("cannot be reached|^1 of"))
    if "cannot" in page.locator("#found").inner_text():
        assert page.locator("#cards .card").count() == before, "what is shown stays"


def copy(page: Page) -> None:
    page.get_by_role("button", name="Copy").click()
    expect(page.locator("#copied")).not_to_be_empty()


def jump(page: Page) -> None:
    page.locator(".contents").get_by_role("link", name="/api/graph").last.click()
    expect(page.locator("#postGraph")).to_be_in_viewport()


ACTS: dict[str, Callable[[Page], None]] = {
    "home": cut,
    "generate": step,
    "inside": walk,
    "graph": choose,
    "training": log,
    "scaling": read,
    "gallery": search,
    "artifact": copy,
    "api": jump,
}
"""By page, something that a visitor does and that needs nothing of the server; each fails where it
has no effect."""

every_page = pytest.mark.parametrize("record", PAGES, ids=lambda record: record.name)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that has something for every page."""
    folder = tmp_path_factory.mktemp("everything")
    settings = Settings(
        model_folder=folder / "none",
        blt_folder=folder / "none",
        demo_output=folder / "demo_output",
        plot_data=folder / "plot_data",
        shipped_models=folder / "shipped",
    )
    fill(settings)
    maker = TextMaker(FakeInspected(), SHAPES)
    write_examples(LiveModel(FakeModel()), settings.examples_file)
    write_traces(maker, settings.traces_file)
    write_inspected(Inspector(maker, settings), settings.inspected_file)
    app = create_app(settings, LiveModel(FakeModel()), maker)
    model = app.extensions["model"]
    app.extensions["graph_maker"] = GraphMaker(model, settings, FakeBuilders)
    with serve(app) as url:
        yield url


def fill(settings: Settings) -> None:
    demo, plot = settings.demo_output, settings.plot_data
    run = settings.shipped_models / "model-a"
    for each in (demo, plot, run):
        each.mkdir(parents=True)
    (run / "metrics.jsonl").write_text(lines(10, 500) + held_out(500))
    write_study(plot)
    write_graph(demo, plot)
    (demo / "figure.html").write_text(FIGURE, encoding="utf-8")
    (demo / "figure.png").write_bytes(PNG)
    (plot / "figure.json").write_text(json.dumps({"x": [1, 2], "y": [3, 4]}))
    record = {"title": "A figure", "description": "Of nothing.", "producer": "make figures"}
    (demo / "artifacts.json").write_text(json.dumps({"figure.html": record}))


def path(record: PageRecord) -> str:
    """The URL of a page on the server of these tests."""
    return record.url.replace("<path:name>", "figure.html")


def visit(watch: Visit, address: str, record: PageRecord, **options: object) -> Watched:
    watched = watch(address + path(record), **options)
    expect(watched.page.locator(record.ready).first).to_be_visible()
    return watched


def test_every_page_is_used() -> None:
    assert [*ACTS] == [record.name for record in PAGES]


@every_page
def test_nothing_is_foreign_or_wrong(watch: Visit, address: str, record: PageRecord) -> None:
    """All of it: what waits until it is near is fetched, too."""
    watched = visit(watch, address, record)
    page = watched.page
    for _ in range(int(page.evaluate("document.body.scrollHeight / innerHeight")) + 1):
        page.keyboard.press("PageDown")
        page.wait_for_timeout(50)
    page.wait_for_load_state("networkidle")
    ACTS[record.name](page)
    assert watched.hosts == {address.removeprefix("http://")}
    assert watched.complaints == []
    assert page.context.cookies() == []


@every_page
def test_with_the_network_cut_a_page_goes_on(
    watch: Visit, address: str, record: PageRecord
) -> None:
    watched = visit(watch, address, record)
    watched.page.context.set_offline(True)
    ACTS[record.name](watched.page)
    expect(watched.page.locator("h1")).to_be_visible()
    if watched.complaints:
        watched.forgive("ERR_INTERNET_DISCONNECTED")


MOVING = """() => ({
  running: document.getAnimations().filter((each) => each.playState === "running").length,
  scroll: getComputedStyle(document.documentElement).scrollBehavior,
  slow: [...document.querySelectorAll("*")].filter((element) => {
    const { transitionDuration, animationName } = getComputedStyle(element);
    return animationName !== "none" || /[1-9]/.test(transitionDuration);
  }).length,
})"""


@every_page
def test_who_wants_little_motion_gets_none(watch: Visit, address: str, record: PageRecord) -> None:
    page = visit(watch, address, record, reduced_motion="reduce").page
    ACTS[record.name](page)
    assert page.evaluate(MOVING) == {"running": 0, "scroll": "auto", "slow": 0}
    page.wait_for_timeout(100)  # a frame to draw what was done, and no more
    before = page.screenshot()
    page.wait_for_timeout(400)
    assert difference(before, page.screenshot()) < 16, "of 255: edges are not drawn alike each time"


def difference(one: bytes, other: bytes) -> int:
    """The largest of a pixel."""
    pictures = [Image.open(io.BytesIO(each)).convert("L") for each in (one, other)]
    return int(ImageChops.difference(*pictures).getextrema()[1])


@every_page
def test_without_javascript(watch: Visit, address: str, record: PageRecord) -> None:
    page = watch(address + path(record), java_script_enabled=False).page
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    expect(page.locator("h1")).to_be_visible()
    if record.without_js is not None:
        expect(page.locator(record.without_js).first).to_be_visible()


@every_page
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone(watch: Visit, address: str, record: PageRecord, scheme: str) -> None:
    watched = watch(address + path(record), width=360, height=740, color_scheme=scheme)
    expect(watched.page.locator("h1")).to_be_visible()
    watched.page.wait_for_load_state("networkidle")
    assert watched.page.evaluate("document.documentElement.scrollWidth") == 360
    watched.check_access()


def test_a_request_that_fails_is_a_complaint(watch: Visit, address: str) -> None:
    watched = watch("about:blank")
    watched.page.route("**/*.webp", lambda route: route.abort("connectionreset"))
    watched.page.route("**/*.png", lambda route: route.abort("connectionreset"))
    watched.page.goto(f"{address}/gallery")
    watched.page.wait_for_load_state("networkidle")
    assert f"GET {address}/images/figure.png: net::ERR_CONNECTION_RESET" in watched.complaints
    watched.forgive("ERR_CONNECTION_RESET")
