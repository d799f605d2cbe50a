"""Answers that come late, or not at the first time: what was done meanwhile stays."""

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from app.settings import Settings
from tests.browser.conftest import Site, Watched
from tests.browser.test_model_page import address, ready, settings  # noqa: F401  # fixtures

Visit = Callable[..., Watched]


def held(watch: Visit, url: str, file: str) -> tuple[Page, list[Route]]:
    """A page whose ``file`` does not come before one of the routes goes on."""
    page = watch("about:blank", reduced_motion="reduce").page
    routes: list[Route] = []
    page.route(f"**/data/{file}", lambda route: routes.append(route))
    page.goto(url)
    return page, routes


def release(page: Page, routes: list[Route], file: str) -> None:
    """Let the file come, and the page deal with it."""
    with page.expect_response(f"**/data/{file}"):
        for route in routes:
            route.continue_()
    page.wait_for_timeout(300)


def test_an_example_that_is_late_leaves_typed_text(watch: Visit, site: Site) -> None:
    page, routes = held(watch, site.url, "live_examples.json")
    expect(page.locator("#count-bytes")).to_have_text("79")
    page.select_option("#example", "german")
    page.fill("#text", "typed text")
    expect(page.locator("#count-bytes")).to_have_text("10")
    release(page, routes, "live_examples.json")
    assert page.input_value("#text") == "typed text"
    assert page.input_value("#example") == ""
    expect(page.locator("#count-bytes")).to_have_text("10")
    page.select_option("#example", "german")
    expect(page.locator("#count-bytes")).to_have_text("134")


def test_the_last_of_two_late_examples_is_shown(watch: Visit, site: Site) -> None:
    page, routes = held(watch, site.url, "live_examples.json")
    page.select_option("#example", "german")
    page.select_option("#example", "arabic")
    release(page, routes, "live_examples.json")
    expect(page.locator("#count-bytes")).to_have_text("161")
    assert page.input_value("#example") == "arabic"


def test_a_followed_text_is_not_replaced_by_a_late_example(
    watch: Visit,
    address: str,  # noqa: F811
    settings: Settings,  # noqa: F811
) -> None:
    file = settings.inspected_file.name
    page, routes = held(watch, address, file)
    ready(page)
    page.select_option("#example", "german")
    page.fill("#text", "the cat")
    expect(page.locator("#at")).to_have_attribute("max", "7")
    release(page, routes, file)
    assert page.input_value("#text") == "the cat"
    expect(page.locator("#at")).to_have_attribute("max", "7")


def test_a_late_recorded_text_does_not_stop_a_generation(watch: Visit, site: Site) -> None:
    page, routes = held(watch, f"{site.url}/generate", "generation_traces.json")
    page.wait_for_selector("#bench.ready")
    page.select_option("#recorded", "german")
    page.fill("#prompt", "Once")
    page.fill("[name=max_bytes]", "40")
    site.blt.pause = 0.05
    try:
        page.get_by_role("button", name="Generate").click()
        expect(page.locator("#status")).to_contain_text("Making")
        release(page, routes, "generation_traces.json")
        expect(page.locator("#status")).to_contain_text("Done: 40 bytes")
    finally:
        site.blt.pause = 0.0
    assert page.input_value("#prompt") == "Once"
    assert page.input_value("#recorded") == ""


def refuse(page: Page, path: str, *, status: int, seconds: int, times: int) -> list[str]:
    """Have the server put off so many requests; the bodies of all are listed."""
    bodies: list[str] = []

    def answer(route: Route) -> None:
        bodies.append(json.loads(route.request.post_data or "{}")["text"])
        if len(bodies) > times:
            return route.continue_()
        body = json.dumps({"detail": "This is too much at once."})
        headers = {"Retry-After": str(seconds), "Content-Type": "application/problem+json"}
        return route.fulfill(status=status, headers=headers, body=body)

    page.route(path, answer)
    return bodies


@pytest.mark.parametrize("status", [429, 503])
def test_a_text_that_was_put_off_is_asked_for_again(watch: Visit, site: Site, status: int) -> None:
    watched = watch(site.url)
    page = watched.page
    bodies = refuse(page, "**/api/patches", status=status, seconds=1, times=1)
    page.fill("#text", "put off")
    said = page.locator("#status")
    expect(said).to_have_text("This is too much at once. This page asks again by itself.")
    expect(page.locator("#count-bytes")).to_have_text("7")
    expect(said).to_have_text("")
    assert bodies == ["put off"] * 2
    watched.forgive(str(status))


def test_the_newest_text_is_asked_for_after_the_wait(watch: Visit, site: Site) -> None:
    watched = watch(site.url)
    page = watched.page
    bodies = refuse(page, "**/api/patches", status=429, seconds=1, times=1)
    page.fill("#text", "older")
    expect(page.locator("#status")).to_contain_text("asks again")
    page.fill("#text", "newer text")
    expect(page.locator("#count-bytes")).to_have_text("10")
    assert bodies == ["older", "newer text"]
    watched.forgive("429")


def test_nobody_asks_for_ever(watch: Visit, site: Site) -> None:
    watched = watch(site.url)
    page = watched.page
    bodies = refuse(page, "**/api/patches", status=429, seconds=0, times=99)
    page.fill("#text", "in vain")
    expect(page.locator("#status")).to_have_text("This is too much at once.")
    page.wait_for_timeout(300)
    assert bodies == ["in vain"] * 3
    watched.forgive("429")


def test_a_long_wait_is_left_to_the_visitor(watch: Visit, site: Site) -> None:
    watched = watch(site.url)
    page = watched.page
    refuse(page, "**/api/patches", status=429, seconds=60, times=1)
    page.fill("#text", "later")
    expect(page.locator("#status")).to_have_text("This is too much at once.")
    page.fill("#text", "by hand")
    expect(page.locator("#count-bytes")).to_have_text("7")
    watched.forgive("429")


def test_following_a_text_is_put_off_too(
    watch: Visit,
    address: str,  # noqa: F811
) -> None:
    watched = watch(address)
    page = ready(watched.page)
    refuse(page, "**/api/inspect", status=429, seconds=1, times=1)
    page.fill("#text", "the cat")
    expect(page.locator("#status")).to_contain_text("This page asks again by itself.")
    expect(page.locator("#at")).to_have_attribute("max", "7")
    expect(page.locator("#status")).to_have_text("")
    watched.forgive("429")


def test_refused_examples_are_no_error_of_the_page(
    watch: Visit,
    address: str,  # noqa: F811
    settings: Settings,  # noqa: F811
) -> None:
    watched = watch("about:blank")
    page = watched.page
    path = f"**/data/{settings.inspected_file.name}"
    page.route(path, lambda route: route.fulfill(status=429, body="{}"))
    page.goto(address)
    ready(page).select_option("#example", "german")
    expect(page.locator("#status")).to_contain_text("cannot be fetched now")
    page.unroute(path)
    page.select_option("#example", "english")
    page.select_option("#example", "german")
    expect(page.locator("#text")).to_have_value(re.compile("^Über"))
    watched.forgive("429")


def test_followed_examples_are_there_without_a_network(
    watch: Visit,
    address: str,  # noqa: F811
    settings: Settings,  # noqa: F811
) -> None:
    page = watch("about:blank").page
    with page.expect_response(f"**/data/{settings.inspected_file.name}"):
        page.goto(address)
    ready(page)
    page.wait_for_timeout(300)
    page.context.set_offline(True)
    page.select_option("#example", "german")
    expect(page.locator("#at")).not_to_have_attribute("max", "142")
