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
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import make_server

from app import create_app
from app.examples import write_examples
from app.generator import TextMaker
from app.model import LiveModel
from app.settings import Settings
from app.traces import write_traces
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
        complaints: console errors and warnings, uncaught errors, failed requests.
        hosts: every host that was asked for something.
    """

    page: Page
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

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
def watch(chromium: Browser) -> Iterator[object]:
    """Opens a URL in a fresh page; at the end nothing may have gone wrong in any of them."""
    opened: list[Watched] = []

    def visit(url: str, *, width: int = 1280, height: int = 900, **options: object) -> Watched:
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)  # type: ignore[arg-type]
        watched = Watched(context.new_page())
        page = watched.page
        page.set_default_timeout(15_000)
        page.on(
            "console",
            lambda message: (
                message.type in ("error", "warning") and watched.complaints.append(message.text)
            ),
        )
        page.on("pageerror", lambda error: watched.complaints.append(str(error)))
        page.on(
            "request",
            lambda request: (
                request.url.startswith("http") and watched.hosts.add(request.url.split("/")[2])
            ),
        )
        opened.append(watched)
        page.goto(url)
        return watched

    yield visit
    for watched in opened:
        assert watched.complaints == []
        assert len(watched.hosts) == 1
        watched.page.context.close()
