"""``POST /api/patches``: what is answered, and what is refused."""

import json
import math
import threading
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app import create_app
from app.models.live import answer
from app.models.live_model import LiveModel
from app.requests.bodies import parse_body, text_bytes
from app.schemas.patches import PatchRequest, PatchResponse
from app.schemas.schema import ProblemDocument
from app.settings import Settings
from bytelatent.patching.rules import RuleOptions, lengths_from_starts, patch_starts
from tests.app.fakes import FakeModel

LIMIT = 65536
MODES: list[dict[str, Any]] = [
    {"mode": "entropy"},
    {"mode": "entropy", "threshold": 0.5},
    {"mode": "entropy", "patch_size": 3.5},
    {"mode": "monotonic", "threshold": 0.3},
    {"mode": "combined", "threshold": 0.4, "threshold_add": 0.1},
    {"mode": "space"},
    {"mode": "static", "patch_size": 4},
    {"mode": "byte"},
]


def post(client: FlaskClient, **fields: Any) -> Any:
    response = client.post("/api/patches", json=fields)
    assert response.status_code == 200, response.text
    PatchResponse.model_validate_json(response.data)
    return response.get_json()


def problem(response: Any, status: int, field: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.content_type == "application/problem+json"
    body = response.get_json()
    ProblemDocument.model_validate(body)
    assert body["status"] == status
    assert body["field"] == field
    assert body["errors"][0]["field"] == field
    return dict(body)


def check_invariants(data: bytes, body: dict[str, Any]) -> None:
    count = len(data)
    assert body["bytes"] == count
    assert body["tokens"] == [1, *(b + 4 for b in data)]
    assert len(body["entropies"]) == count + 1
    assert len(body["nats"]) == count
    assert body["patch_lengths"][0] == 1
    assert sum(body["patch_lengths"]) == count + 1
    assert [p["length"] for p in body["patches"]] == body["patch_lengths"][1:]
    place = 0
    for patch in body["patches"]:
        assert patch["start"] == place
        place += patch["length"]
        assert patch["text"] == data[patch["start"] : place].decode("utf-8", "replace")
        assert patch["entropy"] == body["entropies"][patch["start"]]
    assert place == count


@pytest.mark.parametrize("rule", MODES, ids=lambda rule: "-".join(map(str, rule.values())))
@pytest.mark.parametrize("text", ["a", "the cat sat on the mat", "né 中文 🙂\n\0", "مرحبا بك"])
def test_patches_cover_the_bytes(client: FlaskClient, rule: dict[str, Any], text: str) -> None:
    body = post(client, text=text, **rule)
    check_invariants(text.encode(), body)
    assert body["mode"] == rule["mode"]


@given(
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    rule=st.sampled_from(MODES),
    longest=st.none() | st.integers(1, 9),
    top_k=st.integers(0, 16),
)
@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_text(text: str, rule: dict[str, Any], longest: int | None, top_k: int) -> None:
    fields = {"text": text, "max_patch_length": longest, "top_k": top_k, **rule}
    request = parse_body(json.dumps(fields).encode(), PatchRequest)
    data = text_bytes(request.text, limit=LIMIT)
    found = json.loads("".join(answer(LiveModel(FakeModel()), request, data).json_parts()))
    PatchResponse.model_validate(found)
    check_invariants(text.encode(), found)
    if longest:
        assert all(length <= longest for length in found["patch_lengths"])
    assert len(found.get("predictions", [])) == (len(data) + 1 if top_k else 0)


def test_patches_are_those_of_the_rules(client: FlaskClient) -> None:
    text = "the cat sat on the mat"
    body = post(client, text=text, threshold=0.6)
    tokens, entropies = np.array([body["tokens"]]), np.array([body["entropies"]])
    starts = patch_starts("entropy", tokens, entropies, RuleOptions(threshold=0.6))
    assert body["patch_lengths"] == lengths_from_starts(starts[:, :-1])[0].tolist()


def test_the_models_own_threshold(client: FlaskClient, fake: FakeModel) -> None:
    assert post(client, text="a b")["threshold"] == fake.threshold
    assert post(client, text="a b", threshold=0)["threshold"] == 0
    assert post(client, text="a b", patch_size=2)["threshold"] is None
    assert post(client, text="a b", mode="space")["threshold"] is None


def test_empty_text(client: FlaskClient) -> None:
    body = post(client, text="", top_k=2)
    assert body["patches"] == []
    assert body["patch_lengths"] == [1]
    assert body["bits_per_byte"] is None
    assert len(body["predictions"]) == 1


def test_bits_per_byte(client: FlaskClient) -> None:
    assert post(client, text="abcd")["bits_per_byte"] == pytest.approx(1)


def test_predictions_in_print(client: FlaskClient) -> None:
    rows = post(client, text=" \n\té<", top_k=1)["predictions"]
    assert [row[0]["text"] for row in rows[:6]] == ["␣", "↵", "⇥", "0xC3", "0xA9", "<"]
    assert [row[0]["byte"] for row in rows[:2]] == [0x20, 0x0A]
    assert rows[0][0] == {"id": 36, "byte": 32, "text": "␣", "p": 0.5}
    assert "predictions" not in post(client, text="a")


def test_a_long_answer_comes_in_parts(client: FlaskClient) -> None:
    body = post(client, text="ab " * 2000, top_k=16)
    assert len(body["predictions"]) == 6001
    check_invariants(b"ab " * 2000, body)


def test_the_longest_text(client: FlaskClient, fake: FakeModel) -> None:
    assert post(client, text="x" * LIMIT)["bytes"] == LIMIT
    # The longest way to write it: every byte as six.
    response = client.post("/api/patches", data='{"text": "' + "\\u0001" * LIMIT + '"}')
    assert response.status_code == 200
    assert fake.asked[-1] == b"\x01" * LIMIT


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"text=hello", "body"),
        (b'{"text": "a"', "body"),
        (b'{"text": "\xff"}', "body"),
        (b"[" * 100_000, "body"),
        (b'{"text": "a", "top_k": ' + b"9" * 5000 + b"}", "body"),
        (b'{"text": "a", "threshold": NaN}', "threshold"),
        (b'{"text": "a", "threshold": -Infinity}', "threshold"),
        (b'{"text": "a", "text": "b"}', "text"),
    ],
)
def test_no_json(client: FlaskClient, body: bytes, field: str) -> None:
    problem(client.post("/api/patches", data=body), 400, field)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "text"),
        ({"text": 7}, "text"),
        ({"text": None}, "text"),
        ({"text": ["a"]}, "text"),
        ({"text": "a", "mode": "bpe"}, "mode"),
        ({"text": "a", "mode": "nonsense"}, "mode"),
        ({"text": "a", "mode": 3}, "mode"),
        ({"text": "a", "threshold": -0.1}, "threshold"),
        ({"text": "a", "threshold": "1"}, "threshold"),
        ({"text": "a", "threshold": True}, "threshold"),
        ({"text": "a", "mode": "combined"}, "threshold_add"),
        ({"text": "a", "mode": "combined", "threshold_add": -1}, "threshold_add"),
        ({"text": "a", "patch_size": 0.5}, "patch_size"),
        ({"text": "a", "patch_size": 1e300}, "patch_size"),
        ({"text": "a", "mode": "static"}, "patch_size"),
        ({"text": "a", "mode": "static", "patch_size": 2.5}, "patch_size"),
        ({"text": "a", "max_patch_length": 0}, "max_patch_length"),
        ({"text": "a", "max_patch_length": 1.5}, "max_patch_length"),
        ({"text": "a", "top_k": 17}, "top_k"),
        ({"text": "a", "top_k": -1}, "top_k"),
        ({"text": "a", "treshold": 1}, "treshold"),
    ],
)
def test_a_wrong_field_is_named(
    client: FlaskClient, fake: FakeModel, fields: dict[str, Any], field: str
) -> None:
    problem(client.post("/api/patches", json=fields), 422, field)
    assert fake.asked[-1:] != [b"a"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"text": "a\\ud800b"}', "text"),
        ('{"text": "\\udc00"}', "text"),
        ('{"text": "a", "threshold": 1e999}', "threshold"),
        ('["text"]', "body"),
        ("NaN", "body"),
        ('{"text": "a", "\\ud800": 1}', "body"),
    ],
)
def test_json_that_is_no_request(client: FlaskClient, body: str, field: str) -> None:
    problem(client.post("/api/patches", data=body), 422, field)


