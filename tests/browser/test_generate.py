"""The page that makes text, as a person uses it: streaming, stopping, stepping, replaying."""

import re
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.app.fakes import WORDS, FakeBlt
from tests.browser.conftest import Site, Watched

Visit = Callable[..., Watched]
BYTES = 160
"""Of a recorded text."""

STILL = {"reduced_motion": "reduce"}


@pytest.fixture(autouse=True)
def usual(site: Site) -> Iterator[None]:
    """The model as it was, whatever a test has made of it."""
    yield
    site.blt.pause, site.blt.fails_at, site.blt.words = 0.0, None, FakeBlt().words


def visit(watch: Visit, site: Site, **options: object) -> Page:
    page = watch(f"{site.url}/generate", **options).page
    page.wait_for_selector("#bench.ready")
    return page


@pytest.fixture
def page(watch: Visit, site: Site) -> Page:
    return visit(watch, site, **STILL)


def count(page: Page) -> int:
    return int(page.locator("#count-bytes").inner_text())


def generate(page: Page, prompt: str = "Once", *, size: int = 24, draft: str = "") -> None:
    page.fill("#prompt", prompt)
    page.fill("[name=max_bytes]", str(size))
    page.select_option("[name=speculate]", draft)
    page.get_by_role("button", name="Generate").click()


def made(page: Page, prompt: str = "Once", *, size: int = 24, draft: str = "") -> None:
    generate(page, prompt, size=size, draft=draft)
    expect(page.locator("#status")).to_contain_text("Done")


def shown(page: Page) -> str:
    return "".join(page.locator("#made .u").all_text_contents())


def test_a_recorded_text_plays_at_once(watch: Visit, site: Site) -> None:
    asked = len(site.blt.asked)
    page = visit(watch, site)
    expect(page.locator("#replay")).to_have_text("Pause")
    first = count(page)
    expect(page.locator("#count-bytes")).not_to_have_text(str(first))
    assert page.locator("#before").inner_text() == page.input_value("#prompt")
    assert len(site.blt.asked) == asked, "it was made before"


def test_bytes_come_as_they_are_made(page: Page, site: Site) -> None:
    site.blt.pause = 0.05
    generate(page, "Once upon a time", size=40)
    expect(page.locator("#count-bytes")).to_have_text(re.compile("^[3-9]$"))
    assert site.blt.open == 1, "it is still being made"
    assert "Making" in page.locator("#status").inner_text()
    expect(page.locator("#status")).to_contain_text("Done: 40 bytes in 9 patches")
    assert shown(page) == (WORDS * 2).encode()[:40].decode()
    assert page.locator("#before").inner_text() == "Once upon a time"
    assert site.blt.asked[-1]["prompt"] == b"Once upon a time"
    assert page.input_value("#recorded") == ""
    assert page.locator("#model").inner_text() == "made by fake-blt"


def test_what_a_byte_cost_is_counted(page: Page) -> None:
    made(page)
    expect(page.locator("#count-patches")).to_have_text("5")
    expect(page.locator("#count-passes")).to_have_text("6")
    expect(page.locator("#count-rate")).to_have_text("100")
    flops, plain = (page.locator(f"#count-{name}").inner_text() for name in ("flops", "plain"))
    assert float(flops.removesuffix(" M")) < float(plain.removesuffix(" M"))
    expect(page.locator("#share")).to_contain_text("% of plain")


def test_patches_and_tints(page: Page) -> None:
    made(page)
    starts = page.eval_on_selector_all("#made .s", "all => all.map(e => Number(e.dataset.i))")
    assert starts == [4, 8, 12, 15, 19]
    tints = page.eval_on_selector_all(
        "#made .u", "all => all.map(e => getComputedStyle(e).backgroundColor)"
    )
    assert tints[8] != tints[9]
    assert page.locator("#bars .ran").count() == 6
    heights = page.eval_on_selector_all(
        "#bars rect:first-child", "all => all.map(e => Number(e.getAttribute('height')))"
    )
    assert max(heights) == heights[9] or heights[8] > heights[10]


def test_the_lamp_lights_when_the_global_model_runs(page: Page) -> None:
    made(page)
    lamp = page.locator("[data-part=global]")
    page.locator("#place").fill("3")
    expect(lamp).not_to_have_class(re.compile(r"\bon\b"))
    step = page.get_by_role("button", name="Step")
    step.click()  # byte 3 is the space
    expect(lamp).not_to_have_class(re.compile(r"\bon\b"))
    step.click()
    expect(lamp).to_have_class(re.compile(r"\bon\b"))
    expect(page.locator("#lamp-words")).to_have_text("The global model ran 2 times for 5 bytes.")
    step.click()
    expect(lamp).not_to_have_class(re.compile(r"\bon\b"))
    page.locator("#place").fill("24")  # the last byte needed it no more
    expect(lamp).not_to_have_class(re.compile(r"\bon\b"))


def test_stop(page: Page, site: Site) -> None:
    site.blt.pause = 0.05
    generate(page, size=400)
    expect(page.locator("#count-bytes")).not_to_have_text(re.compile("^[0-4]$"))
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#status")).to_contain_text("Stopped after")
    at = count(page)
    deadline = time.monotonic() + 10
    while site.blt.open:
        assert time.monotonic() < deadline
        page.wait_for_timeout(20)
    assert count(page) == at
    assert page.locator("#stop").get_attribute("aria-disabled") == "true"
    site.blt.pause = 0
    made(page)
    assert count(page) == 24


