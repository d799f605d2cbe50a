"""A long text is shown while it is measured: its beginning first, the rest as it comes."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from app import create_app
from app.models.live_model import LiveModel
from app.settings import Settings
from tests.app.fakes import FakeModel
from tests.browser.conftest import Watched, serve

Visit = Callable[..., Watched]
LONG = "the cat sat on the mät, and " * 500
SIZE = len(LONG.encode())


@pytest.fixture
def fake() -> FakeModel:
    return FakeModel(gate=threading.Event())


@pytest.fixture
def url(tmp_path: Path, fake: FakeModel) -> Iterator[str]:
    settings = Settings(model_folder=tmp_path / "none", blt_folder=tmp_path / "none")
    with serve(create_app(settings, LiveModel(fake, max_concurrent=2))) as url:
        yield url
    assert fake.gate is not None
    fake.gate.set()


def opened(watch: Visit, url: str) -> Page:
    page = watch(url).page
    page.wait_for_selector("#chart .curve")
    return page


def count(page: Page) -> int:
    return int((page.locator("#count-bytes").text_content() or "0").replace(",", ""))


def test_the_beginning_is_shown_while_the_rest_is_measured(
    watch: Visit, url: str, fake: FakeModel
) -> None:
    page = opened(watch, url)
    page.fill("#text", LONG)
    expect(page.locator("#status")).to_contain_text(f"Measuring {SIZE:,} bytes:")
    shown = count(page)
    assert 250 < shown < SIZE
    text = "".join(page.locator("#patches .u").all_inner_texts()).replace("\xa0", " ")
    assert text.startswith("the cat sat on the mät")
    assert f"{shown:,} so far" in page.locator("#status").inner_text()
    fake.gate.set()
    expect(page.locator("#count-bytes")).to_have_text(f"{SIZE:,}")
    expect(page.locator("#status")).to_have_text("")


def test_the_result_is_that_of_the_document(watch: Visit, url: str, fake: FakeModel) -> None:
    fake.gate.set()
    page = opened(watch, url)
    page.fill("#text", LONG)
    expect(page.locator("#count-bytes")).to_have_text(f"{SIZE:,}")
    answer = page.request.post(f"{url}/api/patches", data={"text": LONG}).json()
    expect(page.locator("#count-patches")).to_have_text(f"{len(answer['patches']):,}")
    expect(page.locator("#count-bits")).to_have_text(f"{answer['bits_per_byte']:.2f}")


def test_a_letter_more_does_not_show_less(watch: Visit, url: str, fake: FakeModel) -> None:
    """What is shown has the beginning already, so the picture stays until the answer is there."""
    fake.gate.set()
    page = opened(watch, url)
    page.fill("#text", LONG)
    expect(page.locator("#count-bytes")).to_have_text(f"{SIZE:,}")
    page.evaluate(
        """() => {
            window.seen = [];
            const count = document.getElementById("count-bytes");
            new MutationObserver(() => seen.push(count.textContent))
                .observe(count, {childList: true, characterData: true, subtree: true});
        }"""
    )
    page.locator("#text").press("Control+End")
    page.keyboard.type("x")
    expect(page.locator("#count-bytes")).to_have_text(f"{SIZE + 1:,}")
    assert set(page.evaluate("seen")) == {f"{SIZE + 1:,}"}


def test_a_newer_text_ends_the_older(watch: Visit, url: str, fake: FakeModel) -> None:
    page = opened(watch, url)
    page.fill("#text", LONG)
    expect(page.locator("#status")).to_contain_text("so far")
    page.fill("#text", "the cat sat")
    expect(page.locator("#count-bytes")).to_have_text("11")
    expect(page.locator("#status")).to_have_text("")


def test_nothing_is_saved_of_a_beginning(watch: Visit, url: str, fake: FakeModel) -> None:
    page = opened(watch, url)
    page.fill("#text", LONG)
    expect(page.locator("#status")).to_contain_text("so far")
    page.click("#save summary")
    page.click("#save [data-save] >> nth=0")
    expect(page.locator("#status")).to_have_text(
        "There is nothing to save yet: the text is being measured."
    )
