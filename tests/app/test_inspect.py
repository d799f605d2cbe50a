"""``POST /api/inspect`` and ``/model``: what is answered is what the model says, in bounds."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.drawing.architecture_svg import short
from app.models.generator import TextMaker
from app.models.inspector import Inspector
from app.models.live_model import LiveModel
from app.precompute.inspected import CHOSEN, main, write_inspected
from app.schemas.architecture import Architecture
from app.schemas.inspect import InspectResponse
from app.settings import DEFAULT_MODEL, Settings
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.tokenizers.blt_tokenizer import BltTokenizer
from tests.app.fakes import SHAPES, FakeModel
from tests.app.inspected_fakes import HEADS, ROWS, SIZES, VECTORS, FakeInspected

TEXT = "the cat sät"
LAYERS = SHAPES.blt.decoder.n_layers


@pytest.fixture
def blt() -> FakeInspected:
    return FakeInspected()


def post(client: FlaskClient, **body: object) -> Any:
    return client.post("/api/inspect", json=body)


def asked(client: FlaskClient, **body: object) -> InspectResponse:
    response = post(client, **body)
    assert response.status_code == 200, response.text
    assert response.headers["Cache-Control"] == "no-store"
    return InspectResponse.model_validate_json(response.data)


def test_bytes_and_patches(client: FlaskClient) -> None:
    found = asked(client, text=TEXT)
    data = TEXT.encode()
    assert (found.model, found.threshold, found.bytes) == ("fake-blt", 1.5, len(data))
    assert found.tokens == BltTokenizer(add_eos=False).encode(TEXT)
    assert [patch.text for patch in found.patches] == ["the ", "cat ", "sät"]
    assert [patch.position for patch in found.patches] == [1, 2, 3]
    assert [patch.complete for patch in found.patches] == [True, True, False]
    assert found.patch_lengths == [1, 4, 4, 5]
    assert sum(patch.length for patch in found.patches) == len(data)
    assert found.predictions is None


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({}, 1.5),
        ({"patching_mode": "monotonic"}, None),
        ({"threshold_add": 0.2}, None),
        ({"patching_mode": "space"}, None),
    ],
)
def test_a_threshold_is_told_where_the_entropy_alone_decides(
    client: FlaskClient, blt: FakeInspected, rule: dict[str, Any], told: float | None
) -> None:
    """The page says of each byte whether its entropy is above the threshold: a patch begins."""
    blt.patcher = PatcherArgs(threshold=1.5, **rule)
    assert asked(client, text="a b").threshold == told


def test_a_byte_is_predicted_from_the_patch_before_its_own(client: FlaskClient) -> None:
    found = asked(client, text=TEXT)
    own = {i: p.position for p in found.patches for i in range(p.start, p.start + p.length)}
    for i in range(found.bytes):
        assert found.read_into[i + 1] == own[i]
        assert found.predicted_from[i] == own[i] - 1


def test_buckets_of_every_table(client: FlaskClient, blt: FakeInspected) -> None:
    found = asked(client, text=TEXT)
    seen = blt.inspect(TEXT.encode())
    assert found.hash_rows == ROWS
    assert [(table.size, table.function) for table in found.hashes] == [(n, 0) for n in SIZES]
    assert np.array_equal(np.array([table.buckets for table in found.hashes]).T, seen.hash_ids)


@pytest.mark.parametrize(("heads", "maps"), [("mean", 1), ("each", 1 + HEADS)])
def test_maps_of_cross_attention(client: FlaskClient, heads: str, maps: int) -> None:
    found = asked(client, text=TEXT, heads=heads)
    size = found.bytes + 1
    assert len(found.encoder_attention) == maps
    assert len(found.decoder_attention) == LAYERS * maps
    for map_ in (*found.encoder_attention, *found.decoder_attention):
        assert np.shape(map_.weights) == (VECTORS, size)
    for map_ in found.decoder_attention:
        assert np.sum(map_.weights, axis=0) == pytest.approx(np.ones(size), abs=1e-3)
    for map_ in found.encoder_attention:
        for patch_ in found.patches:
            columns = slice(patch_.start + 1, patch_.start + 1 + patch_.length)
            total = np.array(map_.weights)[:, columns].sum(axis=1)
            assert total == pytest.approx([float(patch_.complete)] * VECTORS, abs=1e-3)


def test_the_mean_is_that_of_the_heads(client: FlaskClient) -> None:
    found = asked(client, text=TEXT, heads="each")
    for maps in (found.encoder_attention, found.decoder_attention):
        for layer in {map_.layer for map_ in maps}:
            by_head = {map_.head: np.array(map_.weights) for map_ in maps if map_.layer == layer}
            mean = by_head.pop(None)
            assert list(by_head) == list(range(1, HEADS + 1))
            assert np.mean(list(by_head.values()), axis=0) == pytest.approx(mean, abs=1e-3)


def test_an_empty_text(client: FlaskClient) -> None:
    found = asked(client, text="", heads="each")
    assert (found.patches, found.nats, found.tokens) == ([], [], [1])
    assert found.predicted_from == [0]


def test_predictions(client: FlaskClient) -> None:
    found = asked(client, text="ab", top_k=2)
    assert found.predictions
    assert [row[0].text for row in found.predictions[:2]] == ["a", "b"]
    assert [row[0].p for row in found.predictions] == [0.5] * 3


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"text": "a" * 401}, 413, "text"),
        ({"text": "ä" * 201}, 413, "text"),
        ({"text": "\ud800"}, 422, "text"),
        ({}, 422, "text"),
        ({"text": 1}, 422, "text"),
        ({"text": "a", "heads": "all"}, 422, "heads"),
        ({"text": "a", "top_k": 17}, 422, "top_k"),
        ({"text": "a", "head": 1}, 422, "head"),
    ],
)
def test_wrong_requests_name_the_field(
    client: FlaskClient, blt: FakeInspected, body: dict[str, object], status: int, field: str
) -> None:
    seen = len(blt.seen)
    response = client.post("/api/inspect", data=json.dumps(body), content_type="application/json")
    assert response.status_code == status
    assert response.get_json()["field"] == field
    assert len(blt.seen) == seen, "the model was not asked"


def test_four_hundred_bytes_are_taken(client: FlaskClient) -> None:
    assert asked(client, text="ä" * 200).bytes == 400


def test_a_queue_that_is_full(client: FlaskClient, app: Flask, blt: FakeInspected) -> None:
    inspector: Inspector = app.extensions["inspector"]
    with inspector._queue.take():
        response = post(client, text="a")
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert post(client, text="a").status_code == 200


def test_texts_in_the_making_hold_nobody_up(client: FlaskClient, app: Flask) -> None:
    maker: TextMaker = app.extensions["text_maker"]
    with maker._queue.take():
        assert post(client, text="a").status_code == 200


def test_without_a_model(without_model: FlaskClient) -> None:
    response = post(without_model, text="a")
    assert response.status_code == 503
    assert "No BLT is loaded" in response.get_json()["detail"]


def test_a_failing_model_says_nothing_of_itself(client: FlaskClient, blt: FakeInspected) -> None:
    with patch.object(blt, "inspect", side_effect=RuntimeError("inner detail")):
        response = post(client, text="a")
    assert response.status_code == 500
    assert "inner" not in response.text


def test_the_architecture_route(client: FlaskClient) -> None:
    first = Architecture.model_validate_json(client.get("/api/architecture").data)
    assert first.models == ["blt-1b", "blt-8b"]
    other = client.get("/api/architecture?model=blt-8b")
    assert Architecture.model_validate_json(other.data).parameters == 10_553_570_560
    headers = {"If-None-Match": other.headers["ETag"]}
    assert client.get("/api/architecture?model=blt-8b", headers=headers).status_code == 304
    wrong = client.get("/api/architecture?model=<b>")
    assert (wrong.status_code, wrong.get_json()["field"]) == (422, "model")


@pytest.fixture
def followed(app: Flask, settings: Settings) -> None:
    write_inspected(app.extensions["inspector"], settings.inspected_file)


def embedded(html: str) -> dict[str, Any]:
    found = re.search(r'id="page-data">(.*?)</script>', html, re.DOTALL)
    assert found
    value: dict[str, Any] = json.loads(found[1])
    return value


def test_the_page(client: FlaskClient, followed: None) -> None:
    html = client.get("/model").text
    data = embedded(html)
    assert data["live"] is True
    assert (data["limit"], data["heads"]) == (400, "each")
    assert data["first"]["id"] == CHOSEN[0]
    assert html.count('class="part-words"') == 7
    assert html.count("<option value=") == 1 + len(CHOSEN)
    assert "sees only the last 512" in html
    assert "65 %" in html, "what the paper says of the 1B model's global transformer"
    assert "No BLT is loaded" not in html


def test_the_page_of_another_model(client: FlaskClient) -> None:
    html = client.get("/model?model=blt-8b").text
    assert re.search(r'model=blt-8b#machine" aria-current="true"', html)
    assert "32 layers × 4096" in html
    assert "The link asks" not in html


def test_the_page_of_a_model_that_is_gone(client: FlaskClient) -> None:
    response = client.get("/model?model=<b>old")
    assert response.status_code == 200
    assert "The link asks for “&lt;b&gt;old”, which is not here" in response.text
    assert 'aria-current="true"' in response.text


def model_rows(html: str) -> list[str]:
    """The models that the page lists, as words."""
    _, section = html.split('id="models"')
    items = section.split("<li")[1:]
    return [re.sub(r"<[^>]*>|\s+", " ", f"<{item}").replace("  ", " ") for item in items]


def test_the_page_lists_what_is_loaded(settings: Settings) -> None:
    pretrained = DEFAULT_MODEL.parent
    shipped = replace(settings, model_folder=DEFAULT_MODEL, blt_folder=pretrained / "blt-mini")
    app = create_app(shipped, LiveModel(FakeModel()), TextMaker(FakeInspected(), SHAPES))
    with app.test_client() as client:
        html = client.get("/model").text
        told = client.get("/api/model").get_json()
    rows = model_rows(html)
    assert len(rows) == len(told) == 2
    for row, model in zip(rows, told.values(), strict=True):
        assert model["name"] in row
        assert short(model["parameters"]) in row
        assert f"{model['threshold']:.2f} nats" in row
        assert model["licence"] in row
        assert "Not loaded" not in row
        assert f'href="{model["card"]}"' in html


def test_the_page_says_why_a_model_is_missing(without_model: FlaskClient) -> None:
    rows = model_rows(without_model.get("/model").text)
    told = without_model.get("/api/model").get_json()
    for row, model in zip(rows, told.values(), strict=True):
        assert model["name"] in row
        assert "Not loaded" in row
        assert model["reason"].split()[0] in row
        assert "Parameters" not in row


def test_the_page_without_model_or_examples(without_model: FlaskClient) -> None:
    html = without_model.get("/model").text
    assert "No BLT is loaded here." in html
    assert embedded(html)["first"] is None
    assert 'class="part-words"' in html


def test_examples_are_what_the_api_answers(
    client: FlaskClient, followed: None, settings: Settings
) -> None:
    items = json.loads(settings.inspected_file.read_text(encoding="utf-8"))["examples"]
    assert [item["id"] for item in items] == list(CHOSEN)
    for item in items:
        assert post(client, **item["request"]).get_json() == item["response"]
    listed = client.get("/api/visualizations?kind=data").get_json()["items"]
    assert "python -m app.precompute inspected" in [item["producer"] for item in listed]


def test_the_command_without_a_model(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    out = tmp_path / "out.json"
    assert main(["--model", str(tmp_path / "none"), "--output", str(out)]) == 1
    assert not out.exists()
    assert "none" in caplog.text


def test_a_model_that_cannot_be_looked_into(settings: Settings, app: Flask) -> None:
    class OnlyMakes:
        name = "makes"

        def shared(self) -> Any:
            return None

    bare = create_app(settings, app.extensions["model"], TextMaker(OnlyMakes(), SHAPES))
    response = bare.test_client().post("/api/inspect", json={"text": "a"})
    assert response.status_code == 503
