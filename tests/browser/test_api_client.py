"""``examples/api/client.mjs`` in a browser, where it needs no change either."""

from playwright.sync_api import Browser

from app.settings import ROOT
from tests.browser.conftest import Site


def test_the_client_runs_in_a_browser(site: Site, chromium: Browser) -> None:
    source = (ROOT / "examples" / "api" / "client.mjs").read_text(encoding="utf-8")
    code, _, _ = source.replace("export class", "class").partition("if (globalThis.process")
    page = chromium.new_page()
    page.goto(site.url)  # of the same origin, so that nothing has to be allowed
    lines = page.evaluate(
        "async () => {"
        "const lines = [], console = {log: (...words) => lines.push(words.join(' '))};"
        f"{code}; await main(location.origin); return lines; }}"
    )
    assert lines[0] == "entropy: none, loaded"
    assert next(line for line in lines if line.startswith("patches: ")).count("|") == 2
    assert lines[-1].startswith(("no text was made: 503", "byte 7"))
    page.close()
