"""``POST /api/compare``: one text, split in several ways."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, g
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app import create_app
from app.models.live_model import LiveModel
from app.models.splitting import RISE, TITLES, compare
from app.models.threshold_curve import Calibration
from app.requests.bodies import parse_body, text_bytes
from app.requests.deadline import ClientGoneError, Deadline
from app.requests.problems import ProblemError
from app.schemas.compare import CompareRequest, CompareResponse
from app.schemas.schema import ProblemDocument
from app.settings import Settings
from bytelatent.tokenizers import bpe
from tests.app.fakes import FakeModel

LIMIT = 65536
RULES = ["entropy", "monotonic", "space", "static"]
BPE = ["cl100k_base", "o200k_base"]
HERE = RULES + BPE
"""What can be had without Meta's package."""


def ask(client: FlaskClient, **fields: Any) -> dict[str, dict[str, Any]]:
    """Rows by splitter."""
    response = client.post("/api/compare", json=fields)
    assert response.status_code == 200, response.text
    CompareResponse.model_validate_json(response.data)
    return {row["splitter"]: row for row in response.get_json()["rows"]}


def check_rows(size: int, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        if row["unavailable"]:
            assert row["pieces"] is row["count"] is row["bytes_per_piece"] is None
            continue
        place = 0
        for piece in row["pieces"]:
            assert piece["start"] == place
            assert piece["length"] > 0
            place += piece["length"]
        assert place == size
        assert row["count"] == len(row["pieces"])
        mean = size / row["count"] if row["count"] else None
        assert row["bytes_per_piece"] == pytest.approx(mean)


def starts(row: dict[str, Any]) -> list[int]:
    return [piece["start"] for piece in row["pieces"]]


def test_all_splitters(client: FlaskClient) -> None:
    pytest.importorskip("quicktok")
    body = client.post("/api/compare", json={"text": "the cat sat on the mat"}).get_json()
    CompareResponse.model_validate(body)
    assert (body["model"], body["bytes"]) == ("fake", 22)
    assert [row["splitter"] for row in body["rows"]] == list(TITLES)
    check_rows(22, body["rows"])
    rows = {row["splitter"]: row for row in body["rows"]}
    words = [0, 4, 8, 12, 15, 19]
    assert starts(rows["entropy"]) == starts(rows["space"]) == words
    assert starts(rows["static"]) == [0, 4, 8, 12, 16, 20]
    for name in BPE:  # a token takes the space before its word along
        assert starts(rows[name]) == [0, 3, 7, 11, 14, 18]


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"threshold": 0.6}, {"mode": "entropy", "threshold": 0.6}),
        ({}, {"mode": "entropy"}),
        ({"monotonic_threshold": 0.2}, {"mode": "monotonic", "threshold": 0.2}),
        ({}, {"mode": "monotonic", "threshold": RISE}),
        ({"patch_size": 7}, {"mode": "static", "patch_size": 7}),
        ({}, {"mode": "space"}),
        ({"max_patch_length": 3}, {"mode": "entropy", "max_patch_length": 3}),
        ({"max_patch_length": 3}, {"mode": "static", "patch_size": 4, "max_patch_length": 3}),
    ],
)
def test_rows_are_the_patches_of_the_other_route(
    client: FlaskClient, fields: dict[str, Any], rule: dict[str, Any]
) -> None:
    text = "the cat sat on the mat, né 中文 🙂"
    patches = client.post("/api/patches", json={"text": text, **rule}).get_json()
    row = ask(client, text=text, **fields)[rule["mode"]]
    assert [piece["length"] for piece in row["pieces"]] == patches["patch_lengths"][1:]
    assert row["threshold"] == patches["threshold"]


def test_calibrated_rise(settings: Settings) -> None:
    settings.model_folder.mkdir()
    value = {
        "rules": {"monotonic": {"threshold": 0.25}},
        "curve": {"thresholds": [0.0], "mix": [1.0]},
    }
    (settings.model_folder / "calibration.json").write_text(json.dumps(value))
    client = create_app(settings, LiveModel(FakeModel())).test_client()
    assert ask(client, text="a b")["monotonic"]["threshold"] == 0.25


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"curve": {"thresholds": [1], "mix": []}}'])
def test_a_damaged_calibration_counts_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "calibration.json").write_text(content)
    assert Calibration.load(tmp_path) == Calibration()


def test_chosen_splitters_in_their_order(client: FlaskClient, fake: FakeModel) -> None:
    fake.asked.clear()
    rows = ask(client, text="a b", splitters=["static", "space", "static"])
    assert list(rows) == ["static", "space"]
    assert fake.asked == []


def test_the_model_is_asked_once(client: FlaskClient, fake: FakeModel) -> None:
    fake.asked.clear()
    ask(client, text="a b")
    assert fake.asked == [b"a b"]


