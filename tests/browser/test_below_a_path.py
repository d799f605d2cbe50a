"""The real server behind a proxy that takes a prefix off, as JupyterHub's does, in a browser."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.app.servers import serving
from tests.browser.conftest import Watched

Visit = Callable[..., Watched]
PREFIX = "/user/someone/proxy/5000"
PASSED_ON = ("Host", "Accept", "Accept-Encoding", "Content-Type", "Cookie")


@contextmanager
def proxy(port: int) -> Iterator[str]:
    """Proxy that passes on what is below the prefix, without it, and names it in a header."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not self.path.startswith(f"{PREFIX}/"):
                self.send_error(404)
                return
            size = int(self.headers.get("Content-Length", 0))
            headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=180)
            with closing(connection):
                connection.request(
                    self.command,
                    self.path.removeprefix(PREFIX),
                    self.rfile.read(size),
                    headers | {"X-Forwarded-Prefix": PREFIX},
                )
                response = connection.getresponse()
                body = response.read()
            self.send_response(response.status)
            for name, value in response.getheaders():
                if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}{PREFIX}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("prefix", [PREFIX, "forwarded"])
def test_the_app_works_below_a_path(watch: Visit, tmp_path: Path, prefix: str) -> None:
    """Styles and scripts load, a text is measured, the gallery and its pages open."""
    with serving(tmp_path / "log.txt", BLT_PREFIX=prefix) as served, proxy(served.port) as url:
        watched = watch(f"{url}/")
        page = watched.page
        missing: list[str] = []
        page.on("response", lambda r: missing.append(r.url) if r.status >= 400 else None)
        page.wait_for_selector("#chart .curve")
        display = page.locator("header.top").evaluate("e => getComputedStyle(e).display")
        assert display == "flex"
        page.fill("#text", "measured below a path")
        expect(page.locator("#count-bytes")).to_have_text("21")
        page.get_by_role("link", name="Gallery", exact=True).click()
        page.wait_for_selector("#filter.live")
        page.fill("#filter [name=q]", "entropy")
        expect(page.locator("#found")).to_contain_text("of")
        assert page.url == f"{url}/gallery?q=entropy"
        page.locator("#cards .card h2 a, #cards .card h3 a").first.click()
        page.wait_for_selector("iframe.figure, img.figure")
        assert page.url.startswith(f"{url}/artifact/")
        for name in ("Training", "Graph", "Inside", "Generate", "Scaling", "API"):
            page.get_by_role("navigation", name="Main").get_by_role("link", name=name).click()
            page.wait_for_load_state()
            assert page.url.startswith(f"{url}/")
        page.goto(f"{url}/training")
        page.wait_for_selector("[data-measure=bits_per_byte] path.line")
        page.goto(f"{url}/graph")
        page.fill("#text", "Ann met Bob. Bob met Ann.")
        page.locator("#make button").last.click()
        page.wait_for_selector(".gv-canvas canvas")
        assert missing == []
