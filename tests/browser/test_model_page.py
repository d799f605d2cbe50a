"""``/model`` as a person uses it: slider, hovering, keys, typing, narrow screens, no model."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Locator, Page, expect

from app import create_app
from app.drawing.architecture_svg import blt_flops, drawn_text, live, short
from app.models.architectures import Architectures
from app.models.generator import TextMaker
from app.models.inspector import Inspector
from app.models.live_model import LiveModel
from app.precompute.examples import write_examples
from app.precompute.inspected import write_inspected
from app.settings import Settings
from app.stored.example_file import ExampleFile
from tests.app.fakes import SHAPES, FakeModel
from tests.app.inspected_fakes import ROWS, FakeInspected
from tests.browser.conftest import Watched, serve

Visit = Callable[..., Watched]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("inside")
    for name in ("demo_output", "plot_data"):
        (folder / name).mkdir()
    settings = Settings(
        model_folder=folder / "none",
        blt_folder=folder / "none",
        demo_output=folder / "demo_output",
        plot_data=folder / "plot_data",
    )
    maker = TextMaker(FakeInspected(), SHAPES)
    write_inspected(Inspector(maker, settings), settings.inspected_file)
    write_examples(LiveModel(FakeModel()), settings.examples_file)
    return settings


@pytest.fixture(scope="module")
def address(settings: Settings) -> Iterator[str]:
    maker = TextMaker(FakeInspected(), SHAPES)
    with serve(create_app(settings, LiveModel(FakeModel()), maker)) as url:
        yield f"{url}/model"


@pytest.fixture
def inside(watch: Visit, address: str) -> Page:
    return ready(watch(address).page)


def ready(page: Page) -> Page:
    expect(page.locator("#follow")).to_be_visible()
    return page


def slide(page: Page, size: float) -> None:
    page.locator("#size").fill(str(size))


def follow(page: Page, text: str) -> None:
    page.fill("#text", text)
    expect(page.locator("#at")).to_have_attribute("max", str(len(text.encode())))


def field(page: Page, name: str) -> Locator:
    return page.locator(f'#byte [data-field="{name}"]')


def column(page: Page, strip: str, byte: int) -> tuple[float, float]:
    """Where the column of a byte is in a strip."""
    box = page.locator(f'[data-strip="{strip}"] svg:not(.labels)').bounding_box()
    assert box
    return box["x"] + 24 * (byte + 1) + 12, box["y"] + box["height"] / 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(watch: Visit, address: str, scheme: str) -> None:
    watched = watch(address, color_scheme=scheme)
    ready(watched.page).locator("#all summary").click()
    watched.check_access()


@pytest.mark.parametrize("size", [1.0, 4.5, 7.3, 16.0])
def test_the_slider_draws_what_python_draws(inside: Page, settings: Settings, size: float) -> None:
    slide(inside, size)
    known = Architectures(settings)
    shape = known.by_name[known.first]
    at = shape.patch_sizes.index(size)
    text = drawn_text(ExampleFile(settings.examples_file))
    drawn = inside.locator("#diagram-live").inner_html()
    assert re.sub(r"></(rect|path)>", "/>", drawn) == live(text, size)
    for part in shape.parts:
        expect(inside.locator(f'[data-flops="{part.key}"]')).to_have_text(short(part.flops[at]))
    whole = short(blt_flops(shape, at))
    expect(inside.locator("#cost-words strong")).to_have_text(f"{whole} FLOPs")
    expect(inside.locator("#size-value")).to_have_text(f"{size:.1f}")
    wide = inside.locator('[data-share="global_model"]').get_attribute("width")
    share = {p.key: p.flops[at] for p in shape.parts}["global_model"] / blt_flops(shape, at)
    assert float(wide or 0) == pytest.approx(60 * share, abs=0.01)


def test_large_numbers_are_written_alike(inside: Page) -> None:
    numbers = [0, 999, 999.5, 1000, 9994, 9996, 99_960, 26_216_448, 9.996e6, 999.6e6, 1.01e9, 3e12]
    found = inside.evaluate(
        """async (numbers) => {
          const { short } = await import("/static/js/diagram.js");
          return numbers.map(short);
        }""",
        numbers,
    )
    assert found == [short(number) for number in numbers]


def test_the_slider_by_keys(inside: Page) -> None:
    inside.locator("#size").focus()
    before = inside.locator("#costs-now").get_attribute("d")
    inside.keyboard.press("ArrowRight")
    expect(inside.locator("#size-value")).to_have_text("4.6")
    words = inside.locator("#size").get_attribute("aria-valuetext")
    assert words
    assert words.startswith("4.6 bytes per patch")
    assert inside.locator("#costs-now").get_attribute("d") != before
    inside.keyboard.press("Home")
    expect(inside.locator("#cost-words")).to_contain_text("every byte is a patch")
    assert inside.locator("#diagram-live .lane").count() == 25


def test_a_part_and_its_words_light_up_together(inside: Page) -> None:
    inside.locator("a[data-part=decoder_cross]").hover()
    expect(inside.locator("#part-decoder_cross")).to_have_class(re.compile(r"\blit\b"))
    inside.locator("#part-encoder").hover()
    expect(inside.locator("a[data-part=encoder]")).to_have_class(re.compile(r"\blit\b"))
    expect(inside.locator("#part-decoder_cross")).not_to_have_class(re.compile(r"\blit\b"))


def test_parts_can_be_reached_by_keys(inside: Page) -> None:
    inside.locator("a[data-part=encoder]").focus()
    inside.keyboard.press("Tab")
    expect(inside.locator("a[data-part=encoder_cross]")).to_be_focused()
    inside.keyboard.press("Enter")
    inside.wait_for_url("**#part-encoder_cross")
    expect(inside.locator("#part-encoder_cross")).to_have_css("scroll-margin-top", "16px")


def test_another_model(inside: Page) -> None:
    inside.get_by_role("link", name="blt-8b").click()
    expect(inside.locator('[data-flops="global_model"]')).to_have_text("2.97 G")
    inside.go_back()
    expect(inside.locator('[data-flops="global_model"]')).to_have_text("601 M")


def remembers(page: Page, name: str, value: str) -> None:
    """Wait until the history has a value; the page's policy forbids to evaluate a string there."""
    for _ in range(100):
        if page.evaluate("(name) => history.state?.view?.[name]", name) == value:
            return
        page.wait_for_timeout(50)
    pytest.fail(f"the history has not got {name} {value!r}")


