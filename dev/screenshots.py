"""Screenshots of the pages: ``python dev/screenshots.py OUT [--base URL] [--only gallery ...]``.

A server must run at the base URL. Each page is captured light and dark, wide and narrow.
"""

import argparse
import os
import shutil
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from app.pages import PAGES

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDTHS = {"": 1280, "-phone": 360}


def shoot(page: Page, address: str, drawn: str, path: Path) -> None:
    """Capture the first screen of a page, and the whole page."""
    page.goto(address)
    page.wait_for_load_state("networkidle")
    page.evaluate("document.querySelector('.gv-canvas')?.scrollIntoView()")  # drawn when it is near
    page.wait_for_selector(drawn)
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(500)
    page.screenshot(path=path.with_name(f"{path.stem}-first.png"))
    page.evaluate(  # pictures load and are drawn when they come near
        "Promise.all([...document.images].map((image) => {"
        " image.loading = 'eager'; return image.decode().catch(() => null); }))"
    )
    page.wait_for_timeout(300)
    page.screenshot(path=path, full_page=True)


def main() -> None:
    """Capture screenshots of the chosen pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--base", default="http://127.0.0.1:5000")
    names = [page.name for page in PAGES]
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="PAGE")
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
                    reduced_motion="reduce",  # texts are shown whole, not as they are written
                )
                for record in PAGES:
                    if record.name in options.only:
                        path = options.out / f"{record.name}-{scheme}{suffix}.png"
                        address = options.base.rstrip("/") + record.address
                        shoot(page, address, record.ready, path)
                page.close()
        browser.close()


if __name__ == "__main__":
    main()
