"""The server as it is started: a real socket, real processes, one clear line on a bad model."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from app import create_app
from app.settings import ROOT, Settings, address
from tests.app.servers import Served, read_all, serving


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("model")
    (folder / "model.onnx").write_bytes(b"not a model")
    with serving(folder / "log.txt", "--model", str(folder)) as served:
        yield served


def test_a_damaged_model_is_one_clear_line(damaged: Served) -> None:
    written = damaged.log.read_text()
    about = [line for line in written.splitlines() if "model.onnx" in line]
    assert len(about) == 1, written
    assert "Traceback" not in written
    status, body = damaged.get("/healthz")
    assert status == 200
    assert json.loads(body)["status"] == "degraded"
    assert damaged.get("/readyz")[0] == 503
    assert damaged.get("/")[0] == 200
    assert damaged.get("/api/visualizations")[0] == 200


@pytest.mark.parametrize("route", ["visualizations", "images", "data", "static", "artifact"])
@pytest.mark.parametrize(
    "name",
    [
        "../render_server.py",
        "../../../../../../etc/passwd",
        "%2e%2e/README.md",
        "..%2f..%2fetc%2fpasswd",
        "%2fetc%2fpasswd",
        "//etc/passwd",
        "..\\..\\etc\\passwd",
        "..%5c..%5cetc%5cpasswd",
        "%252e%252e%252fetc%252fpasswd",
        "artifacts.json",
    ],
)
def test_raw_paths(damaged: Served, route: str, name: str) -> None:
    """Sent byte for byte, as no client library would."""
    request = f"GET /{route}/{name} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answer = read_all(damaged.raw(request.encode()))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404"), head
    assert b"root:" not in body
    assert b"application/problem+json" in head


def test_importing_the_app_loads_no_torch_and_starts_nothing() -> None:
    code = "import app, sys; print('torch' in sys.modules, 'onnxruntime' in sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == ["False", "False"]
    assert found.stderr == ""


def test_the_process_that_watches_workers_stays_small() -> None:
    """What answers requests is imported by the worker alone."""
    code = (
        "import app.server.process, app.settings, argparse, socket, sys\n"
        "large = {'aiohttp', 'asyncio', 'flask', 'numpy', 'pydantic', 'onnxruntime'}\n"
        "print(large & set(sys.modules))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout == "set()\n"


def test_address() -> None:
    assert address({}) == ("127.0.0.1", 5000)
    assert address({}, 8000) == ("127.0.0.1", 8000)
    assert address({"PORT": "10000"}) == ("0.0.0.0", 10000)


def test_nobody_gets_a_debugger(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setenv("FLASK_DEBUG", "true")
    app = create_app(settings)
    assert not app.debug
    assert not app.jinja_env.auto_reload
    app = create_app(replace(settings, reload=True))
    assert not app.debug
    assert app.jinja_env.auto_reload


def test_a_port_that_is_taken_is_one_line(damaged: Served) -> None:
    command = [sys.executable, "render_server.py", "--port", str(damaged.port)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert f"port {damaged.port}: Address already in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_worker_that_ends_by_itself_ends_the_server() -> None:
    code = (
        "import sys; from app.server.process import supervise\n"
        "sys.exit(supervise(lambda: sys.exit(3)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60)
    assert done.returncode == 3
