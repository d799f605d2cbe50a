"""A real server and a real browser; one browser for all tests, a fresh page for each."""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright
from werkzeug.serving import make_server

from app import create_app
from app.models.generator import TextMaker
from app.models.live_model import LiveModel
from app.precompute.examples import write_examples
from app.precompute.traces import write_traces
from app.settings import Settings
from tests.app.fakes import SHAPES, FakeBlt, FakeModel

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

BUSY = 60_000
"""Milliseconds that a page may take on a busy machine, also until an expectation holds."""

expect.set_options(timeout=BUSY)

TOLD = ("net::ERR_ABORTED", "csp")
"""Failures that are no complaint: of what a page takes back, and of what a policy forbids. About
that the console complains, except where it is scripts that are off: then nothing is wrong."""


@dataclass
class Site:
    """A running server.

    Attributes:
        url: where it answers.
        model: what it asks.
        blt: what makes its texts.
        folder: holds ``demo_output`` and ``plot_data``.
    """

    url: str
    model: FakeModel
    blt: FakeBlt
    folder: Path


@dataclass
class Watched:
    """A page, and everything it complained about or fetched.

    Attributes:
        page: the page itself.
        complaints: console errors and warnings, uncaught errors, failed requests; those that the
            page has taken back itself are none.
        hosts: every host that was asked for something.
    """

    page: Page
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._asked)
        self.page.on("requestfailed", self._failed)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _asked(self, request: Request) -> None:
        if request.url.startswith("http"):
            self.hosts.add(request.url.split("/")[2])

    def _failed(self, request: Request) -> None:
        if request.failure not in TOLD:
            self.complaints.append(f"{request.method} {request.url}: {request.failure}")

    def forgive(self, words: str) -> None:
        """Forget the complaints with these words; there must have been some."""
        left = [text for text in self.complaints if words not in text]
        assert len(left) < len(self.complaints), f"nothing about {words}: {left}"
        self.complaints[:] = left

    def check_access(self) -> None:
        """Fail where axe finds something that keeps people out."""
        found = Axe().run(self.page)
        assert found.violations_count == 0, found.generate_report()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = (
        os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    )
    if not path:
        pytest.fail(
            "The browser tests need Chromium: apt-get install chromium, "
            "or set CHROMIUM to the path of one."
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def serve(app: Flask) -> Iterator[str]:
    """Serve ``app`` from a thread; gives the URL where."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def start(folder: Path, *, with_model: bool) -> Iterator[Site]:
    for name in ("demo_output", "plot_data"):
        (folder / name).mkdir()
    settings = Settings(
        model_folder=folder / "none",
        blt_folder=folder / "none",
        demo_output=folder / "demo_output",
        plot_data=folder / "plot_data",
    )
    fake, blt = FakeModel(), FakeBlt()
    maker = TextMaker(blt, SHAPES)
    write_examples(LiveModel(fake), settings.examples_file)
    write_traces(maker, settings.traces_file)
    (folder / "demo_output" / "figure.html").write_text(
        "<!doctype html><title>Figure</title><style>p{color:green}</style>"
        '<script src="../static/vendor/plotly-basic.min.js"></script><div id="p"></div>'
        '<script>Plotly.newPlot("p", [{y: [1, 2]}]).then(() => document.title = "drawn")</script>',
        encoding="utf-8",
    )
    app = create_app(settings, *((LiveModel(fake), maker) if with_model else ()))
    with serve(app) as url:
        yield Site(url, fake, blt, folder)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    yield from start(tmp_path_factory.mktemp("site"), with_model=True)


@pytest.fixture(scope="session")
def site_without_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    yield from start(tmp_path_factory.mktemp("bare"), with_model=False)


@pytest.fixture
def usual(site: Site) -> Iterator[None]:
    """The BLT as it was, whatever a test has made of it."""
    yield
    site.blt.pause, site.blt.fails_at, site.blt.words = 0.0, None, FakeBlt().words


@pytest.fixture
def watch(chromium: Browser) -> Iterator[object]:
    """Opens a URL in a fresh page; at the end nothing may have gone wrong in any of them."""
    opened: list[Watched] = []

    def visit(url: str, *, width: int = 1280, height: int = 900, **options: object) -> Watched:
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)  # type: ignore[arg-type]
        watched = Watched(context.new_page())
        watched.page.set_default_timeout(BUSY)
        opened.append(watched)
        watched.page.goto(url)
        return watched

    yield visit
    for watched in opened:
        assert watched.complaints == []
        assert len(watched.hosts) == 1
        watched.page.context.close()