@given(
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    threshold=st.none() | st.floats(0, 6),
    patch_size=st.integers(1, 9),
)
@hypothesis_settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_text(text: str, threshold: float | None, patch_size: int) -> None:
    fields = {"text": text, "threshold": threshold, "patch_size": patch_size}
    request = parse_body(json.dumps(fields).encode(), CompareRequest)
    data = text_bytes(request.text, limit=LIMIT)
    found = compare(LiveModel(FakeModel()), Calibration(), request, data)
    body = json.loads("".join(found.json_parts()))
    CompareResponse.model_validate(body)
    check_rows(len(data), body["rows"])


def test_empty_text(client: FlaskClient) -> None:
    for row in ask(client, text="").values():
        if not row["unavailable"]:
            assert (row["pieces"], row["count"], row["bytes_per_piece"]) == ([], 0, None)


def test_the_longest_text_comes_in_parts(client: FlaskClient) -> None:
    text = "\0\x01" * (LIMIT // 2)
    rows = ask(client, text=text, threshold=0, splitters=HERE)
    check_rows(LIMIT, list(rows.values()))
    assert rows["entropy"]["count"] > 40_000


def test_without_a_model_the_rest_is_split(without_model: FlaskClient) -> None:
    body = without_model.post("/api/compare", json={"text": "a b"}).get_json()
    CompareResponse.model_validate(body)
    assert body["model"] is None
    rows = {row["splitter"]: row for row in body["rows"]}
    check_rows(3, body["rows"])
    for name in ("entropy", "monotonic"):
        assert "entropy.onnx" in rows[name]["unavailable"]
    assert starts(rows["space"]) == [0, 2]


def test_without_the_package_the_rows_say_so(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bpe, "_LOADED", {})
    monkeypatch.setattr(bpe, "find_spec", lambda name: None)
    rows = ask(client, text="a b")
    for name in [*BPE, "llama3"]:
        assert "quicktok-v1" in rows[name]["unavailable"]
    check_rows(3, list(rows.values()))


def test_no_text_is_cut_for_whom_nobody_waits(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts are cut one after the other; some have waited too long when it is their turn."""
    pytest.importorskip("quicktok")
    request = CompareRequest(text="a", splitters=["cl100k_base"])
    model, calibration = LiveModel(FakeModel()), Calibration()
    monkeypatch.setattr(Deadline, "gone", lambda _: gone)
    with app.test_request_context():
        gone = False
        assert compare(model, calibration, request, b"a").rows[0].lengths == [1]
        g.deadline = Deadline(until=time.monotonic() - 1, seconds=2)
        with pytest.raises(ProblemError, match="longer than 2 seconds"):
            compare(model, calibration, request, b"a")
        gone = True
        with pytest.raises(ClientGoneError):
            compare(model, calibration, request, b"a")


def test_the_page_says_what_is_not_installed(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bpe, "find_spec", lambda name: None)
    html = client.get("/").text
    assert html.count("pip install quicktok-v1") == 2
    assert "data-bpe" not in html
    assert 'data-splitter="llama3"' not in html


def test_llama3_says_what_it_needs(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("quicktok")
    find = bpe.find_spec
    monkeypatch.setattr(bpe, "_LOADED", {})
    monkeypatch.setattr(bpe, "find_spec", lambda n: None if n == "llama_models" else find(n))
    assert "llama-models" in ask(client, text="a")["llama3"]["unavailable"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "text"),
        ({"text": 7}, "text"),
        ({"text": "a", "splitters": []}, "splitters"),
        ({"text": "a", "splitters": ["bpe"]}, "splitters.0"),
        ({"text": "a", "splitters": ["space"] * 17}, "splitters"),
        ({"text": "a", "threshold": -1}, "threshold"),
        ({"text": "a", "monotonic_threshold": "1"}, "monotonic_threshold"),
        ({"text": "a", "patch_size": 0}, "patch_size"),
        ({"text": "a", "patch_size": 2.5}, "patch_size"),
        ({"text": "a", "max_patch_length": 0}, "max_patch_length"),
        ({"text": "a", "mode": "space"}, "mode"),
    ],
)
def test_a_wrong_field_is_named(client: FlaskClient, fields: dict[str, Any], field: str) -> None:
    response = client.post("/api/compare", json=fields)
    assert response.status_code == 422
    problem = ProblemDocument.model_validate_json(response.data)
    assert problem.field == field


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"no json", 400),
        (b'{"text": "a\\ud800b"}', 422),
        (b'{"text": "' + b"x" * (LIMIT + 1) + b'"}', 413),
    ],
)
def test_what_is_refused(client: FlaskClient, body: bytes, status: int) -> None:
    response = client.post("/api/compare", data=body)
    assert response.status_code == status
    ProblemDocument.model_validate_json(response.data)
