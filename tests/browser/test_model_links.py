"""Links to ``/model``: text, byte, head and patch size stand in the fragment."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Watched
from tests.browser.test_model_page import (  # noqa: F401  # fixtures
    address,
    field,
    follow,
    ready,
    settings,
    slide,
)

Visit = Callable[..., Watched]
MAY_COPY = {"permissions": ["clipboard-read", "clipboard-write"]}


@pytest.fixture
def inside(watch: Visit, address: str) -> Page:  # noqa: F811
    return ready(watch(address, **MAY_COPY).page)


def copied(page: Page) -> str:
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator("#status")).to_contain_text("is copied")
    return str(page.evaluate("navigator.clipboard.readText()"))


def written(page: Page, end: str) -> None:
    """Wait until the address ends so."""
    expect(page).to_have_url(re.compile(re.escape(end) + "$"))


@pytest.mark.parametrize(
    "text", ["the cät & dog #1,\nof all", "the cat sat on the mat, " * 12 + "مرحبا 🙂"]
)
@pytest.mark.parametrize("model", ["", "?model=blt-8b"])
def test_a_link_reproduces_the_view(
    inside: Page,
    watch: Visit,
    address: str,  # noqa: F811
    text: str,
    model: str,
) -> None:
    inside.goto(address + model)
    follow(ready(inside), text)
    inside.locator("#at").fill("17")
    inside.select_option("#head", label="head 1")
    slide(inside, 9.3)
    link = copied(inside)
    assert link.startswith(f"{address}{model}#")
    asked: list[str] = []
    watched = watch("about:blank")
    watched.page.on("request", lambda request: asked.append(request.url))
    watched.page.goto(link)
    page = ready(watched.page)
    expect(page.locator("#at")).to_have_attribute("max", str(len(text.encode())))
    for name, value in {"#text": text, "#at": "17", "#head": "1", "#size": "9.3"}.items():
        assert page.input_value(name) == value, name
    for words in ("#line", "#size-value", "#cost-words", "#looks", "#byte [data-field=place]"):
        assert page.locator(words).inner_text() == inside.locator(words).inner_text(), words
    drawn = "#diagram-live"
    assert page.locator(drawn).inner_html() == inside.locator(drawn).inner_html()
    assert page.locator("#scroller .here").first.is_visible()
    assert not any("#" in url or "z=" in url or "cat" in url for url in asked), "nothing is sent"


def test_a_link_to_an_example(inside: Page, watch: Visit, address: str) -> None:  # noqa: F811
    assert copied(inside) == address, "the page as it begins has no fragment"
    inside.select_option("#example", "german")
    expect(inside.locator("#text")).to_have_value(re.compile("^Über"))
    inside.locator("#at").fill("20")
    link = copied(inside)
    assert link == f"{address}#example=german&byte=19"
    page = ready(watch(link).page)
    expect(page.locator("#text")).to_have_value(re.compile("^Über"))
    expect(field(page, "place")).to_contain_text("Byte 20 of")
    assert page.input_value("#example") == "german"
    page = ready(watch(f"{address}#example=klingon").page)
    expect(page.locator("#status")).to_contain_text("not here")
    expect(field(page, "place")).to_contain_text("of 142")


def test_the_back_button(inside: Page) -> None:
    inside.select_option("#example", "german")
    written(inside, "/model#example=german")
    slide(inside, 9.0)
    written(inside, "#example=german&size=9")
    follow(inside, "the cat")
    expect(inside).to_have_url(re.compile("#text=the.cat&.*size=9$"))
    inside.go_back()
    expect(inside.locator("#text")).to_have_value(re.compile("^Über"))
    expect(inside.locator("#size-value")).to_have_text("9.0")
    inside.go_back()
    expect(inside.locator("#size-value")).not_to_have_text("9.0")
    inside.go_back()
    expect(field(inside, "place")).to_contain_text("of 142")
    assert inside.url.endswith("/model")
    inside.go_forward()
    expect(inside.locator("#text")).to_have_value(re.compile("^Über"))


def test_choosing_an_example_is_one_step_to_undo(inside: Page) -> None:
    inside.fill("#text", "typed by hand")
    inside.select_option("#example", "german")
    expect(inside.locator("#text")).to_have_value(re.compile("^Über"))
    inside.locator("#text").focus()
    inside.keyboard.press("Control+z")
    expect(inside.locator("#text")).to_have_value("typed by hand")


def test_a_reload_keeps_the_view_and_walking_is_no_step_back(inside: Page) -> None:
    follow(inside, "the cat sat")
    inside.locator("#scroller").focus()
    for _ in range(3):
        inside.keyboard.press("ArrowRight")
    at = inside.input_value("#at")
    written(inside, f"&byte={int(at) - 1}")
    inside.reload()
    expect(field(ready(inside), "place")).to_have_text(f"Byte {at} of 11")
    inside.go_back()
    expect(field(inside, "place")).to_contain_text("of 142")


@pytest.mark.parametrize(
    ("fragment", "words"),
    [
        ("text=a&size=500", "its size is no number from 1 to 64"),
        ("text=a&byte=0.5", "its byte is no number"),
        ("text=a&head=all", "its head is no number"),
        ("text=a&rule=space", "unknown part"),
        ("text=" + "x" * 401, "too long"),
        ("z=AAAA", "damaged"),
    ],
)
def test_a_broken_link_is_ignored(
    watch: Visit,
    address: str,  # noqa: F811
    fragment: str,
    words: str,
) -> None:
    page = ready(watch(f"{address}#{fragment}").page)
    expect(page.locator("#status")).to_contain_text("The link is broken and was ignored")
    expect(page.locator("#status")).to_contain_text(words)
    expect(field(page, "place")).to_contain_text("of 142")
    assert page.url == address


def test_a_byte_and_a_head_that_there_are_not(watch: Visit, address: str) -> None:  # noqa: F811
    page = ready(watch(f"{address}#text=abc&byte=700&head=99").page)
    expect(field(page, "place")).to_have_text("Byte 1 of 3")
    assert page.input_value("#head") == ""


def test_too_long_a_text_leaves_the_link_as_it_was(inside: Page, address: str) -> None:  # noqa: F811
    follow(inside, "the cat")
    link = copied(inside)
    inside.fill("#text", "a" * 401)
    inside.wait_for_timeout(600)
    assert inside.url == link
    assert copied(inside) == link


def test_a_place_on_the_page_is_no_link(inside: Page) -> None:
    follow(inside, "the cat")
    expect(inside).to_have_url(re.compile("#text=the.cat"))
    inside.locator("a[data-part=encoder]").focus()
    inside.keyboard.press("Enter")
    inside.wait_for_url("**#part-encoder")
    assert inside.input_value("#text") == "the cat"
    inside.go_back()
    assert inside.input_value("#text") == "the cat"