@pytest.mark.parametrize("text", ["x" * (LIMIT + 1), "é" * (LIMIT // 2 + 1), "x" * 1_000_000])
def test_too_long(client: FlaskClient, text: str) -> None:
    body = problem(client.post("/api/patches", json={"text": text}), 413, "text")
    assert body["title"] == "Request Entity Too Large" or "Large" in body["title"]


def test_wrong_method(client: FlaskClient) -> None:
    response = client.get("/api/patches")
    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]
    assert response.content_type == "application/problem+json"


def test_without_a_model(without_model: FlaskClient, settings: Settings) -> None:
    response = without_model.post("/api/patches", json={"text": "a"})
    assert response.status_code == 503
    assert "entropy.onnx" in response.get_json()["detail"]
    problem(without_model.post("/api/patches", json={"text": 1}), 422, "text")


def test_a_full_queue_sends_away(settings: Settings) -> None:
    fake = FakeModel(pause=0.8)
    app = create_app(settings, LiveModel(fake, max_queued=1, wait_seconds=0.1))
    answers: list[Any] = []

    def ask() -> None:
        answers.append(app.test_client().post("/api/patches", json={"text": "a"}))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(a.status_code for a in answers) == [200, 503, 503, 503]
    refused = next(a for a in answers if a.status_code == 503)
    assert int(refused.headers["Retry-After"]) > 0
    assert app.test_client().post("/api/patches", json={"text": "a"}).status_code == 200


def test_a_mistake_of_ours_is_a_problem_too(
    client: FlaskClient, fake: FakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(data: bytes, *, top_k: int = 0) -> None:
        raise RuntimeError("inner detail")

    monkeypatch.setattr(fake, "analyse", fail)
    response = client.post("/api/patches", json={"text": "a"})
    assert response.status_code == 500
    assert response.content_type == "application/problem+json"
    assert "inner detail" not in response.text
    monkeypatch.undo()
    assert client.post("/api/patches", json={"text": "a"}).status_code == 200


def test_entropies_survive_the_round_trip(client: FlaskClient) -> None:
    """Rules are applied to the numbers that are sent, so the page finds the same patches."""
    first = post(client, text="the cat sat")
    edge = first["entropies"][4]
    cut = post(client, text="the cat sat", threshold=edge)
    assert not any(p["start"] == 4 for p in cut["patches"])
    below = math.nextafter(edge, 0)
    cut = post(client, text="the cat sat", threshold=below)
    assert any(p["start"] == 4 for p in cut["patches"])
