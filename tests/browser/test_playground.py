"""The playground beyond typing: rows, curve, languages, files in and out, keys, narrow, offline."""

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from app import create_app
from app.models.live_model import LiveModel
from app.models.threshold_curve import Calibration
from app.precompute.examples import write_examples
from app.precompute.languages import write_languages
from app.settings import Settings
from app.stored.language_file import FILE as LANGUAGES
from tests.app.fakes import FakeModel
from tests.browser.conftest import Site, Watched, serve

pytest.importorskip("quicktok")

Visit = Callable[..., Watched]
TEXT = "the cat sat on the mat"


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A site with a calibration and measured languages."""
    folder = tmp_path_factory.mktemp("calibrated")
    for name in ("demo_output", "plot_data", "model"):
        (folder / name).mkdir()
    value = {
        "rules": {"monotonic": {"threshold": 0.4}},
        "curve": {
            "thresholds": [0, 1, 2, 3],
            "mix": [1, 2, 4, 8],
            "languages": {"en": [], "de": []},
        },
    }
    (folder / "model" / "calibration.json").write_text(json.dumps(value))
    settings = Settings(
        model_folder=folder / "model",
        blt_folder=folder / "none",
        demo_output=folder / "demo_output",
        plot_data=folder / "plot_data",
    )
    model = LiveModel(FakeModel())
    write_examples(model, settings.examples_file)
    calibration = Calibration.load(settings.model_folder)
    write_languages(model, calibration, settings.plot_data / LANGUAGES)
    with serve(create_app(settings, model)) as url:
        yield url


@pytest.fixture
def home(watch: Visit, calibrated: str) -> Page:
    return ready(watch(calibrated).page)


def ready(page: Page) -> Page:
    page.wait_for_selector("#chart .curve")
    return page


def type_text(page: Page, text: str) -> None:
    page.fill("#text", text)
    expect(page.locator("#count-bytes")).to_have_text(f"{len(text.encode()):,}")


def near(page: Page) -> None:
    """Rows are drawn when they come near."""
    page.locator("#compare").scroll_into_view_if_needed()


def row(page: Page, splitter: str) -> tuple[str, str]:
    found = page.locator(f"tr[data-splitter={splitter}]")
    return found.locator(".count").inner_text(), found.locator(".mean").inner_text()


def saved(page: Page, kind: str) -> tuple[str, bytes]:
    """Name and content of the file that the menu saves."""
    page.locator("#save summary").click()
    with page.expect_download() as waiting:
        page.locator(f"#save [data-save={kind}]").click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def test_rows_count_the_pieces(home: Page) -> None:
    type_text(home, TEXT)
    near(home)
    expect(home.locator("tr[data-splitter=space] .count")).to_have_text("6")
    expect(home.locator("tr[data-splitter=cl100k_base] .count")).to_have_text("6")
    assert row(home, "entropy") == ("6", "3.67")
    assert row(home, "static") == ("6", "3.67")
    assert row(home, "o200k_base") == ("6", "3.67")
    label = home.locator("tr[data-splitter=o200k_base] canvas").get_attribute("aria-label")
    assert label == "the | ␣cat | ␣sat | ␣on | ␣the | ␣mat".replace("␣", " ")
    home.fill("#exact", "0")
    expect(home.locator("tr[data-splitter=entropy] .count")).to_have_text("22")
    assert row(home, "space")[0] == "6"


def test_a_rule_without_a_row_gets_one(home: Page) -> None:
    type_text(home, TEXT)
    near(home)
    assert home.locator("tr[data-splitter=now]").is_hidden()
    home.get_by_role("radio", name="Byte", exact=True).check()
    expect(home.locator("tr[data-splitter=now] .count")).to_have_text("22")
    expect(home.locator("tr[data-splitter=now] .name")).to_have_text("Byte")
    home.get_by_role("radio", name="Space", exact=True).check()
    expect(home.locator("tr[data-splitter=now]")).to_be_hidden()
    assert "current" in (home.locator("tr[data-splitter=space]").get_attribute("class") or "")


@pytest.mark.parametrize("example", ["english", "arabic", "emoji", "python", "noise"])
def test_rows_are_those_of_the_server(home: Page, example: str) -> None:
    home.select_option("#example", example)
    home.get_by_role("radio", name="Monotonic", exact=True).check()
    home.fill("#exact", "0.3")
    home.get_by_role("radio", name="Static", exact=True).check()
    home.fill("#size", "5")
    home.fill("#longest", "11")
    home.get_by_role("radio", name="Entropy", exact=True).check()
    home.fill("#exact", "0.8")
    near(home)
    ours = json.loads(saved(home, "json")[1])
    fields = {"text": ours["text"], "threshold": 0.8, "monotonic_threshold": 0.3}
    fields |= {"patch_size": 5, "max_patch_length": 11}
    answer = home.request.post(f"{home.url.split('#')[0]}api/compare", data=fields).json()
    theirs = {
        one["splitter"]: [[piece["start"], piece["length"]] for piece in one["pieces"]]
        for one in answer["rows"]
        if one["pieces"] is not None
    }
    for split in ours["splits"]:
        assert split["pieces"] == theirs[split["splitter"]], split["splitter"]
    assert {split["splitter"] for split in ours["splits"]} >= {
        "entropy",
        "cl100k_base",
        "o200k_base",
    }
    assert [[p["start"], p["length"]] for p in ours["patches"]] == theirs["entropy"]


def test_a_byte_picked_in_a_row(home: Page) -> None:
    type_text(home, TEXT)
    near(home)
    canvas = home.locator("tr[data-splitter=static] canvas")
    expect(canvas).to_have_attribute("aria-label", re.compile("the "))
    box = canvas.bounding_box()
    assert box
    canvas.click(position={"x": box["width"] * 4.5 / 22, "y": 10})
    expect(home.locator("[data-field=place]")).to_have_text("Byte 5 of 22")
    assert "marked" in (home.locator(".rows").get_attribute("class") or "")


def test_rows_of_a_long_text_move(home: Page) -> None:
    type_text(home, TEXT * 20)
    near(home)
    expect(home.locator(".rows-words")).to_have_text(re.compile("bytes 1–"))
    before = home.locator("tr[data-splitter=static] canvas").get_attribute("aria-label")
    home.locator(".rows-at").fill("101")
    expect(home.locator(".rows-words")).to_have_text(re.compile("bytes 102–"))
    assert home.locator("tr[data-splitter=static] canvas").get_attribute("aria-label") != before


def test_tokens_that_cannot_be_fetched(watch: Visit, calibrated: str) -> None:
    watched = watch(calibrated)
    page = ready(watched.page)
    page.route("**/api/compare", lambda route: route.abort())
    type_text(page, "new text")
    near(page)
    expect(page.locator(".rows-words")).to_contain_text("cannot be fetched")
    expect(page.locator("tr[data-splitter=space] .count")).to_have_text("2")
    page.unroute("**/api/compare")
    type_text(page, "newer text")
    expect(page.locator("tr[data-splitter=cl100k_base] .count")).to_have_text("3")
    watched.forgive("ERR_FAILED")


def test_the_calibrated_curve(home: Page) -> None:
    type_text(home, TEXT)
    words = home.locator("#curve figcaption")
    expect(words).to_have_text("this text 3.67held-out mix 3.00 bytes per patch")
    home.fill("#exact", "2.5")
    expect(words).to_contain_text("held-out mix 6.00")
    home.fill("#exact", "5")
    expect(words).not_to_contain_text("mix")
    home.get_by_role("radio", name="Monotonic", exact=True).check()
    assert home.input_value("#exact") == "0.40"
    expect(words).not_to_contain_text("mix")
    home.get_by_role("radio", name="Space", exact=True).check()
    expect(home.locator("#curve")).to_be_hidden()


def test_languages(home: Page) -> None:
    table = home.locator(".per-language")
    assert table.locator("tbody").first.locator("tr").count() == 2
    english = table.locator("tr", has=home.locator("th", has_text="English"))
    assert re.fullmatch(r"[56]\.\d", english.locator(".value").first.inner_text())
    expect(table).to_contain_text("Amharic")


FILES = {
    "notes.txt": ("a ü 猫 text".encode(), None),
    "long.txt": (b"x" * 65537, "too long: 65,537 bytes"),
    "picture.png": (b"\x89PNG\r\n\x1a\n\xff\xfe", "no text in UTF-8"),
    "program.bin": (b"abc\0def", "NUL"),
}


@pytest.mark.parametrize("name", FILES)
def test_opening_a_file(home: Page, name: str) -> None:
    content, error = FILES[name]
    home.set_input_files("#file", {"name": name, "mimeType": "", "buffer": content})
    if error:
        expect(home.locator("#status")).to_contain_text(error)
        expect(home.locator("#count-bytes")).to_have_text("79")
        return
    expect(home.locator("#count-bytes")).to_have_text(str(len(content)))
    assert home.input_value("#text") == content.decode()
    assert saved(home, "json")[0] == "blt-notes-entropy.json"


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        (b"one\r\ntwo\r\n\r\nthree\r\n", "CR LF kept"),
        (b"old\rMac\r", "CR kept"),
        (b"all\nof\r\nthem\r", "CR LF and CR kept"),
        (b"plain\nlines\n", ""),
    ],
)
def test_line_ends_of_a_file_are_kept(home: Page, content: bytes, kept: str) -> None:
    home.set_input_files("#file", {"name": "a.txt", "mimeType": "", "buffer": content})
    expect(home.locator("#count-bytes")).to_have_text(str(len(content)))
    typed = home.locator("#typed")
    expect(typed).to_contain_text(kept or "bytes")
    assert ("kept" in typed.inner_text()) is bool(kept)
    end = re.findall(rb"\r\n|\r|\n", content)[0]
    home.locator("#text").press("Control+End")
    home.keyboard.type("x")
    expect(home.locator("#count-bytes")).to_have_text(str(len(content) + 1))
    home.locator("#text").press("Control+Home")
    home.keyboard.press("Enter")
    expect(home.locator("#count-bytes")).to_have_text(str(len(content) + 1 + len(end)))
    content = end + content + b"x"
    measured = json.loads(saved(home, "json")[1])
    assert measured["text"].encode() == content
    # The address follows a pause after the last key; a reload before that shows an earlier text.
    written = "text => history.state?.view?.text === text"
    home.wait_for_function(written, arg=content.decode())
    home.reload()
    expect(home.locator("#count-bytes")).to_have_text(str(len(content)))


@pytest.mark.parametrize("event", ["drop", "paste"])
def test_dropping_and_pasting(home: Page, event: str) -> None:
    home.evaluate(
        """(kind) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File(["dropped here"], "a.txt"));
          const area = document.getElementById("text");
          const send = (name) => area.dispatchEvent(kind === "paste"
            ? new ClipboardEvent(name, { clipboardData: transfer, bubbles: true, cancelable: true })
            : new DragEvent(name, { dataTransfer: transfer, bubbles: true, cancelable: true }));
          if (kind === "drop") {
            send("dragenter");
            if (!document.querySelector(".entry.over")) throw new Error("nothing shows the way");
          }
          if (send(kind)) throw new Error("left to the browser");
        }""",
        event,
    )
    expect(home.locator("#count-bytes")).to_have_text("12")
    assert home.input_value("#text") == "dropped here"
    assert home.locator(".entry.over").count() == 0


def test_saved_pictures(home: Page) -> None:
    home.select_option("#example", "arabic")
    expect(home.locator("#count-bytes")).to_have_text("161")
    name, png = saved(home, "png")
    assert name == "blt-arabic-entropy.png"
    assert png.startswith(b"\x89PNG")
    width, height = (int.from_bytes(png[at : at + 4]) for at in (16, 20))
    assert width == 2400
    assert height > 1200
    name, svg = saved(home, "svg")
    assert name == "blt-arabic-entropy.svg"
    root = ET.fromstring(svg)
    texts = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
    words = re.findall(r"[\u0600-\u06ff]{3,}", home.input_value("#text"))
    assert {word.strip("،") for word in words} <= {text.strip("،.") for text in texts}
    assert {"Entropy", "Space", "cl100k", "o200k"} <= set(texts)
    assert "style" not in svg.decode()


def test_a_picture_of_markup_and_control_characters(home: Page) -> None:
    type_text(home, '<b>&"\x01\n\ttext')
    ET.fromstring(saved(home, "svg")[1])


def test_the_saved_table(home: Page) -> None:
    type_text(home, 'né,"\n🙂')
    name, content = saved(home, "csv")
    assert name == "blt-text-entropy.csv"
    lines = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    assert len(lines) == 10
    assert "".join(line["character"] for line in lines) == 'né,"\n🙂'
    assert bytes(int(line["value"]) for line in lines).decode() == 'né,"\n🙂'
    assert float(lines[0]["probability"]) == pytest.approx(0.5)
    assert float(lines[0]["surprisal_bits"]) == pytest.approx(1)
    starts = home.locator("#count-patches").inner_text()
    assert sum(int(line["starts_patch"]) for line in lines) == int(starts)


def test_the_menu_by_keyboard(home: Page) -> None:
    home.locator("#copy-link").focus()
    home.keyboard.press("Tab")
    home.keyboard.press("Enter")
    expect(home.locator("[data-save=png]")).to_be_visible()
    home.keyboard.press("Tab")
    assert home.evaluate("document.activeElement.dataset.save") == "png"
    home.keyboard.press("Escape")
    expect(home.locator("[data-save=png]")).to_be_hidden()
    assert home.evaluate("document.activeElement.tagName") == "SUMMARY"
    home.keyboard.press("Enter")
    home.locator("h1").click()
    expect(home.locator("[data-save=png]")).to_be_hidden()
    home.locator("#copy-link").focus()
    home.keyboard.press("Shift+Tab")
    assert home.evaluate("document.activeElement.id") == "file"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_nothing(watch: Visit, calibrated: str, scheme: str, width: int) -> None:
    watched = watch(calibrated, width=width, color_scheme=scheme)
    page = ready(watched.page)
    near(page)
    expect(page.locator("tr[data-splitter=cl100k_base] .count")).to_have_text("23")
    page.get_by_role("radio", name="Byte", exact=True).check()
    page.locator("#save summary").click()
    watched.check_access()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_rows_on_a_phone(watch: Visit, calibrated: str) -> None:
    page = ready(watch(calibrated, width=360, height=740, has_touch=True).page)
    near(page)
    canvas = page.locator("tr[data-splitter=cl100k_base] canvas")
    expect(canvas).to_have_attribute("aria-label", re.compile("^Da"))
    box = canvas.bounding_box()
    assert box
    assert box["width"] > 280
    canvas.tap(position={"x": 60, "y": 10})
    expect(page.locator("[data-field=place]")).to_have_text(re.compile(r"Byte \d+ of 79"))
    page.locator(".rows-at").fill("20")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_with_the_network_cut(watch: Visit, calibrated: str) -> None:
    watched = watch(calibrated)
    page = ready(watched.page)
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    page.select_option("#example", "amharic")
    expect(page.locator("#count-bytes")).not_to_have_text("79")
    near(page)
    expect(page.locator("tr[data-splitter=cl100k_base] .count")).to_have_text(
        re.compile(r"^\d{2,}")
    )
    assert page.locator(".waiting").count() == 0
    assert saved(page, "svg")[1].startswith(b"<svg")
    page.fill("#text", "something new")
    expect(page.locator("#status")).to_contain_text("cannot be reached")
    expect(page.locator("#status")).to_contain_text("examples still work")
    watched.forgive("ERR_INTERNET")


def test_printing(home: Page) -> None:
    near(home)
    home.emulate_media(media="print", reduced_motion="reduce")
    for hidden in ("#rule", ".tools", "#theme", "#reading"):
        assert home.locator(hidden).is_hidden(), hidden
    for shown in ("#patches", "#chart .plot", ".rows", ".per-language"):
        assert home.locator(shown).is_visible(), shown
    assert home.pdf().startswith(b"%PDF")
    home.emulate_media(media="screen")
    expect(home.locator("#rule")).to_be_visible()
    assert home.locator("html").get_attribute("data-theme") is None


def test_dark_pages_are_printed_light(watch: Visit, calibrated: str) -> None:
    page = ready(watch(calibrated, color_scheme="dark").page)
    ground = "getComputedStyle(document.documentElement).getPropertyValue('--panel').trim()"
    dark = page.evaluate(ground)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(ground) == "#ffffff"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(ground) == dark


def test_without_a_model_examples_have_all_rows(watch: Visit, site_without_model: Site) -> None:
    page = ready(watch(site_without_model.url).page)
    page.select_option("#example", "german")
    near(page)
    expect(page.locator("tr[data-splitter=entropy] .count")).to_have_text(re.compile(r"^\d+"))
    expect(page.locator("tr[data-splitter=o200k_base] .count")).to_have_text(re.compile(r"^\d+"))
