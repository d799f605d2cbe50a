"""The clients in ``examples/api``, run against the real server: with a BLT, busy, and without."""

import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from app.settings import ROOT
from bytelatent.export import export
from tests import tiny
from tests.app.servers import Served, serving

CLIENTS = ROOT / "examples" / "api"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The app with small models of random weights, exported as one exports one's own."""
    folder = tmp_path_factory.mktemp("served")
    measuring = tiny.entropy_model(folder / "tiny-entropy")
    blt = tiny.blt(folder / "tiny-blt", measuring)
    export(str(measuring))
    export(str(blt))
    with serving(folder / "log.txt", "--model", str(blt)) as served:
        yield served


def run(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check(output: str) -> None:
    """What the Python and the JavaScript client print alike."""
    assert "entropy: tiny-entropy, loaded" in output
    assert "blt: tiny-blt, loaded" in output
    patches = re.search(r"^patches: (.*)$", output, re.M)
    assert patches
    assert patches[1].replace("|", "") == "A BLT has"
    assert re.search(r"^Space.*: 3$", output, re.M)
    assert re.search(r"^data: \S+, \S+$", output, re.M)
    assert len(re.findall(r"^byte \d", output, re.M)) == 8


def test_python(served: Served) -> None:
    check(run(sys.executable, "examples/api/client.py", f"http://127.0.0.1:{served.port}"))


def test_curl(served: Served) -> None:
    output = run("examples/api/client.sh", f"http://127.0.0.1:{served.port}")
    names = "models|patches|compare|gallery|generate"
    _, *pieces = re.split(rf"^({names})$", output, flags=re.MULTILINE)
    parts = dict(zip(pieces[::2], pieces[1::2], strict=True))
    assert json.loads(parts["models"])["blt"]["name"] == "tiny-blt"
    assert json.loads(parts["patches"])["bytes"] == 9
    assert [row["splitter"] for row in json.loads(parts["compare"])["rows"]] == ["entropy", "space"]
    assert len(json.loads(parts["gallery"])["data"]) == 2
    assert parts["generate"].count("event: byte") == 8
    assert parts["generate"].count("event: done") == 1


@pytest.mark.skipif(not shutil.which("node"), reason="tests/browser runs it too")
def test_javascript_in_node(served: Served) -> None:
    check(run("node", "examples/api/client.mjs", f"http://127.0.0.1:{served.port}"))


class Busy(BaseHTTPRequestHandler):
    """Sends everybody away once, and then refuses what they ask."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        first = len(self.asked) == 1
        body = json.dumps({"status": 404, "detail": "There is nothing of this name here."}).encode()
        self.send_response(429 if first else 404)
        if first:
            self.send_header("Retry-After", "0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(
    "command", [[sys.executable, "examples/api/client.py"], ["node", "examples/api/client.mjs"]]
)
def test_a_busy_server_is_asked_again_and_a_problem_is_told(command: list[str]) -> None:
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not here")
    Busy.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Busy) as server:
        threading.Thread(target=server.serve_forever).start()
        url = f"http://127.0.0.1:{server.server_port}"
        done = subprocess.run([*command, url], cwd=ROOT, capture_output=True, text=True, timeout=60)
        server.shutdown()
    assert Busy.asked == ["/api/model", "/api/model"]
    assert done.returncode == 1
    assert "404: There is nothing of this name here." in done.stderr
