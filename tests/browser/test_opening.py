"""Texts that take the place of another: pasted, dropped, opened, chosen; and taking that back."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, Watched

Visit = Callable[..., Watched]

PATHS = ["/", "/graph"]
"""Pages into which files can be opened."""

CELLS = "name\tbytes\nBLT\t8\n"
PICTURE = {"name": "image.png", "type": "image/png", "text": "\x89PNG\ufffd"}
NOTES = {"name": "notes.txt", "type": "text/plain", "text": "from the file"}

SEND = """([kind, texts, files, target]) => {
  const transfer = new DataTransfer();
  for (const [type, text] of Object.entries(texts)) transfer.setData(type, text);
  for (const { name, type, text } of files) transfer.items.add(new File([text], name, { type }));
  const place = document.querySelector(target);
  const send = (name) => place.dispatchEvent(kind === "paste"
    ? new ClipboardEvent(name, { clipboardData: transfer, bubbles: true, cancelable: true })
    : new DragEvent(name, { dataTransfer: transfer, bubbles: true, cancelable: true }));
  if (kind === "drop") {
    send("dragenter");
    send("dragover");
  }
  return send(kind);
}"""
"""Sends what a paste or a drop sends; returns whether it is left to the browser."""


def visit(watch: Visit, site: Site, path: str) -> Page:
    page = watch(site.url + path, permissions=["clipboard-read", "clipboard-write"]).page
    if path == "/":
        page.wait_for_selector("#chart .curve")
    return page


def send(
    page: Page, kind: str, texts: dict[str, str], *files: dict[str, str], target: str = "#text"
) -> bool:
    return bool(page.evaluate(SEND, [kind, texts, list(files), target]))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", ["paste", "drop"])
def test_text_wins_over_its_picture(watch: Visit, site: Site, path: str, kind: str) -> None:
    """A spreadsheet and a word processor offer the cells or the words and a picture of them."""
    page = visit(watch, site, path)
    texts = {"text/plain": CELLS, "text/html": "<table><tr><td>name</table>"}
    assert send(page, kind, texts, PICTURE), "left to the browser, which puts the text in"
    expect(page.locator("#status")).not_to_contain_text("image.png")


@pytest.mark.parametrize("path", PATHS)
def test_copied_cells_are_pasted(watch: Visit, site: Site, path: str) -> None:
    """By the clipboard and the keys themselves."""
    page = visit(watch, site, path)
    page.evaluate(
        """async (text) => {
          const canvas = new OffscreenCanvas(4, 4);
          canvas.getContext("2d").fillRect(0, 0, 4, 4);
          const png = await canvas.convertToBlob({ type: "image/png" });
          const plain = new Blob([text], { type: "text/plain" });
          const item = new ClipboardItem({ "text/plain": plain, "image/png": png });
          await navigator.clipboard.write([item]);
        }""",
        CELLS,
    )
    page.fill("#text", "")
    page.locator("#text").focus()
    page.keyboard.press("Control+v")
    expect(page.locator("#text")).to_have_value(CELLS)
    expect(page.locator("#typed")).to_contain_text(f"{len(CELLS)} of")


def test_text_dropped_beside_the_field_is_opened(watch: Visit, site: Site) -> None:
    page = visit(watch, site, "/")
    texts = {"text/plain": CELLS, "text/html": "<table><tr><td>name</table>"}
    assert not send(page, "drop", texts, PICTURE, target="h1")
    expect(page.locator("#count-bytes")).to_have_text(str(len(CELLS)))
    assert page.input_value("#text") == CELLS
    assert page.locator(".entry.over").count() == 0


@pytest.mark.parametrize("kind", ["paste", "drop"])
def test_a_picture_alone_is_refused(watch: Visit, site: Site, kind: str) -> None:
    page = visit(watch, site, "/graph")
    before = page.input_value("#text")
    for texts in (
        {},
        {"text/html": '<img src="https://example.org/image.png">'},
        {"text/plain": "image.png"},
        {"text/plain": "https://example.org/a", "text/uri-list": "https://example.org/a"},
    ):
        assert not send(page, kind, texts, PICTURE | {"text": "\0"})
        expect(page.locator("#status")).to_contain_text("image.png is no text")
        assert page.input_value("#text") == before


@pytest.mark.parametrize("kind", ["paste", "drop"])
@pytest.mark.parametrize(
    "names", ["notes.txt", "/home/someone/notes.txt", "file:///home/some%20one/notes.txt\r\n"]
)
def test_the_name_of_a_file_is_not_its_text(
    watch: Visit, site: Site, kind: str, names: str
) -> None:
    """File managers offer names and places of files as text beside the files."""
    page = visit(watch, site, "/")
    assert not send(page, kind, {"text/plain": names}, NOTES)
    expect(page.locator("#text")).to_have_value("from the file")


def open_file(page: Page, text: str) -> None:
    file = {"name": "notes.txt", "mimeType": "text/plain", "buffer": text.encode()}
    page.set_input_files("#file", file)
    expect(page.locator("#text")).to_have_value(text)


def write(page: Page, words: str) -> None:
    page.locator("#text").click()
    page.keyboard.press("Control+a")
    page.keyboard.type(words)


OPENED = ["", "<b>&amp;\n\n  two  spaces\t</b> \n", "\ufeff\u202e🙂 \u2028x", "ab\n" * 5_000]


@pytest.mark.parametrize("path", PATHS)
def test_opening_a_file_is_one_step_to_undo(watch: Visit, site: Site, path: str) -> None:
    page = visit(watch, site, path)
    write(page, "typed by hand")
    for text in OPENED:
        open_file(page, text)
        page.locator("#text").focus()
        page.keyboard.press("Control+z")
        expect(page.locator("#text")).to_have_value("typed by hand")
        expect(page.locator("#typed")).to_contain_text("13 of")
        page.keyboard.press("Control+Shift+z")
        expect(page.locator("#text")).to_have_value(text)
        page.keyboard.press("Control+z")
        expect(page.locator("#text")).to_have_value("typed by hand")
    if path == "/":
        expect(page.locator("#count-bytes")).to_have_text("13")


def test_undoing_keeps_the_line_ends_of_each_text(watch: Visit, site: Site) -> None:
    """A file with CR LF takes the place of a text with LF, and the other way round."""
    page = visit(watch, site, "/")
    write(page, "a\nb")
    count = page.locator("#count-bytes")
    expect(count).to_have_text("3")
    page.set_input_files("#file", {"name": "a.txt", "mimeType": "", "buffer": b"one\r\ntwo\r\n"})
    expect(count).to_have_text("10")
    page.locator("#text").focus()
    for key, size in (("z", "3"), ("Shift+z", "10"), ("z", "3")):
        page.keyboard.press(f"Control+{key}")
        expect(count).to_have_text(size)


def test_opening_moves_neither_the_focus_nor_the_page(watch: Visit, site: Site) -> None:
    page = watch(site.url, height=500).page
    page.wait_for_selector("#chart .curve")
    write(page, "typed by hand")
    page.locator("#copy-link").focus()
    page.evaluate("scrollTo(0, 300)")
    assert not send(page, "drop", {}, NOTES)
    expect(page.locator("#text")).to_have_value("from the file")
    assert page.evaluate("[document.activeElement.id, scrollY]") == ["copy-link", 300]


CHOICES = [
    ("/", "#text", "#example"),
    ("/generate", "#prompt", "#recorded"),
]
"""Pages with a field and a list whose texts take the place of what is in it."""


@pytest.mark.parametrize(("path", "field", "choice"), CHOICES)
def test_choosing_an_example_is_one_step_to_undo(
    watch: Visit, site: Site, path: str, field: str, choice: str
) -> None:
    page = watch(site.url + path, reduced_motion="reduce").page
    page.wait_for_selector("#bench.ready")
    values = page.eval_on_selector_all(f"{choice} option", "all => all.map(e => e.value)")
    page.locator(field).click()
    page.keyboard.press("Control+a")
    page.keyboard.type("typed by hand")
    page.select_option(choice, values[-1])
    expect(page.locator(field)).not_to_have_value("typed by hand")
    page.locator(field).focus()
    page.keyboard.press("Control+z")
    expect(page.locator(field)).to_have_value("typed by hand")


@pytest.mark.parametrize("path", ["/", "/generate"])
def test_back_brings_back_what_was_typed_the_moment_before(
    watch: Visit, site: Site, path: str
) -> None:
    """The address is written a moment after the last key, which opening must not forestall."""
    page = watch(site.url + path, reduced_motion="reduce").page
    page.wait_for_selector("#bench.ready")
    field, choice = ("#text", "#example") if path == "/" else ("#prompt", "#recorded")
    values = page.eval_on_selector_all(f"{choice} option", "all => all.map(e => e.value)")
    page.evaluate(
        """([field, choice, value]) => {
          const [text, list] = [field, choice].map((name) => document.querySelector(name));
          text.value = "typed by hand";
          text.dispatchEvent(new Event("input", { bubbles: true }));
          list.value = value;
          list.dispatchEvent(new Event("change", { bubbles: true }));
        }""",
        [field, choice, values[-1]],
    )
    expect(page.locator(field)).not_to_have_value("typed by hand")
    expect(page).to_have_url(f"{site.url}{path}#{choice[1:]}={values[-1]}")
    page.go_back()
    expect(page.locator(field)).to_have_value("typed by hand")


def test_back_from_a_file_is_one_step(watch: Visit, site: Site) -> None:
    page = visit(watch, site, "/")
    write(page, "typed by hand")
    page.set_input_files("#file", {"name": "a.txt", "mimeType": "", "buffer": b"from the file"})
    expect(page.locator("#text")).to_have_value("from the file")
    expect(page).to_have_url(f"{site.url}/#text=from+the+file")
    page.go_back()
    expect(page.locator("#text")).to_have_value("typed by hand")
    expect(page.locator("#count-bytes")).to_have_text("13")
    page.locator("#text").focus()
    page.keyboard.press("Control+z")
    expect(page.locator("#text")).to_have_value("from the file")


def real_drop(page: Page, texts: dict[str, str], files: list[Path]) -> None:
    """Drop as the browser gets it from the system, on the field."""
    box = page.locator("#text").bounding_box()
    assert box is not None
    data = {
        "items": [{"mimeType": kind, "data": text} for kind, text in texts.items()],
        "files": [str(path) for path in files],
        "dragOperationsMask": 1,
    }
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send(
            "Input.dispatchDragEvent",
            {"type": kind, "x": box["x"] + 20, "y": box["y"] + 20, "data": data},
        )


def test_a_drop_from_the_system(watch: Visit, site: Site, tmp_path: Path) -> None:
    (tmp_path / "image.png").write_bytes(b"\x89PNG\0")
    (tmp_path / "notes.txt").write_text("from the file")
    page = visit(watch, site, "/")
    page.fill("#text", "")
    real_drop(page, {"text/plain": CELLS}, [tmp_path / "image.png"])
    expect(page.locator("#text")).to_have_value(CELLS)
    expect(page.locator("#count-bytes")).to_have_text(str(len(CELLS)))
    real_drop(page, {"text/plain": str(tmp_path / "notes.txt")}, [tmp_path / "notes.txt"])
    expect(page.locator("#text")).to_have_value("from the file")
    assert page.url.startswith(site.url)
