"""The app with the model that comes along, and the examples that it measured."""

import json
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.schemas.health import Health
from app.schemas.patches import PatchResponse
from app.settings import Settings
from app.stored.example_texts import TEXTS

PROSE = (
    "It was late in the afternoon when they reached the house. The door stood open, and there "
    "was a light in the kitchen, but nobody answered when they called."
)


@pytest.fixture(scope="module")
def client() -> Iterator[FlaskClient]:
    # However slow the machine: what the model says is tested here, not how fast.
    with create_app(Settings(request_seconds=600)).test_client() as client:
        yield client


def ask(client: FlaskClient, **fields: object) -> PatchResponse:
    response = client.post("/api/patches", json=fields)
    assert response.status_code == 200, response.text
    return PatchResponse.model_validate_json(response.data)


def test_it_is_loaded(client: FlaskClient) -> None:
    health = Health.model_validate_json(client.get("/healthz").data)
    assert (health.status, health.model) == ("ok", "blt-entropy-mini")


def test_prose(client: FlaskClient) -> None:
    found = ask(client, text=PROSE, top_k=5)
    assert found.bits_per_byte is not None
    assert found.bits_per_byte < 3.5
    assert 2 < found.bytes / len(found.patches) < 12
    assert found.predictions is not None
    for row in found.predictions:
        assert [p.p for p in row] == sorted((p.p for p in row), reverse=True)
        assert sum(p.p for p in row) <= 1.001


def test_words_begin_patches_more_often_than_they_end_them(client: FlaskClient) -> None:
    found = ask(client, text=PROSE)
    starts = {patch.start for patch in found.patches}
    places = [i for i in range(1, len(PROSE)) if PROSE[i].isalpha()]
    first = [i in starts for i in places if PROSE[i - 1] == " "]
    inner = [i in starts for i in places if PROSE[i - 1].isalpha()]
    assert sum(first) / len(first) > 3 * sum(inner) / len(inner)


@pytest.mark.parametrize("text", ["", "\0", "\n", "🙂", "x" * 5000, "مرحبا"])
def test_any_text(client: FlaskClient, text: str) -> None:
    found = ask(client, text=text)
    assert sum(found.patch_lengths) == len(text.encode()) + 1


def test_the_examples_are_what_this_model_says(client: FlaskClient) -> None:
    """Run ``python -m app.precompute examples`` after a change of the model or the texts."""
    stored = json.loads(Settings().examples_file.read_text(encoding="utf-8"))
    assert stored["model"] == "blt-entropy-mini"
    assert [e["request"]["text"] for e in stored["examples"]] == [t.text for t in TEXTS]
    for example in stored["examples"]:
        before = PatchResponse.model_validate(example["response"])
        now = ask(client, **example["request"])
        assert now.threshold == before.threshold
        assert now.entropies == pytest.approx(before.entropies, abs=1e-3)
        assert now.bits_per_byte == pytest.approx(before.bits_per_byte, abs=1e-3)
