"""The page as a person uses it: typing, dragging, keys, hovering, themes, narrow screens."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from app import create_app
from app.settings import Settings
from bytelatent.tokenizers import bpe
from tests.browser.conftest import Site, Watched, serve

Visit = Callable[..., Watched]


@pytest.fixture
def home(watch: Visit, site: Site) -> Page:
    return ready(watch(site.url).page)


def ready(page: Page) -> Page:
    page.wait_for_selector("#chart .curve")
    return page


def type_text(page: Page, text: str) -> None:
    page.fill("#text", text)
    expect(page.locator("#count-bytes")).to_have_text(f"{len(text.encode()):,}")


def starts(page: Page) -> list[int]:
    """Bytes at which the coloured text shows the start of a patch."""
    found = page.eval_on_selector_all("#patches .s", "all => all.map(e => Number(e.dataset.i))")
    return [int(i) for i in found]


def threshold(page: Page) -> float:
    return float(page.locator("#chart .threshold").get_attribute("aria-valuenow") or "nan")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(watch: Visit, site: Site, scheme: str) -> None:
    for address in (site.url, f"{site.url}/api"):
        watch(address, color_scheme=scheme).check_access()


def settle(page: Page) -> None:
    """Wait for the next frame, at which everything is drawn."""
    page.evaluate("() => new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))")


def points(page: Page) -> int:
    """Dots in the chart."""
    paths = page.locator("#chart path.dots").all()
    return sum((path.get_attribute("d") or "").count("M") for path in paths)


def test_the_first_example_is_there_at_once(home: Page) -> None:
    expect(home.locator("#count-bytes")).to_have_text("79")
    assert home.input_value("#text").startswith("Daenerys")
    assert "".join(home.locator("#patches .u").all_inner_texts()).startswith("Daenerys Targ")
    assert points(home) == 79


def test_typing_changes_chart_and_patches(home: Page) -> None:
    before = home.locator("#chart .curve").get_attribute("d")
    home.fill("#text", "")
    home.locator("#text").press_sequentially("the cat sat")
    expect(home.locator("#count-bytes")).to_have_text("11")
    assert starts(home) == [0, 4, 8]
    assert home.locator("#chart .curve").get_attribute("d") != before
    assert points(home) == 11
    expect(home.locator("#count-patches")).to_have_text("3")
    expect(home.locator("#count-mean")).to_have_text("3.67")
    expect(home.locator("#count-bits")).to_have_text("1.00")
    assert home.input_value("#example") == ""


def test_nothing_typed_is_fine(home: Page) -> None:
    home.fill("#text", "")
    expect(home.locator("#count-bytes")).to_have_text("0")
    expect(home.locator("#count-bits")).to_have_text("–")
    type_text(home, "back again")


def test_dragging_the_threshold_moves_boundaries(home: Page) -> None:
    type_text(home, "the cat sat on the mat")
    few = starts(home)
    handle = home.locator("#chart .threshold")
    box = handle.bounding_box()
    assert box
    x, y = box["x"] + box["width"] - 20, box["y"] + box["height"] / 2
    home.mouse.move(x, y)
    home.mouse.down()
    home.mouse.move(x, y + 40, steps=4)
    settle(home)
    assert threshold(home) < 1.5
    many = starts(home)  # still held: they have moved with it
    assert set(few) < set(many)
    home.mouse.move(x, y - 60, steps=4)
    home.mouse.up()
    settle(home)
    assert threshold(home) > 1.5
    assert len(starts(home)) <= len(few)
    assert float(home.input_value("#exact")) == threshold(home)


def test_the_keyboard_moves_the_threshold(home: Page) -> None:
    type_text(home, "the cat sat on the mat")
    handle = home.get_by_role("slider", name="Threshold in the chart")
    before, few = threshold(home), starts(home)
    handle.focus()
    home.keyboard.press("ArrowDown")
    settle(home)
    assert threshold(home) == pytest.approx(before - 0.05)
    home.keyboard.press("Home")
    settle(home)
    assert threshold(home) == 0
    assert starts(home) == list(range(22))
    home.keyboard.press("End")
    settle(home)
    assert starts(home) == [0]
    home.get_by_role("button", name="Back to the model’s own").click()
    settle(home)
    assert starts(home) == few


def test_slider_and_number_field(home: Page) -> None:
    type_text(home, "the cat sat")
    home.fill("#exact", "0")
    settle(home)
    assert threshold(home) == 0
    home.locator("input[name=threshold]").fill("2.5")
    settle(home)
    assert home.input_value("#exact") == "2.50"
    home.fill("#exact", "-3")
    settle(home)
    assert threshold(home) == 2.5


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("Space", [0, 4, 8]), ("Byte", list(range(11))), ("Static", [0, 4, 8])],
)
def test_rules_that_need_no_entropy(home: Page, mode: str, expected: list[int]) -> None:
    type_text(home, "the cat sat")
    home.get_by_role("radio", name=mode, exact=True).check()
    settle(home)
    assert starts(home) == expected
    assert home.locator("#chart .threshold").is_hidden()
    assert home.locator("#exact").is_hidden()


def test_numbers_of_the_rules(home: Page) -> None:
    type_text(home, "the cat sat")
    home.get_by_role("radio", name="Static", exact=True).check()
    home.fill("#size", "5")
    settle(home)
    assert starts(home) == [0, 5, 10]
    home.fill("#longest", "2")
    settle(home)
    assert starts(home) == [0, 2, 4, 5, 7, 9, 10]
    for mode, shown in {"Combined": "#add", "Top-k": "#size", "Monotonic": "#exact"}.items():
        home.get_by_role("radio", name=mode, exact=True).check()
        assert home.locator(shown).is_visible()


def test_keys_walk_the_bytes(home: Page) -> None:
    type_text(home, "hé cat")
    home.locator("#patches .u").first.click()
    place = home.locator("[data-field=place]")
    value = home.locator("[data-field=value]")
    expect(place).to_have_text("Byte 1 of 7")
    home.keyboard.press("ArrowRight")
    expect(value).to_have_text("0xC3 · 195")
    expect(home.locator("[data-field=role]")).to_have_text("lead byte of 2")
    home.keyboard.press("ArrowRight")
    expect(value).to_have_text("0xA9 · 169")
    expect(home.locator("[data-field=role]")).to_have_text("continuation 1 of 1")
    home.keyboard.press("End")
    expect(place).to_have_text("Byte 7 of 7")
    home.keyboard.press("Home")
    home.keyboard.press("ArrowDown")  # the next patch
    expect(place).to_have_text("Byte 5 of 7")
    focused = home.evaluate("document.activeElement.getAttribute('aria-label')")
    assert re.match(r"byte 5, c, 0x63, patch 2, entropy [\d.]+ nats, probability 50 %", focused)
    assert home.locator("#patches [tabindex='0']").count() == 1


def test_hovering_shows_the_byte(home: Page) -> None:
    type_text(home, "the cat")
    home.hover("#patches .u:nth-child(5)")
    expect(home.locator("[data-field=glyph]")).to_have_text("c")
    expect(home.locator("[data-field=probability]")).to_have_text("50 %")
    expect(home.locator("[data-field=surprisal]")).to_have_text("1.00 bits")
    rows = home.locator(".predictions li")
    assert rows.count() == 5
    expect(rows.first).to_have_class("hit")
    expect(rows.first.locator("code")).to_have_text("c")
    box = home.locator("#chart .plot").bounding_box()
    assert box
    home.mouse.move(box["x"] + box["width"] * 0.97, box["y"] + 60)
    expect(home.locator("[data-field=place]")).to_have_text("Byte 7 of 7")
    assert home.locator("#chart .cursor").is_visible()


def test_a_character_cut_apart_says_so(home: Page) -> None:
    type_text(home, "é")
    home.get_by_role("radio", name="Byte", exact=True).check()
    settle(home)
    classes = home.locator("#patches .u").get_attribute("class") or ""
    assert "split" in classes
    image = home.locator("#patches .u").evaluate("e => getComputedStyle(e).backgroundImage")
    assert image.startswith("linear-gradient")


@pytest.mark.parametrize("name", ["arabic", "hindi", "emoji", "python"])
def test_examples(home: Page, site: Site, name: str) -> None:
    asked = len(site.model.asked)
    home.select_option("#example", name)
    expect(home.locator("#count-bytes")).not_to_have_text("79")
    text = home.input_value("#text")
    expect(home.locator("#count-bytes")).to_have_text(str(len(text.encode())))
    shown = "".join(home.locator("#patches .u").all_text_contents())
    assert shown.replace("↵", "") == text
    assert len(site.model.asked) == asked, "they were measured before"


def test_a_text_that_is_too_long(home: Page, site: Site) -> None:
    asked = len(site.model.asked)
    home.fill("#text", "x" * 70_000)
    expect(home.locator("#status")).to_contain_text("too long")
    assert len(site.model.asked) == asked
    type_text(home, "short")
    expect(home.locator("#status")).to_have_text("")


def test_a_long_text(home: Page) -> None:
    type_text(home, "the cat sat on the mat " * 400)
    assert home.locator("#patches .u").count() == 2400
    assert home.locator("#window-at").is_visible()
    before = home.locator("#window-words").inner_text()
    home.locator("#window-at").fill("5000")
    assert home.locator("#window-words").inner_text() != before
    home.locator("#patches .u").nth(3).click()
    home.keyboard.press("ArrowRight")
    expect(home.locator("[data-field=place]")).to_have_text("Byte 14 of 9200")


SELECTED = """([root, from, to]) => {
  const selection = getSelection();
  const units = document.querySelectorAll(`${root} > [data-i]`);
  const [first, last] = [units[from], to < 0 ? units[units.length + to] : units[to]];
  selection.setBaseAndExtent(first, 0, last, last.childNodes.length);
}"""


@pytest.mark.parametrize("length", [1, 300])
def test_coloured_text_is_copied_as_it_is(watch: Visit, site: Site, length: int) -> None:
    """Without the signs for tabs, line ends and control characters; also a text by patches."""
    page = ready(watch(site.url, permissions=["clipboard-read", "clipboard-write"]).page)
    text = "a\tb\n\nc\u00a0d\x01\u200bé\n" * length
    type_text(page, text)
    expect(page.locator("#patches")).to_contain_text("a⇥")
    page.locator("h1").click()
    page.evaluate(SELECTED, ["#patches", 0, -1])
    page.keyboard.press("Control+c")
    assert page.evaluate("navigator.clipboard.readText()") == text
    page.evaluate("""() => {
      const range = document.createRange();
      range.selectNode(document.getElementById("patches"));
      getSelection().removeAllRanges();
      getSelection().addRange(range);
    }""")
    page.keyboard.press("Control+c")
    assert page.evaluate("navigator.clipboard.readText()") == text
    page.evaluate("getSelection().selectAllChildren(document.querySelector('h1'))")
    page.keyboard.press("Control+c")
    assert page.evaluate("navigator.clipboard.readText()") == page.inner_text("h1")


def test_an_older_answer_is_dropped(home: Page, site: Site) -> None:
    site.model.pause = 0.3
    try:
        home.fill("#text", "first")
        home.fill("#text", "second text")
        expect(home.locator("#count-bytes")).to_have_text("11")
        home.wait_for_timeout(500)
        expect(home.locator("#count-bytes")).to_have_text("11")
    finally:
        site.model.pause = 0


def test_an_error_is_told_and_the_last_result_stays(watch: Visit, site: Site) -> None:
    watched = watch(site.url)
    page = ready(watched.page)
    page.route("**/api/patches", lambda route: route.abort())
    page.fill("#text", "new")
    expect(page.locator("#status")).to_contain_text("cannot be reached")
    expect(page.locator("#count-bytes")).to_have_text("79")
    page.unroute("**/api/patches")
    type_text(page, "works again")
    expect(page.locator("#status")).to_have_text("")
    watched.forgive("ERR_FAILED")


@pytest.mark.parametrize(
    "text", ["<b>&amp;</b>", "\0\x01\x7f", "a\r\nb\tc", "$x$ $y$", "‮abc", "👨‍👩‍👧"]
)
def test_odd_texts(home: Page, text: str) -> None:
    home.evaluate(
        "t => { const e = document.getElementById('text'); e.value = t;"
        " e.dispatchEvent(new Event('input')); }",
        text,
    )
    expect(home.locator("#count-bytes")).to_have_text(str(len(home.input_value("#text").encode())))
    assert home.locator("#patches b").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/api"])
def test_narrow_without_sideways_scrolling(
    watch: Visit, site: Site, scheme: str, path: str
) -> None:
    page = watch(site.url + path, width=360, height=740, color_scheme=scheme, has_touch=True).page
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    if path == "/":
        page.select_option("#example", "arabic")
        expect(page.locator("#count-bytes")).to_have_text("161")
        page.locator("#patches .u").nth(3).tap()
        expect(page.locator("[data-field=glyph]")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_dark_and_light(watch: Visit, site: Site) -> None:
    page = ready(watch(site.url, color_scheme="dark").page)
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.get_by_role("button", name="Switch to the light theme").click()
    light = page.evaluate(ground)
    assert dark != light
    page.reload()
    ready(page)
    assert page.evaluate(ground) == light, "the choice is kept"


def test_without_a_model(watch: Visit, site_without_model: Site) -> None:
    page = ready(watch(site_without_model.url).page)
    expect(page.locator("#status")).to_contain_text("No model is loaded")
    page.select_option("#example", "german")
    expect(page.locator("#count-bytes")).to_have_text("134")
    page.get_by_role("radio", name="Byte", exact=True).check()
    expect(page.locator("#count-patches")).to_have_text("134")
    page.fill("#text", "something new")
    expect(page.locator("#status")).to_contain_text("examples still work")


def test_saving_before_anything_was_measured(watch: Visit, tmp_path: Path) -> None:
    (tmp_path / "live_examples.json").write_text('{"model": "", "threshold": 1.0, "examples": []}')
    bare = Settings(
        model_folder=tmp_path, blt_folder=tmp_path, demo_output=tmp_path, plot_data=tmp_path
    )
    with serve(create_app(bare)) as url:
        page = watch(url).page
        page.wait_for_selector("#bench.ready")
        page.locator("#save summary").click()
        page.locator("[data-save=svg]").click()
        expect(page.locator("#status")).to_contain_text("nothing to save")


def test_without_the_vocabularies(
    watch: Visit, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bpe, "find_spec", lambda name: None)
    page = ready(watch(site.url).page)
    type_text(page, "a plain text")
    expect(page.locator('tr[data-splitter="space"] .count')).to_have_text("3")
    expect(page.locator('tr[data-splitter="cl100k_base"] .count')).to_have_text("–")


def test_without_scripts(watch: Visit, site: Site) -> None:
    page = watch(site.url, java_script_enabled=False).page
    assert "Daenerys" in page.locator("#patches").inner_text()
    assert page.locator("#chart .no-js").is_visible()
    assert page.locator("noscript").is_visible()


def test_a_stored_figure_draws_in_its_sandbox(watch: Visit, site: Site) -> None:
    page = watch(f"{site.url}/visualizations/figure.html").page
    expect(page).to_have_title("drawn")
    assert page.evaluate("self.origin") == "null"


def test_typing_is_fast(home: Page) -> None:
    """From the key to the drawn chart; generous, for machines that do other things too."""
    home.fill("#text", "the cat sat on the mat " * 12)
    expect(home.locator("#count-bytes")).to_have_text("276")
    took = home.evaluate(
        """async () => {
          const text = document.getElementById("text");
          const bytes = document.getElementById("count-bytes");
          const times = [];
          for (let k = 0; k < 7; k++) {
            const began = performance.now();
            text.value += "x";
            text.dispatchEvent(new Event("input"));
            const wanted = String(text.value.length);
            while (bytes.textContent !== wanted) await new Promise(requestAnimationFrame);
            times.push(performance.now() - began);
          }
          return times.sort((a, b) => a - b)[3];
        }"""
    )
    assert took < 250
