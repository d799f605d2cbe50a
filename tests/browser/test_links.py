"""Links: the whole view stands in the fragment; back and reload bring views back."""

import re
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, Watched
from tests.browser.test_live import ready, starts, type_text

Visit = Callable[..., Watched]
LIMIT = 65536


@pytest.fixture
def home(watch: Visit, site: Site) -> Page:
    return ready(watch(site.url, permissions=["clipboard-read", "clipboard-write"]).page)


def copied(page: Page) -> str:
    page.locator("#copy-link").click()
    expect(page.locator("#status")).to_contain_text("is copied")
    return str(page.evaluate("navigator.clipboard.readText()"))


def packed(text: str) -> str:
    deflate = zlib.compressobj(wbits=-15)
    data = deflate.compress(text.encode()) + deflate.flush()
    return urlsafe_b64encode(data).decode().rstrip("=")


@pytest.mark.parametrize(
    "text", ["hé cat & dog #1, of all", "the cat sat on the mat, " * 30 + "مرحبا 🙂"]
)
def test_a_link_reproduces_the_view(home: Page, watch: Visit, site: Site, text: str) -> None:
    type_text(home, text)
    home.get_by_role("radio", name="Combined", exact=True).check()
    home.fill("#exact", "1.25")
    home.fill("#add", "0.1")
    home.fill("#longest", "9")
    home.locator("#patches .u").nth(3).click()
    home.locator("#zoom-in").click()
    link = copied(home)
    assert link.startswith(f"{site.url}/#")
    other = watch(link)
    asked: list[str] = []
    other.page.on("request", lambda request: asked.append(request.url))
    page = ready(other.page)
    expect(page.locator("#count-bytes")).to_have_text(home.locator("#count-bytes").inner_text())
    assert page.input_value("#text") == text
    assert page.get_by_role("radio", name="Combined", exact=True).is_checked()
    assert starts(page) == starts(home)
    for field in ("#exact", "#add", "#longest"):
        assert page.input_value(field) == home.input_value(field)
    for words in ("[data-field=place]", "#window-words", "#count-patches", "#count-mean"):
        expect(page.locator(words)).to_have_text(home.locator(words).inner_text())
    assert not any("#" in url or "z=" in url for url in asked), "fragments are not sent"


def test_a_link_to_an_example_is_short(home: Page, watch: Visit, site: Site) -> None:
    home.select_option("#example", "german")
    expect(home.locator("#count-bytes")).to_have_text("134")
    home.get_by_role("radio", name="Space", exact=True).check()
    link = copied(home)
    assert link == f"{site.url}/#example=german&rule=space"
    asked = len(site.model.asked)
    page = ready(watch(link).page)
    expect(page.locator("#count-bytes")).to_have_text("134")
    assert page.input_value("#example") == "german"
    assert len(site.model.asked) == asked


def test_the_page_as_it_begins_has_no_fragment(home: Page, site: Site) -> None:
    assert copied(home) == f"{site.url}/"


@pytest.mark.parametrize("bytes_", ["hello", "", "\r\n\0", "x" * 5000])
def test_both_forms_of_a_text(watch: Visit, site: Site, bytes_: str) -> None:
    page = watch(site.url).page
    view = {"text": bytes_, "byte": 0}
    found = page.evaluate(
        """async (view) => {
          const { decodeView, encodeView } = await import("/static/js/link.js");
          const packed = await encodeView(view);
          const stream = CompressionStream;
          delete window.CompressionStream;
          const plain = await encodeView(view);
          window.CompressionStream = stream;
          const views = [packed, plain].map((fragment) => decodeView(fragment, 65536, []));
          return [packed, plain, ...(await Promise.all(views))];
        }""",
        view,
    )
    packed_form, plain_form, *views = found
    assert views == [view, view]
    assert len(packed_form) <= len(plain_form)
    assert "text=" in plain_form


BROKEN = {
    "z=!!!": "damaged",
    "z=AAAA": "damaged",
    "z=" + packed("\ud800abc".encode("utf-8", "surrogatepass").decode("latin-1"))[:-3]: "damaged",
    "z=" + packed("x" * 20_000_000): "too long",
    "text=" + "x" * (LIMIT + 1): "too long",
    "rule=nonsense": "rule that is not known",
    "rule=space&threshold=much": "threshold is no number",
    "threshold=-1": "threshold is no number",
    "threshold=": "threshold is no number",
    "byte=1.5": "byte is no number",
    "<img src=x>=1": "unknown part",
    "__proto__=1": "unknown part",
}


