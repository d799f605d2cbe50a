"""The page that makes text, as a person uses it: streaming, stopping, stepping, replaying."""

import re
import time

import pytest
from playwright.sync_api import Page, expect

from tests.app.fakes import WORDS
from tests.browser.conftest import Site
from tests.browser.making import STILL, Visit, count, generate, made, shown, visit

pytestmark = pytest.mark.usefixtures("usual")


@pytest.fixture
def page(watch: Visit, site: Site) -> Page:
    return visit(watch, site, **STILL)


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
    deadline = time.monotonic() + 120
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


def test_no_prompt(page: Page) -> None:
    made(page, "")
    assert page.locator("#before").inner_text() == ""
    assert count(page) == 24


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
