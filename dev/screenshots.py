"""The page as it looks: ``python dev/screenshots.py OUT [--base URL]`` against a running server."""

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
WIDTHS = {"": 1280, "-phone": 360}


def shoot(page: Page, base: str, path: Path, *, whole: bool) -> None:
    """One picture of the home page once its chart is drawn."""
    page.goto(base)
    page.wait_for_selector("#chart .main-svg")
    if whole:  # thumbnails load and are drawn when they come near
        page.locator("#gallery").scroll_into_view_if_needed()
        page.evaluate(
            "Promise.all([...document.images].map((image) => {"
            " image.loading = 'eager'; return image.decode(); }))"
        )
    page.wait_for_timeout(500)
    page.screenshot(path=path, full_page=whole)


def main() -> None:
    """Light and dark, wide and narrow; the first view, and the whole page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--base", default="http://127.0.0.1:5000/")
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
                for name, whole in (("page", False), ("whole", True)):
                    path = options.out / f"{name}-{scheme}{suffix}.png"
                    shoot(page, options.base, path, whole=whole)
                page.close()
        browser.close()


if __name__ == "__main__":
    main()
