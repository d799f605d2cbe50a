"""``/generate`` as it is read: recorded texts, keys, odd bytes, narrow, printed, no scripts."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.app.fakes import WORDS
from tests.browser.conftest import Site
from tests.browser.making import BYTES, STILL, Visit, count, made, shown, visit

pytestmark = pytest.mark.usefixtures("usual")


@pytest.fixture
def page(watch: Visit, site: Site) -> Page:
    return visit(watch, site, **STILL)


def test_recorded_texts(page: Page, site: Site) -> None:
    asked = len(site.blt.asked)
    page.focus("#recorded")
    page.select_option("#recorded", "german-drafts")
    expect(page.locator("#prompt")).to_have_value("Klicken Sie auf ")
    expect(page.locator("#status")).to_contain_text(f"Recorded: {BYTES} bytes")
    assert page.input_value("[name=speculate]") == "8"
    assert page.locator("#made").get_attribute("lang") == "de"
    assert count(page) == BYTES
    assert len(site.blt.asked) == asked
    page.fill("#prompt", "mine")
    assert page.input_value("#recorded") == ""


def test_by_keyboard_alone(page: Page, site: Site) -> None:
    page.focus("#prompt")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("typed")
    site.blt.pause = 0.05
    page.keyboard.press("Control+Enter")
    expect(page.locator("#count-bytes")).to_have_text(re.compile("^[3-9]$"))
    page.keyboard.press("Escape")
    expect(page.locator("#status")).to_contain_text("Stopped")
    seen = set()
    for _ in range(30):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.id || document.activeElement.name || ''"))
        if page.evaluate("document.activeElement.classList.contains('u')"):
            break
    assert {"max_bytes", "speculate", "go", "stop"} <= seen
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-field=place]")).to_contain_text("Byte 2 of")
    label = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert label == "byte 2, h, 0x68, patch of the prompt, entropy 0.23 nats, probability 90 %"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "replay"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert count(page) == 1


def test_only_the_status_is_read_aloud(page: Page) -> None:
    made(page)
    live = page.eval_on_selector_all("[aria-live], [role=status]", "all => all.map(e => e.id)")
    assert live == ["status", "told"]
    expect(page.locator("#told")).to_have_text(f"The text: {WORDS[:23]}")


def test_pointing_at_a_byte(page: Page) -> None:
    made(page)
    page.hover("#made .u:nth-child(9)")
    expect(page.locator("[data-field=glyph]")).to_have_text("s")
    expect(page.locator("[data-field=patch]")).to_have_text("2: 4 bytes, starts here")
    expect(page.locator("[data-field=global]")).to_have_text("ran before this byte")
    expect(page.locator("[data-field=probability]")).to_have_text("25 %")
    box = page.locator("#bars svg").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 1.5 / 64, box["y"] + 50)
    expect(page.locator("[data-field=place]")).to_have_text("Byte 2 of 24")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (b"<b>x</b><script>", "<b>x</b><script>"),
        (b"a\xffb\xe4\xb8c", "a\ufffdb\ufffd\ufffdc"),
        ("né 🙂👨‍👩‍👧 שלום ".encode(), "né 🙂👨‍👩‍👧 שלום "),
        (b"a\nb\tc\x00", "a↵\nb⇥\tc␀"),
    ],
)
def test_odd_bytes(page: Page, site: Site, words: bytes, text: str) -> None:
    site.blt.words = words
    made(page, size=len(words))
    assert shown(page) == text
    assert page.locator("#made b, #made script").count() == 0
    page.locator("#made .u").nth(1).click()
    expect(page.locator("[data-field=place]")).to_contain_text("Byte 2 of")


def test_without_scripts(watch: Visit, site: Site) -> None:
    page = watch(f"{site.url}/generate", java_script_enabled=False).page
    assert WORDS in page.locator("#flow").inner_text()
    assert page.locator("noscript").is_visible()
    assert page.locator("#go").is_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing(watch: Visit, site: Site, scheme: str, width: int) -> None:
    watched = watch(f"{site.url}/generate", width=width, color_scheme=scheme, **STILL)
    page = watched.page
    watched.check_access()
    made(page, draft="8")
    page.get_by_role("button", name="Step").click()
    watched.check_access()


def test_narrow_without_sideways_scrolling(watch: Visit, site: Site) -> None:
    page = visit(watch, site, width=360, height=740, has_touch=True, **STILL)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    site.blt.words = b"x" * 200
    made(page, size=200, draft="8")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.locator("#made .u").nth(3).tap()
    expect(page.locator("[data-field=place]")).to_contain_text("Byte 4 of 200")


def test_little_motion(page: Page) -> None:
    assert count(page) == BYTES, "nothing plays by itself"
    expect(page.locator("#replay")).to_have_text("Replay")
    moving = "getComputedStyle(document.querySelector('.part.lamp')).transitionDuration"
    assert page.evaluate(moving) in ("0s", "0s, 0s")


def test_printing(page: Page) -> None:
    made(page, size=200)
    page.emulate_media(media="print")
    assert page.locator(".playback").is_hidden()
    assert page.locator("#go").is_hidden()
    assert page.evaluate(
        "(() => { const e = document.getElementById('flow');"
        " return e.scrollHeight <= e.clientHeight + 1; })()"
    )


def test_back_and_forth(page: Page, site: Site) -> None:
    page.get_by_role("link", name="API").first.click()
    page.wait_for_url("**/api")
    page.go_back()
    page.wait_for_selector("#bench.ready")
    assert count(page) == BYTES