@pytest.mark.parametrize("fragment", BROKEN, ids=lambda fragment: fragment[:24])
def test_a_broken_link_is_ignored(watch: Visit, site: Site, fragment: str) -> None:
    page = ready(watch(f"{site.url}/#{fragment}").page)
    expect(page.locator("#status")).to_contain_text("The link is broken and was ignored")
    expect(page.locator("#status")).to_contain_text(BROKEN[fragment])
    expect(page.locator("#count-bytes")).to_have_text("79")
    assert page.locator("#status img").count() == 0
    assert page.url == f"{site.url}/"
    type_text(page, "goes on")
    expect(page.locator("#status")).to_have_text("")


def test_an_example_that_is_not_here(watch: Visit, site: Site) -> None:
    page = ready(watch(f"{site.url}/#example=klingon").page)
    expect(page.locator("#status")).to_contain_text("not here")
    expect(page.locator("#count-bytes")).to_have_text("79")


def test_a_byte_beyond_the_text(watch: Visit, site: Site) -> None:
    page = ready(watch(f"{site.url}/#text=abc&byte=700&from=500&shown=20").page)
    expect(page.locator("#count-bytes")).to_have_text("3")
    expect(page.locator("[data-field=place]")).to_have_text(re.compile("of 3$"))


def settled(page: Page, fragment: str) -> None:
    """Wait until the address follows."""
    page.wait_for_function("wanted => location.hash === wanted", arg=fragment)


def test_what_is_slow_to_write_does_not_cover_what_came_later(watch: Visit, site: Site) -> None:
    page = ready(watch(site.url).page)
    last = page.evaluate(
        """async () => {
          const { Address } = await import("/static/js/address.js");
          let view = { number: 1, pause: 200 };
          const after = (pause) => new Promise((done) => setTimeout(() => done("a"), pause));
          const encodeView = ({ pause }) => after(pause);
          const address = new Address({ read: () => view }, { encodeView });
          const first = address.write();
          await after(20); // it is being written
          view = { number: 2, pause: 0 };
          await Promise.all([first, address.write()]);
          return history.state.view.number;
        }"""
    )
    assert last == 2


def test_the_back_button(watch: Visit, site: Site) -> None:
    page = ready(watch(site.url, bypass_csp=True).page)  # waiting evaluates a string
    count = page.locator("#count-bytes")
    page.select_option("#example", "german")
    settled(page, "#example=german")
    page.get_by_role("radio", name="Byte", exact=True).check()
    settled(page, "#example=german&rule=byte")
    page.locator("#text").press_sequentially("!")
    page.wait_for_function("location.hash.includes('z=') || location.hash.includes('text=')")
    expect(count).to_have_text("135")
    page.go_back()
    settled(page, "#example=german&rule=byte")
    expect(count).to_have_text("134")
    assert page.get_by_role("radio", name="Byte", exact=True).is_checked()
    page.go_back()
    settled(page, "#example=german")
    expect(page.locator("#count-patches")).not_to_have_text("134")
    page.go_back()
    settled(page, "")
    expect(count).to_have_text("79")
    assert page.input_value("#example") == "english"
    page.go_forward()
    expect(count).to_have_text("134")


def test_typing_is_one_step_back(watch: Visit, site: Site) -> None:
    page = ready(watch(site.url, bypass_csp=True).page)
    page.fill("#text", "")
    for word in ("first", " second", " third"):
        page.locator("#text").press_sequentially(word)
        page.wait_for_timeout(600)
    expect(page.locator("#count-bytes")).to_have_text("18")
    page.go_back()
    expect(page.locator("#count-bytes")).to_have_text("79")
    page.go_forward()
    expect(page.locator("#count-bytes")).to_have_text("18")
    assert page.input_value("#text") == "first second third"


def test_a_reload_keeps_the_view(watch: Visit, site: Site) -> None:
    page = ready(watch(site.url, bypass_csp=True).page)
    type_text(page, "kept over a reload")
    page.get_by_role("radio", name="Static", exact=True).check()
    page.wait_for_function("location.hash.includes('rule=static')")
    page.reload()
    ready(page)
    expect(page.locator("#count-bytes")).to_have_text("18")
    assert page.input_value("#text") == "kept over a reload"
    assert starts(page) == [0, 4, 8, 12, 16]


def test_a_place_on_the_page_is_no_link(watch: Visit, site: Site) -> None:
    page = ready(watch(f"{site.url}/#reading").page)
    expect(page.locator("#status")).to_have_text("")
    type_text(page, "some words")
    page.evaluate("location.hash = 'main'")
    page.wait_for_timeout(200)
    expect(page.locator("#count-bytes")).to_have_text("10")


def test_without_a_clipboard(watch: Visit, site: Site) -> None:
    page = ready(watch(site.url).page)
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error()); }")
    type_text(page, "hello")
    page.locator("#copy-link").click()
    expect(page.locator("#status")).to_contain_text("address bar")
    expect(page).to_have_url(f"{site.url}/#text=hello")
