"""Links to ``/generate``: prompt and options stand in the fragment, and come back by it."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, Watched
from tests.browser.making import BYTES, STILL, count, visit

Visit = Callable[..., Watched]


@pytest.fixture
def page(watch: Visit, site: Site) -> Page:
    return visit(watch, site, **STILL)


def written(page: Page, end: str) -> None:
    """Wait until the address ends so."""
    expect(page).to_have_url(re.compile(re.escape(end) + "$"))


def test_a_reload_keeps_prompt_and_options(page: Page, site: Site) -> None:
    asked = len(site.blt.asked)
    page.fill("#prompt", "typed, not yet made")
    page.fill("[name=temperature]", "0.5")
    written(page, "#text=typed%2C+not+yet+made&max_bytes=160&temperature=0.5&top_p=0.95&seed=1")
    page.reload()
    expect(page.locator("#status")).to_contain_text("Generate makes the text")
    assert page.input_value("#prompt") == "typed, not yet made"
    assert page.input_value("[name=temperature]") == "0.5"
    assert page.input_value("#recorded") == ""
    assert count(page) == 0
    assert len(site.blt.asked) == asked


def test_a_link_reproduces_prompt_and_options(watch: Visit, site: Site) -> None:
    page = visit(watch, site, permissions=["clipboard-read", "clipboard-write"], **STILL)
    options = {"max_bytes": "24", "temperature": "0.7", "top_k": "40", "top_p": "0.9", "seed": "7"}
    page.fill("#prompt", "Es war\n「einmal」 & mehr")
    page.locator("summary").click()
    for name, value in options.items():
        page.fill(f"[name={name}]", value)
    page.select_option("[name=speculate]", "auto")
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator("#status")).to_contain_text("is copied")
    link = str(page.evaluate("navigator.clipboard.readText()"))
    watched = watch("about:blank", **STILL)
    other = watched.page
    requests: list[str] = []
    other.on("request", lambda request: requests.append(request.url))
    other.goto(link)
    expect(other.locator("#prompt")).to_have_value("Es war\n「einmal」 & mehr")
    for name, value in {**options, "min_p": "", "speculate": "auto"}.items():
        assert other.input_value(f"[name={name}]") == value, name
    assert not any("einmal" in url or "text=" in url for url in requests), "nothing is sent"
    other.get_by_role("button", name="Generate").click()
    expect(other.locator("#status")).to_contain_text("Done: 24 bytes")
    assert site.blt.asked[-1]["prompt"] == "Es war\n「einmal」 & mehr".encode()


def test_a_link_to_a_recorded_text(watch: Visit, site: Site) -> None:
    page = watch(f"{site.url}/generate#recorded=german-drafts", **STILL).page
    expect(page.locator("#prompt")).to_have_value("Klicken Sie auf ")
    assert page.input_value("#recorded") == "german-drafts"
    page = watch(f"{site.url}/generate#recorded=klingon", **STILL).page
    expect(page.locator("#status")).to_contain_text("not here")
    expect(page.locator("#count-bytes")).to_have_text(str(BYTES))


@pytest.mark.parametrize(
    ("fragment", "words"),
    [
        ("text=a&top_p=5", "its top_p is no number from 0.01 to 1"),
        ("text=a&seed=0.5", "its seed is no number"),
        ("text=a&speculate=always", "its speculate is no number"),
        ("z=AAAA", "damaged"),
        ("text=" + "x" * 5000, "too long"),
        ("__proto__=1", "unknown part"),
    ],
)
def test_a_broken_link_is_ignored(watch: Visit, site: Site, fragment: str, words: str) -> None:
    page = watch(f"{site.url}/generate#{fragment}", **STILL).page
    expect(page.locator("#status")).to_contain_text("The link is broken and was ignored")
    expect(page.locator("#status")).to_contain_text(words)
    expect(page.locator("#count-bytes")).to_have_text(str(BYTES))


def test_the_back_button(page: Page, site: Site) -> None:
    first = page.input_value("#prompt")
    page.select_option("#recorded", "german")
    written(page, "#recorded=german")
    page.fill("#prompt", "mine")
    options = "temperature=0.4&top_p=0.95&seed=1"  # of the recorded text
    written(page, f"#text=mine&max_bytes=160&{options}")
    page.fill("[name=max_bytes]", "24")
    written(page, f"#text=mine&max_bytes=24&{options}")
    page.get_by_role("button", name="Generate").click()
    expect(page.locator("#status")).to_contain_text("Done: 24 bytes")
    page.go_back()
    expect(page.locator("[name=max_bytes]")).to_have_value("160")
    assert page.input_value("#prompt") == "mine"
    page.go_back()
    expect(page.locator("#prompt")).to_have_value("Klicken Sie auf ")
    assert page.input_value("#recorded") == "german"
    expect(page.locator("#count-bytes")).to_have_text(str(BYTES))
    page.go_back()
    expect(page.locator("#prompt")).to_have_value(first)
    page.go_forward()
    expect(page.locator("#prompt")).to_have_value("Klicken Sie auf ")
