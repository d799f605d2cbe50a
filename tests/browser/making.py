"""What tests of the page that makes text share: opening it, and having it make one."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, Watched

Visit = Callable[..., Watched]
BYTES = 160
"""Of a recorded text."""

STILL = {"reduced_motion": "reduce"}


def visit(watch: Visit, site: Site, **options: object) -> Page:
    page = watch(f"{site.url}/generate", **options).page
    page.wait_for_selector("#bench.ready")
    return page


def count(page: Page) -> int:
    return int(page.locator("#count-bytes").inner_text())


def generate(page: Page, prompt: str = "Once", *, size: int = 24, draft: str = "") -> None:
    page.fill("#prompt", prompt)
    page.fill("[name=max_bytes]", str(size))
    page.select_option("[name=speculate]", draft)
    page.get_by_role("button", name="Generate").click()


def made(page: Page, prompt: str = "Once", *, size: int = 24, draft: str = "") -> None:
    generate(page, prompt, size=size, draft=draft)
    expect(page.locator("#status")).to_contain_text("Done")


def shown(page: Page) -> str:
    return "".join(page.locator("#made .u").all_text_contents())