def test_another_model_keeps_the_text(inside: Page) -> None:
    follow(inside, "the cat")
    inside.get_by_role("link", name="blt-8b").click()
    expect(inside.locator('[data-flops="global_model"]')).to_have_text("2.97 G")
    expect(inside.locator("#text")).to_have_value("the cat")
    expect(inside.locator("#at")).to_have_attribute("max", "7")
    inside.select_option("#example", label="German: umlauts")
    expect(inside.locator("#text")).to_have_value(re.compile("^Über"))
    remembers(inside, "example", "german")
    inside.reload()
    expect(inside.locator("#text")).to_have_value(re.compile("^Über"))
    assert inside.input_value("#example") == "german"


def test_the_back_button_keeps_the_text(inside: Page) -> None:
    follow(inside, "the cat")
    inside.get_by_role("link", name="blt-8b").click()
    expect(inside.locator('[data-flops="global_model"]')).to_have_text("2.97 G")
    remembers(inside, "text", "the cat")
    follow(inside, "the cat sat")
    remembers(inside, "text", "the cat sat")
    inside.go_back()
    expect(inside.locator("#text")).to_have_value("the cat")
    inside.go_back()
    expect(inside.locator('[data-flops="global_model"]')).to_have_text("601 M")
    expect(inside.locator("#at")).to_have_attribute("max", str(len(inside.input_value("#text"))))
    assert inside.input_value("#text").startswith("the cat")


def test_typing_follows_a_text(inside: Page) -> None:
    follow(inside, "the cat")
    assert inside.locator('[data-strip="bytes"] .cell').count() == 1 + 7
    places = inside.locator('[data-strip="bytes"] .place-text').all_text_contents()
    assert places == ["1", "2", "0"]
    expect(inside.locator('[data-strip="bytes"] .bar.starts')).to_have_count(2)
    expect(inside.locator('[data-strip="bytes"] .patch.open')).to_have_count(1)
    lag = inside.locator('[data-strip="lag"] .place-text').all_text_contents()
    assert lag[-2:] == ["from 0", "from 1"], "patches, then who reads them"


