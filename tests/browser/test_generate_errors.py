"""``/generate`` where something is wrong: prompt, number, model, server, network."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.browser.making import BYTES, STILL, Visit, count, generate, made, visit

pytestmark = pytest.mark.usefixtures("usual")


@pytest.fixture
def page(watch: Visit, site: Site) -> Page:
    return visit(watch, site, **STILL)


def test_a_prompt_that_is_too_long(page: Page, site: Site) -> None:
    asked = len(site.blt.asked)
    generate(page, "x" * 3000)
    expect(page.locator("#status")).to_have_text("This prompt is too long.")
    assert len(site.blt.asked) == asked


def test_a_wrong_number_is_shown_even_where_it_was_hidden(page: Page, site: Site) -> None:
    asked = len(site.blt.asked)
    page.locator("summary").click()
    page.fill("[name=top_p]", "5")
    page.locator("summary").click()
    assert page.locator("[name=top_p]").is_hidden()
    generate(page)
    assert page.locator("[name=top_p]").is_visible()
    assert len(site.blt.asked) == asked
    page.fill("[name=top_p]", "0.5")
    made(page)
    assert site.blt.asked[-1]["sampling"].top_p == 0.5  # type: ignore[attr-defined]


def test_a_failure_in_the_middle_is_told(page: Page, site: Site) -> None:
    site.blt.fails_at = 7
    generate(page)
    expect(page.locator("#status")).to_contain_text("Something went wrong")
    assert count(page) == 7
    site.blt.fails_at = None
    made(page)


def test_a_refusal_is_told(watch: Visit, site: Site) -> None:
    watched = watch(f"{site.url}/generate", **STILL)
    generate(watched.page, "refuse")
    expect(watched.page.locator("#status")).to_have_text("prompt: this model refuses it")
    watched.forgive("422")


def test_the_server_cannot_be_reached(watch: Visit, site: Site) -> None:
    watched = watch(f"{site.url}/generate", **STILL)
    page = watched.page
    page.route("**/api/generate", lambda route: route.abort())
    generate(page)
    expect(page.locator("#status")).to_contain_text("cannot be reached")
    watched.forgive("ERR_FAILED")


def test_recorded_texts_play_without_a_network(watch: Visit, site: Site) -> None:
    watched = watch("about:blank", **STILL)
    page = watched.page
    with page.expect_response("**/data/generation_traces.json"):
        page.goto(f"{site.url}/generate")
    page.context.set_offline(True)
    page.select_option("#recorded", "code")
    expect(page.locator("#prompt")).to_have_value("def __init__(self, ")
    generate(page)
    expect(page.locator("#status")).to_contain_text("cannot be reached")
    watched.forgive("ERR_INTERNET")


def test_without_a_model(watch: Visit, site_without_model: Site) -> None:
    page = visit(watch, site_without_model, **STILL)
    expect(page.locator("#status")).to_contain_text("recorded texts play")
    assert page.locator("#go").get_attribute("aria-disabled") == "true"
    assert count(page) == BYTES
    page.get_by_role("button", name="Step").click()
    assert count(page) == 1
    page.get_by_role("button", name="Generate").click(force=True)
    expect(page.locator("#status")).to_contain_text("Recorded texts still play")
