"""``POST /api/patches`` as a stream: its parts are those of the document, and come early."""

import json
import threading
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.models.live_model import LiveModel
from app.schemas.patches import PatchDone, PatchPart
from app.settings import Settings
from tests.app.fakes import FakeModel

EVENTS = {"Accept": "text/event-stream"}
TEXT = "the cat sat on the mät, and " * 60
FIELDS: list[dict[str, Any]] = [
    {"text": ""},
    {"text": "a"},
    {"text": TEXT},
    {"text": TEXT, "top_k": 3},
    {"text": TEXT, "mode": "monotonic", "threshold": 0.3},
    {"text": TEXT, "mode": "static", "patch_size": 4},
]


def events_of(body: str) -> list[tuple[str, dict[str, Any]]]:
    """Names and data of all events."""
    blocks = [block for block in body.split("\n\n") if block and not block.startswith(":")]
    found = []
    for block in blocks:
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        found.append((fields["event"], json.loads(fields["data"])))
    return found


@pytest.mark.parametrize("fields", FIELDS, ids=str)
def test_all_parts_together_are_the_document(client: FlaskClient, fields: dict[str, Any]) -> None:
    document = client.post("/api/patches", json=fields).get_json()
    response = client.post("/api/patches", json=fields, headers=EVENTS)
    assert response.content_type == "text/event-stream; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    *parts, (last, done) = events_of(response.text)
    assert last == "done" and {name for name, _ in parts} == {"part"}
    PatchDone.model_validate(done)
    for name in ("tokens", "entropies", "nats", "predictions"):
        if name in document:
            joined = [value for _, part in parts for value in part[name]]
            assert joined == document.pop(name)
    for _, part in parts:
        PatchPart.model_validate(part)
    del document["patches"]
    assert done == document


def test_parts_come_before_the_text_is_measured(settings: Settings) -> None:
    fake = FakeModel(gate=threading.Event())
    client = create_app(settings, LiveModel(fake)).test_client()
    response = client.post("/api/patches", json={"text": TEXT}, headers=EVENTS, buffered=False)
    body = iter(response.response)
    assert next(body).startswith(b":")
    assert next(body).startswith(b"id: 0\nevent: part\n")
    assert fake.gate is not None and not fake.gate.is_set()
    fake.gate.set()
    assert b"event: done" in list(body)[-1]


def stuck(settings: Settings, **limits: Any) -> tuple[Flask, LiveModel, FakeModel]:
    """An app whose model stops after some parts until its gate opens."""
    fake = FakeModel(gate=threading.Event())
    model = LiveModel(fake, **limits)
    return create_app(settings, model), model, fake


def test_a_client_that_leaves_frees_the_slot(settings: Settings) -> None:
    app, model, fake = stuck(settings, max_queued=0)
    response = app.test_client().post(
        "/api/patches", json={"text": TEXT}, headers=EVENTS, buffered=False
    )
    body = iter(response.response)
    next(body), next(body)
    assert model.queue.is_full
    response.close()
    assert not model.queue.is_full
    assert fake.gate is not None
    fake.gate.set()
    assert app.test_client().post("/api/patches", json={"text": TEXT}).status_code == 200


def test_a_stream_that_never_starts_frees_the_slot(settings: Settings) -> None:
    app, model, _ = stuck(settings, max_queued=0)
    response = app.test_client().post(
        "/api/patches", json={"text": TEXT}, headers=EVENTS, buffered=False
    )
    assert model.queue.is_full
    response.close()
    assert not model.queue.is_full


def test_the_end_of_the_time_is_a_problem_after_the_parts(settings: Settings) -> None:
    app, _, _ = stuck(replace(settings, request_seconds=0.3))
    response = app.test_client().post("/api/patches", json={"text": TEXT}, headers=EVENTS)
    *parts, (last, problem) = events_of(response.text)
    assert parts and last == "problem"
    assert problem["status"] == 503 and "took longer than 0.3 seconds" in problem["detail"]


def test_a_mistake_of_ours_is_a_problem_after_the_parts(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = create_app(settings, LiveModel(FakeModel())).test_client()

    def fail(*_: Any) -> None:
        raise RuntimeError("inner detail")

    monkeypatch.setattr("app.models.streamed_patches.answer_of", fail)
    response = client.post("/api/patches", json={"text": TEXT}, headers=EVENTS)
    last, problem = events_of(response.text)[-1]
    assert (last, problem["status"]) == ("problem", 500)
    assert "inner detail" not in response.text


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"text": "a", "mode": "static"}, 422), ({"text": "a" * 70_000}, 413), ({}, 422)],
)
def test_what_is_refused_is_refused_before_a_stream(
    client: FlaskClient, fields: dict[str, Any], status: int
) -> None:
    response = client.post("/api/patches", json=fields, headers=EVENTS)
    assert response.status_code == status
    assert response.content_type == "application/problem+json"


@pytest.mark.parametrize("accept", ["*/*", "text/html", "application/json, text/event-stream"])
def test_others_get_a_document(client: FlaskClient, accept: str) -> None:
    response = client.post("/api/patches", json={"text": "a"}, headers={"Accept": accept})
    assert response.content_type == "application/json"


def test_a_full_queue_refuses_a_stream(settings: Settings) -> None:
    app, _, _ = stuck(settings, max_queued=0, wait_seconds=0.1)
    ask = {"json": {"text": TEXT}, "headers": EVENTS, "buffered": False}
    first = app.test_client().post("/api/patches", **ask)
    second = app.test_client().post("/api/patches", **ask)
    assert second.status_code == 503
    assert int(second.headers["Retry-After"]) > 0
    first.close()
