"""Screenshots of the pages: ``python dev/screenshots.py OUT [--base URL] [--only gallery ...]``.

A server must run at the base URL. Each page is captured light and dark, wide and narrow.
"""

import argparse
import os
import shutil
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PAGES = {
    "home": ("/", "#chart .curve"),
    "generate": ("/generate", "#made .u:nth-of-type(70)"),
    "model": ("/model", "#scroller .heat"),
    "graph": ("/graph", "body[data-drawn=yes]"),
    "training": ("/training", "body[data-drawn=yes]"),
    "scaling": ("/scaling", "body[data-drawn=yes]"),
    "gallery": ("/gallery", "#cards"),
    "artifact": ("/artifact/entropy_figure", "iframe"),
    "api": ("/api", "main"),
}
"""Path of each page, and the selector of an element that exists once the page is drawn."""
WIDTHS = {"": 1280, "-phone": 360}


def shoot(page: Page, address: str, drawn: str, path: Path) -> None:
    """Capture the first screen of a page, and the whole page."""
    page.goto(address)
    page.wait_for_selector(drawn)
    page.wait_for_timeout(500)
    page.screenshot(path=path.with_name(f"{path.stem}-first.png"))
    page.evaluate(  # pictures load and are drawn when they come near
        "Promise.all([...document.images].map((image) => {"
        " image.loading = 'eager'; return image.decode().catch(() => null); }))"
    )
    page.evaluate("document.querySelector('.gv-canvas')?.scrollIntoView()")  # drawn when it is near
    page.wait_for_timeout(300)
    page.wait_for_function("!document.querySelector('.gv-canvas:not(:has(canvas))')")
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(300)
    page.screenshot(path=path, full_page=True)


def main() -> None:
    """Capture screenshots of the chosen pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--base", default="http://127.0.0.1:5000")
    parser.add_argument("--only", nargs="+", choices=PAGES, default=list(PAGES), metavar="PAGE")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for scheme in ("light", "dark"):
            for suffix, width in WIDTHS.items():
                page = browser.new_page(
                    viewport={"width": width, "height": 900},
                    color_scheme=scheme,
                    device_scale_factor=1.5,
                )
                for name in options.only:
                    address, drawn = PAGES[name]
                    path = options.out / f"{name}-{scheme}{suffix}.png"
                    shoot(page, options.base.rstrip("/") + address, drawn, path)
                page.close()
        browser.close()


if __name__ == "__main__":
    main()