def test_pointing_at_a_byte_lights_everything_about_it(inside: Page) -> None:
    follow(inside, "the cat sat")
    strip = inside.locator('[data-strip="lag"]')
    strip.scroll_into_view_if_needed()
    inside.mouse.move(*column(inside, "lag", 5))
    expect(field(inside, "place")).to_have_text("Byte 6 of 11")
    expect(field(inside, "value")).to_contain_text("0x61")
    expect(field(inside, "own")).to_have_text("2 “cat ”")
    expect(field(inside, "source")).to_have_text("1 “the ”")
    expect(strip.locator(".ribbon.on")).to_have_count(1)
    expect(strip.locator(".ribbon.on")).to_have_class(re.compile("p0"))
    expect(inside.locator('[data-strip="encoder"] .frame.on')).to_have_count(1)
    for here in inside.locator("#scroller .here").all():
        assert here.get_attribute("x") == str(24 * 6)
    inside.mouse.move(5, 5)
    expect(field(inside, "place")).to_have_text("Byte 5 of 11")


def test_a_click_keeps_the_byte(inside: Page) -> None:
    follow(inside, "the cat sat")
    inside.locator('[data-strip="encoder"]').scroll_into_view_if_needed()
    inside.mouse.click(*column(inside, "encoder", 9))
    inside.mouse.move(5, 5)
    expect(field(inside, "place")).to_have_text("Byte 10 of 11")
    assert inside.input_value("#at") == "10"


@pytest.mark.parametrize("where", ["#at", "#scroller"])
def test_walking_by_keys(inside: Page, where: str) -> None:
    follow(inside, "the cat sat on the mat")
    inside.locator(where).focus()
    walked = []
    for key in ("Home", "ArrowRight", "PageDown", "PageDown", "ArrowLeft", "PageUp", "End"):
        inside.keyboard.press(key)
        walked.append(int(inside.input_value("#at")) - 1)
    assert walked == [0, 1, 4, 8, 7, 4, 21]
    words = inside.locator("#at").get_attribute("aria-valuetext")
    assert words == "byte 22 of 22: t, read into patch 6, predicted from patch 5, chance 50 %"


def test_a_long_text_is_scrolled_to_the_byte(inside: Page) -> None:
    follow(inside, "the cat sat on the mat " * 17)
    inside.locator("#at").focus()
    inside.keyboard.press("End")
    assert inside.evaluate("document.querySelector('#scroller').scrollLeft") > 5000
    inside.keyboard.press("Home")
    assert inside.evaluate("document.querySelector('#scroller').scrollLeft") == 0


def test_hash_buckets_are_those_of_the_model(inside: Page) -> None:
    follow(inside, "the cat")
    inside.locator("#at").focus()
    inside.keyboard.press("End")
    seen = FakeInspected().inspect(b"the cat")
    rows = inside.locator("#buckets tbody tr").all()
    assert len(rows) == len(seen.hash_tables)
    grams = ["cat", "␣cat", "e␣cat", "he␣cat", "the␣cat", "‹BOS›the␣cat"]
    expected = zip(seen.hash_tables, seen.hash_ids[-1], grams, strict=True)
    for row, (table, bucket, gram) in zip(rows, expected, strict=True):
        cells = row.locator("th, td").all_text_contents()
        assert cells == [str(table.size), gram, f"{bucket:,}"]
        assert bucket < ROWS
    inside.keyboard.press("Home")
    expect(inside.locator("#buckets tbody tr").first).to_contain_text("∅‹BOS›t")
    labels = inside.locator('[data-strip="hashes"] .gram-text').all_text_contents()
    assert labels == [f"row {bucket:,}" for bucket in seen.hash_ids[1]]


def test_a_head_can_be_chosen(inside: Page) -> None:
    follow(inside, "the cat")
    assert inside.locator("#head option").count() == 1 + SHAPES.blt.cross_heads
    inside.locator("#at").focus()
    inside.keyboard.press("Home")
    mean = inside.locator("#looks tbody").inner_text()
    inside.select_option("#head", label="head 2")
    assert inside.locator("#looks tbody").inner_text() != mean
    weights = FakeInspected().inspect(b"the cat").decoder_weights[1, 0, :, 1]
    last = inside.locator("#looks tbody tr").last.locator("td").all_text_contents()
    assert last == [f"{100 * weight:.0f} %" for weight in weights]


def test_all_bytes_as_a_table(inside: Page) -> None:
    follow(inside, "the cät")
    inside.locator("#all summary").click()
    rows = inside.locator("#all tbody tr")
    expect(rows).to_have_count(8)
    cells = rows.nth(4).locator("th, td").all_text_contents()
    assert cells[:5] == ["5", "0x63", "c", "2", "1"]
    follow(inside, "the")
    expect(rows).to_have_count(3)


