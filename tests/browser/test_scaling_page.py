"""The scaling page as a reader uses it: curves, bars, tables, keys, a narrow page, no scripts."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from app import create_app
from app.settings import Settings
from tests.app.study_files import write_study
from tests.browser.conftest import Watched, serve

Visit = Callable[..., Watched]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with a whole study of made-up numbers."""
    folder = tmp_path_factory.mktemp("study")
    data = folder / "plot_data"
    data.mkdir()
    write_study(data)
    none = folder / "none"
    settings = Settings(
        model_folder=none, blt_folder=none, demo_output=none, plot_data=data, shipped_models=none
    )
    with serve(create_app(settings)) as address:
        yield f"{address}/scaling"


def drawn(page: Page) -> Page:
    expect(page.locator("body[data-drawn=yes]")).to_have_count(1)
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(watch: Visit, url: str, scheme: str) -> None:
    watched = watch(url, color_scheme=scheme)
    page = drawn(watched.page)
    for summary in page.locator("#scaling_curves-0 + p + details summary").all():
        summary.click()
    page.locator("#scaling_curves-0").focus()
    page.keyboard.press("End")
    watched.check_access()


def test_dots_at_the_edges_are_whole(watch: Visit, url: str) -> None:
    page = drawn(watch(url).page)
    dots = page.locator("#scaling_curves-0 circle.dot")
    assert dots.evaluate_all("all => all.every((dot) => !dot.closest('[clip-path]'))")


def test_curves_bands_and_keys(watch: Visit, url: str) -> None:
    page = drawn(watch(url).page)
    ours = page.locator("#scaling_curves-0")
    assert ours.locator("path.band").count() == 5
    assert ours.locator("circle.dot").count() == 20, "five families at four budgets"
    ours.focus()
    page.keyboard.press("Home")
    expect(ours.locator("[role=status]")).to_have_text(re.compile(r"^2\.2·10¹²: blt-entropy 2\.1"))
    page.keyboard.press("End")
    expect(ours.locator(".tip strong")).to_have_text("7·10¹³")
    assert ours.locator(".tip li").count() == 5, "laws are not listed"
    page.keyboard.press("Escape")
    badge = page.locator("figure.paper", has=page.locator("#scaling_curves-2")).locator(".badge")
    expect(badge).to_have_text(re.compile("Figure 6 of arXiv 2412.09871, .*approximate"))


def test_bars_say_their_numbers(watch: Visit, url: str) -> None:
    page = drawn(watch(url).page)
    row = page.locator("table.bars tr", has=page.locator("th", has_text="hash-none")).first
    expect(row.locator(".bar > span")).to_contain_text("0.01")
    rect = row.locator("rect").bounding_box()
    assert rect and rect["width"] > 5


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_narrow_without_sideways_scrolling(watch: Visit, url: str, scheme: str) -> None:
    options = {"width": 360, "height": 740, "color_scheme": scheme, "has_touch": True}
    page = drawn(watch(url, **options).page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.locator("#scaling_gaps-0 svg").tap()
    expect(page.locator("#scaling_gaps-0 .tip")).to_be_visible()


def test_without_scripts_the_numbers_are_there(watch: Visit, url: str) -> None:
    page = watch(url, java_script_enabled=False).page
    page.locator("figure", has=page.locator("#scaling_curves-0")).locator("summary").click()
    table = page.get_by_role("region", name="Our runs, by training FLOPs as a table")
    expect(table.locator("tbody tr")).to_have_count(20)
    assert page.locator("rect").count() > 50
