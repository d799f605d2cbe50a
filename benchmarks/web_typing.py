"""Time from a key press to the changed picture, in Chromium."""

import os
import shutil
from typing import Any

from common import summary
from web_mix import text_of

KEYS = 60
LOOK = """
() => {
  const area = document.querySelector("textarea");
  window.taken = [];
  let pressed = null;
  area.addEventListener("input", () => { pressed = performance.now(); }, true);
  const seen = () => document.querySelector("#count-bytes")?.textContent;
  let before = seen();
  new MutationObserver(() => {
    const now = seen();
    if (now === before || pressed === null) return;
    before = now;
    const began = pressed;
    pressed = null;
    // Painted: the frame after the one that the change waits for.
    requestAnimationFrame(() => requestAnimationFrame(() => taken.push(performance.now() - began)));
  }).observe(document.body, {subtree: true, childList: true, characterData: true});
}
"""


def typing_to_picture(port: int, size: int) -> dict[str, Any] | None:
    """Return milliseconds from a key press to the painted counts, after ``size`` bytes of text.

    Without a browser the result is None.
    """
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if path is None:
        return None
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = ["--headless", "--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        page = browser.new_page(bypass_csp=True)  # waiting for a condition evaluates a string
        page.goto(f"http://127.0.0.1:{port}/")
        page.fill("textarea", text_of(size))
        page.wait_for_function(
            f"document.querySelector('#count-bytes').textContent.replace(/\\D/g, '') === '{size}'"
        )
        page.evaluate(LOOK)
        page.focus("textarea")
        page.keyboard.press("Control+End")
        for number in range(KEYS):
            page.keyboard.type("abcdefgh ij"[number % 11])
            page.wait_for_function(f"taken.length > {number}")
        taken = page.evaluate("taken")
        browser.close()
    return summary([milliseconds / 1000 for milliseconds in taken])