def test_an_example_and_its_heads(inside: Page) -> None:
    inside.select_option("#example", label="Chinese: three bytes a character")
    expect(inside.locator("#text")).to_have_value(re.compile("^春"))
    glyphs = inside.locator('[data-strip="bytes"] .glyph-text').all_text_contents()
    assert glyphs[0] == "春"
    width = inside.locator('[data-strip="bytes"] .cell').count()
    assert width == 1 + len(inside.input_value("#text").encode())


def test_text_with_markup_is_text(inside: Page) -> None:
    follow(inside, "<b>x</b><script>1</script>")
    glyphs = inside.locator('[data-strip="bytes"] .glyph-text').all_text_contents()
    assert "".join(glyphs[:-1]) == "<b>x</b><script>1</script>"
    assert inside.locator("#scroller b, #scroller script").count() == 0


def test_too_long_a_text_says_so_and_keeps_the_drawing(inside: Page) -> None:
    follow(inside, "the cat")
    inside.fill("#text", "a" * 401)
    expect(inside.locator("#typed")).to_have_text("401 of 400 bytes")
    expect(inside.locator("#status")).to_contain_text("at most")
    expect(field(inside, "place")).to_contain_text("of 7")
    follow(inside, "a" * 400)
    expect(inside.locator("#status")).to_have_text("")


def test_nothing_typed_shows_no_drawing(inside: Page) -> None:
    inside.fill("#text", "")
    expect(inside.locator("#follow")).to_be_hidden()
    follow(inside, "a")
    expect(inside.locator("#follow")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_screen(watch: Visit, address: str, scheme: str) -> None:
    watched = watch(address, width=360, color_scheme=scheme, has_touch=True)
    page = ready(watched.page)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.locator('[data-strip="bytes"]').scroll_into_view_if_needed()
    page.touchscreen.tap(*column(page, "bytes", 5))
    expect(page.locator("#line")).to_contain_text("byte 6 of")
    page.get_by_role("button", name="The next byte").click()
    expect(page.locator("#line")).to_contain_text("byte 7 of")
    header = page.locator(".block header").first.bounding_box()
    assert header
    assert header["width"] <= 360
    watched.check_access()


def test_labels_of_the_costs_are_whole_on_a_narrow_screen(watch: Visit, address: str) -> None:
    page = ready(watch(address, width=360).page)
    lefts = page.locator(".costs .height").evaluate_all("all => all.map((e) => e.getBBox().x)")
    assert min(lefts) >= 0, "in the drawing's own units"


def test_without_a_model_examples_are_alive(watch: Visit, settings: Settings) -> None:
    with serve(create_app(replace(settings, blt_folder=settings.plot_data / "none"))) as url:
        page = ready(watch(f"{url}/model").page)
        expect(page.locator("#status")).to_contain_text("No BLT is loaded here")
        page.locator("#at").focus()
        page.keyboard.press("End")
        expect(field(page, "place")).to_contain_text("Byte 142 of 142")
        page.fill("#text", "more")
        expect(page.locator("#status")).to_contain_text("the examples show")
        expect(field(page, "place")).to_contain_text("of 142")


def test_without_scripts_the_machine_is_explained(watch: Visit, address: str) -> None:
    page = watch(address, java_script_enabled=False).page
    expect(page.locator(".diagram")).to_be_visible()
    expect(page.locator(".part-words")).to_have_count(7)
    expect(page.locator("#size")).to_be_hidden()
    expect(page.get_by_text("POST /api/inspect")).to_be_visible()


def test_printing_shows_the_drawing_without_controls(inside: Page) -> None:
    inside.emulate_media(media="print")
    expect(inside.locator(".diagram")).to_be_visible()
    expect(inside.locator(".stepper")).to_be_hidden()
    expect(inside.locator("#byte")).to_be_visible()


def test_with_the_network_cut_the_last_drawing_stays(watch: Visit, address: str) -> None:
    watched = watch(address)
    page = ready(watched.page)
    page.context.set_offline(True)
    page.fill("#text", "never measured")
    expect(page.locator("#status")).to_contain_text("cannot be reached")
    expect(field(page, "place")).to_contain_text("of 142")
    slide(page, 9.0)
    expect(page.locator("#size-value")).to_have_text("9.0")
    watched.forgive("ERR_INTERNET_DISCONNECTED")


def test_page_data_is_small(watch: Visit, address: str) -> None:
    page = watch(address).page
    data = page.locator("#page-data").text_content() or ""
    assert len(data) < 250_000
    assert json.loads(data)["first"]["response"]["bytes"] == 142
