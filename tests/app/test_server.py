"""The server as it is started: a real socket, real processes, one clear line on a bad model."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

import render_server
from app import create_app
from app.settings import DEFAULT_MODEL, ROOT, Settings


@contextmanager
def serving(*arguments: str, **environment: str) -> Iterator[tuple[int, Path]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = Path(environment.pop("log"))
    kept = {k: v for k, v in os.environ.items() if k not in ("PORT", "FLASK_DEBUG")}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "render_server.py", "--port", str(port), *arguments],
            cwd=ROOT,
            env={**kept, **environment},
            stdout=output,
            stderr=output,
        )
        try:
            wait_for(port, process)
            yield port, log
        finally:
            process.terminate()
            process.wait(20)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server has ended"
        try:
            get(port, "/healthz")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the server does not answer")


def get(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", path)
    response = connection.getresponse()
    found = response.status, response.read()
    connection.close()
    return found


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    folder = tmp_path_factory.mktemp("model")
    (folder / "model.onnx").write_bytes(b"not a model")
    log = folder / "log.txt"
    with serving("--model", str(folder), log=str(log)) as (port, written):
        yield port, written


def test_a_damaged_model_is_one_clear_line(damaged: tuple[int, Path]) -> None:
    port, log = damaged
    lines = log.read_text().splitlines()
    about = [line for line in lines if "model.onnx" in line]
    assert len(about) == 1, lines
    assert "Traceback" not in log.read_text()
    status, body = get(port, "/healthz")
    assert status == 200
    assert json.loads(body)["status"] == "degraded"
    assert get(port, "/")[0] == 200
    assert get(port, "/api/visualizations")[0] == 200


@pytest.mark.parametrize("route", ["visualizations", "images", "data"])
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
def test_raw_paths(damaged: tuple[int, Path], route: str, name: str) -> None:
    """Sent byte for byte, as no client library would."""
    port, _ = damaged
    with socket.create_connection(("127.0.0.1", port), timeout=20) as raw:
        request = f"GET /{route}/{name} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        raw.sendall(request.encode())
        answer = b"".join(iter(lambda: raw.recv(65536), b""))
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


def test_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PORT", raising=False)
    assert render_server.address(None) == ("127.0.0.1", 5000)
    assert render_server.address(8000) == ("127.0.0.1", 8000)
    monkeypatch.setenv("PORT", "10000")
    assert render_server.address(None) == ("0.0.0.0", 10000)


def test_settings() -> None:
    assert Settings.from_environment({}) == Settings(model_folder=DEFAULT_MODEL)
    assert Settings.from_environment({"BLT_MODEL": "/m"}).model_folder == Path("/m")
    assert Settings.from_environment({"FLASK_DEBUG": "true"}).reload
    assert not Settings.from_environment({"FLASK_DEBUG": "false"}).reload
    assert not Settings.from_environment({"FLASK_DEBUG": "true", "PORT": "1"}).reload


def test_nobody_gets_a_debugger(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setenv("FLASK_DEBUG", "true")
    app = create_app(settings)
    assert not app.debug
    assert not app.jinja_env.auto_reload
    app = create_app(replace(settings, reload=True))
    assert not app.debug
    assert app.jinja_env.auto_reload


def test_render_yaml_starts_this() -> None:
    import yaml

    service = yaml.safe_load((ROOT / "render.yaml").read_text())["services"][0]
    assert service["startCommand"].startswith("gunicorn render_server:app ")
    assert service["healthCheckPath"] == "/healthz"
    names = {v["key"]: v["value"] for v in service["envVars"]}
    assert names["FLASK_ENV"] == "production"
    assert str(names["FLASK_DEBUG"]).lower() == "false"
