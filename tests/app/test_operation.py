"""Log lines, metrics, request ids, CORS, time limits and readiness."""

import json
import logging
import re
import threading
import time
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask, Response, g
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from app.logs import JsonLines
from app.models.graphs import QueuedModel
from app.models.live_model import LiveModel
from app.requests import deadline as deadline
from app.requests.deadline import Deadline
from app.requests.problems import ProblemError
from app.settings import Settings
from tests.app.fakes import FakeModel

SECRET = "my secret words"


@pytest.fixture
def fast(settings: Settings) -> Settings:
    return replace(settings, log="json", metrics=True, request_seconds=0.2)


@pytest.fixture
def watched(fast: Settings, fake: FakeModel) -> FlaskClient:
    return create_app(fast, LiveModel(fake)).test_client()


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [json.loads(r.getMessage()) for r in caplog.records if r.name == "app.requests.access"]


def read(response: TestResponse) -> int:
    """The size of a body, read to its end as servers do."""
    size = len(response.data)
    response.close()
    return size


def test_a_line_for_every_request(watched: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "app.requests.access")
    sent = [
        watched.post("/api/patches", json={"text": SECRET}, headers={"X-Request-ID": "mine-1"}),
        watched.get(f"/data/{SECRET}?q={SECRET}"),
        watched.get(f"/{SECRET}"),
        watched.open("/", method="BREW"),
    ]
    sizes = [read(response) for response in sent]
    found = lines(caplog)
    assert [(line["method"], line["route"], line["status"]) for line in found] == [
        ("POST", "/api/patches", 200),
        ("GET", "/data/<path:name>", 404),
        ("GET", "-", 404),
        ("other", "-", 405),
    ]
    assert [line["bytes"] for line in found] == sizes
    assert not any("cut" in line for line in found)
    assert [line["id"] for line in found] == [r.headers["X-Request-ID"] for r in sent]
    assert found[0]["id"] == "mine-1"
    assert all(line["ms"] >= 0 and re.match(r"\d{4}-\d\d-\d\dT", line["time"]) for line in found)
    assert "secret" not in caplog.text


@pytest.mark.parametrize("given", ["", "a" * 65, "a b", "a\tb", "<b>", "ä"])
def test_an_odd_request_id_is_replaced(client: FlaskClient, given: str) -> None:
    found = client.get("/healthz", headers={"X-Request-ID": given}).headers["X-Request-ID"]
    assert re.fullmatch(r"[0-9a-f]{16}", found)


def test_text_lines(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "app.requests.access")
    client = create_app(replace(settings, log="text"), LiveModel(FakeModel())).test_client()
    read(client.get("/healthz"))
    assert re.fullmatch(r"GET /healthz 200 \d+\.\d ms \d+ B [0-9a-f]{16}", caplog.messages[-1])