def test_step_by_step(page: Page) -> None:
    made(page)
    step = page.get_by_role("button", name="Step")
    step.click()  # from the end, the first byte
    assert (count(page), shown(page)) == (1, "t")
    step.click()
    assert (count(page), shown(page)) == (2, "th")
    expect(page.locator("#place-words")).to_have_text("2 of 24")
    page.locator("#place").fill("10")
    assert shown(page) == WORDS[:10]


def test_stepping_while_it_is_made(page: Page, site: Site) -> None:
    site.blt.pause = 0.1
    generate(page, size=30)
    expect(page.locator("#count-bytes")).not_to_have_text("0")
    step = page.get_by_role("button", name="Step")
    step.click()
    at = count(page)
    expect(page.locator("#place-words")).to_have_text(f"{at} of 30")
    assert count(page) == at, "it waits"
    step.click()
    assert count(page) == at + 1


def test_drafts_are_shown_then_kept_or_struck_out(page: Page) -> None:
    made(page, draft="8")
    step = page.get_by_role("button", name="Step")
    step.click()
    expect(page.locator("#ghosts .pending")).to_have_text("the c?t s")
    assert count(page) == 0
    step.click()
    assert shown(page) == "t"
    expect(page.locator("#ghosts .kept")).to_have_text("he c")
    expect(page.locator("#ghosts s.refused")).to_have_text("?t s")
    for _ in range(4):
        step.click()
    expect(page.locator("#ghosts .kept")).to_have_count(0)
    page.locator("#place").fill("24")
    expect(page.locator("#rounds")).to_be_visible()
    expect(page.locator("#rounds .words")).to_contain_text("drafted bytes stayed")
    assert page.locator("#rounds s").count() > 2
    page.locator("#made .u").nth(2).click()
    expect(page.locator("[data-field=origin]")).to_have_text("drafted, and kept: number 2 of 8")


def test_no_drafts_no_panel(page: Page) -> None:
    made(page)
    assert page.locator("#rounds").is_hidden()


def test_replay_and_pause(watch: Visit, site: Site) -> None:
    page = visit(watch, site, **STILL)
    made(page)
    page.select_option("#speed", "5")
    page.get_by_role("button", name="Replay").click()
    expect(page.locator("#count-bytes")).to_have_text(re.compile("^[1-6]$"))
    page.get_by_role("button", name="Pause").click()
    at = count(page)
    page.wait_for_timeout(500)
    assert count(page) == at
    page.select_option("#speed", "0")
    page.get_by_role("button", name="Play").click()
    expect(page.locator("#count-bytes")).to_have_text("24")
    expect(page.locator("#replay")).to_have_text("Replay")


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


def test_no_prompt(page: Page) -> None:
    made(page, "")
    assert page.locator("#before").inner_text() == ""
    assert count(page) == 24


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
    watched.complaints[:] = [c for c in watched.complaints if "422" not in c]


def test_the_server_cannot_be_reached(watch: Visit, site: Site) -> None:
    watched = watch(f"{site.url}/generate", **STILL)
    page = watched.page
    page.route("**/api/generate", lambda route: route.abort())
    generate(page)
    expect(page.locator("#status")).to_contain_text("cannot be reached")
    watched.complaints[:] = [c for c in watched.complaints if "ERR_FAILED" not in c]


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
    watched.complaints[:] = [c for c in watched.complaints if "ERR_INTERNET" not in c]


def test_without_a_model(watch: Visit, site_without_model: Site) -> None:
    page = visit(watch, site_without_model, **STILL)
    expect(page.locator("#status")).to_contain_text("recorded texts play")
    assert page.locator("#go").get_attribute("aria-disabled") == "true"
    assert count(page) == BYTES
    page.get_by_role("button", name="Step").click()
    assert count(page) == 1
    page.get_by_role("button", name="Generate").click(force=True)
    expect(page.locator("#status")).to_contain_text("Recorded texts still play")


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


def test_the_speed_stands_beside_that_without_drafts(page: Page, site: Site) -> None:
    pace = page.locator("#pace")
    page.select_option("#recorded", "german-drafts")
    expect(page.locator("#rate-plain")).to_have_text(", 100 without drafts")
    expect(pace).to_contain_text("The same request without drafts came at 100 bytes per second")
    made(page, draft="8")
    expect(page.locator("#rate-plain")).to_have_text("")
    expect(pace).to_have_text("Run it without drafts to compare the speed.")
    made(page)
    assert page.locator("#rounds").is_hidden()
    expect(page.locator("#rate-plain")).to_have_text("")
    made(page, draft="8")
    expect(pace).to_have_text(
        "The last text made here without drafts came at 100 bytes per second; "
        "this one is 1.00 times as fast."
    )


def test_back_and_forth(page: Page, site: Site) -> None:
    page.get_by_role("link", name="API").first.click()
    page.wait_for_url("**/api")
    page.go_back()
    page.wait_for_selector("#bench.ready")
    assert count(page) == BYTES