def test_off_means_off(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client.get("/healthz").close()
    assert not [record for record in caplog.records if record.name == "app.requests.access"]


def test_a_client_that_leaves_is_noted(
    watched: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "app.requests.access")
    ended: list[bool] = []

    @watched.application.get("/stream")
    def stream() -> Response:
        def parts() -> Any:
            try:
                yield from (b"x" for _ in range(1000))
            finally:
                ended.append(True)

        return Response(parts())

    response = watched.get("/stream", buffered=False)
    assert next(iter(response.response)) == b"x"
    response.close()
    assert ended
    (line,) = lines(caplog)
    assert line["cut"] is True
    assert line["bytes"] < 1000


def test_errors_in_json() -> None:
    record = logging.LogRecord("app.x", logging.ERROR, "", 0, "bad \n %s", ("é",), None)
    found = json.loads(JsonLines().format(record))
    assert (found["level"], found["message"], found["logger"]) == ("error", "bad \n é", "app.x")


def test_metrics(watched: FlaskClient) -> None:
    for _ in range(3):
        watched.post("/api/patches", json={"text": "a"}).close()
    watched.get("/data/nothing").close()
    response = watched.get("/metrics")
    assert response.content_type.startswith("text/plain; version=")
    text = response.text
    assert 'blt_requests_total{method="POST",route="/api/patches",status="200"} 3.0' in text
    assert 'route="/data/<path:name>",status="404"} 1.0' in text
    assert 'blt_request_seconds_count{route="/api/patches"} 3.0' in text
    assert "blt_model_waiting 0.0" in text
    assert "process_resident_memory_bytes" in text


def test_metrics_only_if_asked_for(client: FlaskClient) -> None:
    assert client.get("/metrics").status_code == 404


def test_metrics_of_two_apps_are_apart(fast: Settings) -> None:
    one, other = (create_app(fast, LiveModel(FakeModel())).test_client() for _ in range(2))
    one.get("/healthz").close()
    assert "/healthz" not in other.get("/metrics").text


def test_metrics_without_the_package(fast: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ValueError, match=r"prometheus-client: pip install 'bytelatent\[metrics\]'"):
        create_app(fast, LiveModel(FakeModel()))


def cors(app: Flask, path: str, method: str = "GET", origin: str = "https://a.org") -> Any:
    response = app.test_client().open(path, method=method, headers={"Origin": origin})
    return response, response.headers.get("Access-Control-Allow-Origin")


def test_nobody_elses_page_by_default(app: Flask) -> None:
    for path in ("/api/visualizations", "/", "/data/curve.json"):
        response, allowed = cors(app, path)
        assert allowed is None
        assert "Origin" not in response.headers.get("Vary", "")


def test_pages_of_chosen_origins(settings: Settings) -> None:
    app = create_app(replace(settings, cors_origins=("https://a.org",)), LiveModel(FakeModel()))
    response, allowed = cors(app, "/api/visualizations")
    assert allowed == "https://a.org"
    assert "Origin" in response.headers["Vary"]
    assert "Retry-After" in response.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in response.headers
    assert cors(app, "/api/visualizations", origin="https://evil.org")[1] is None
    assert cors(app, "/")[1] is None
    response, allowed = cors(app, "/api/patches", method="OPTIONS")
    assert allowed == "https://a.org"
    assert "POST" in response.headers["Access-Control-Allow-Methods"]
    assert response.headers["Access-Control-Allow-Headers"] == "Content-Type"


def test_pages_of_all_origins(settings: Settings) -> None:
    app = create_app(replace(settings, cors_origins=("*",)), LiveModel(FakeModel()))
    assert cors(app, "/openapi.json")[1] == "*"
    assert cors(app, "/api/nothing")[1] == "*"


def test_the_apis_version(client: FlaskClient) -> None:
    version = client.get("/openapi.json").get_json()["info"]["version"]
    for path in ("/api/visualizations", "/api/nothing", "/openapi.json"):
        assert client.get(path).headers["API-Version"] == version
    assert "API-Version" not in client.get("/").headers


def test_time_is_up(watched: FlaskClient, fake: FakeModel) -> None:
    fake.pause = 5
    began = time.monotonic()
    response = watched.post("/api/patches", json={"text": "a"})
    assert time.monotonic() - began < 3
    assert response.status_code == 503
    assert "longer than 0.2 seconds" in response.get_json()["detail"]
    assert response.headers["Retry-After"] == "2"
    fake.pause = 0
    assert watched.post("/api/patches", json={"text": "a"}).status_code == 200


def test_ready(app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    response = client.get("/readyz")
    assert (response.status_code, response.get_json()) == (200, {"status": "ready", "waiting": 0})
    monkeypatch.setattr(deadline, "stopping", threading.Event())
    deadline.stopping.set()
    stopping = client.get("/readyz")
    assert stopping.status_code == 503
    assert "stop" in stopping.get_json()["detail"]
    assert client.get("/healthz").status_code == 200


def test_not_ready_while_the_queue_is_full(settings: Settings) -> None:
    fake = FakeModel(pause=30)
    app = create_app(settings, LiveModel(fake, max_queued=0))
    patient = replace(settings, request_seconds=0.6)
    app.extensions["settings"] = patient
    thread = threading.Thread(
        target=lambda: app.test_client().post("/api/patches", json={"text": "a"})
    )
    thread.start()
    while not fake.asked:
        time.sleep(0.01)
    assert app.test_client().get("/readyz").status_code == 503
    thread.join()
    assert app.test_client().get("/readyz").status_code == 200


def test_not_ready_without_a_model(without_model: FlaskClient) -> None:
    assert without_model.get("/readyz").status_code == 503
    assert without_model.get("/healthz").status_code == 200


def test_no_graph_is_drawn_for_whom_the_time_is_up(app: Flask) -> None:
    model = QueuedModel(LiveModel(FakeModel()), "fake", 1.5, None)
    with app.test_request_context():
        assert len(model.analyse(b"the cat").tokens) == 8
        g.deadline = Deadline(until=time.monotonic() - 1, seconds=2)
        with pytest.raises(ProblemError, match="longer than 2 seconds"):
            model.analyse(b"the cat")
