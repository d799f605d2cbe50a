"""The BLT that comes along, looked into through the API's code."""

import json

import numpy as np
import pytest

from app.models.architectures import Architectures
from app.models.generator import TextMaker
from app.models.inspector import Inspector
from app.precompute.inspected import CHOSEN
from app.schemas.inspect import AttentionMap, InspectRequest, InspectResponse
from app.settings import DEFAULT_BLT, Settings
from bytelatent.architecture.ngrams import last_hashes

SIZES, ROWS = [3, 4, 5, 6, 7, 8], 1024


@pytest.fixture(scope="module")
def inspector() -> Inspector:
    inspector = Inspector(TextMaker.load(Settings()), Settings())
    assert inspector.source is not None, inspector.reason
    return inspector


@pytest.fixture(scope="module")
def items() -> list[InspectResponse]:
    value = json.loads(Settings().inspected_file.read_text(encoding="utf-8"))
    assert value["model"] == DEFAULT_BLT.name
    assert [item["id"] for item in value["examples"]] == list(CHOSEN)
    return [InspectResponse.model_validate(item["response"]) for item in value["examples"]]


def weights(maps: list[AttentionMap]) -> np.ndarray:
    return np.array([map_.weights for map_ in maps])


def test_the_first_example_is_what_it_answers(
    inspector: Inspector, items: list[InspectResponse]
) -> None:
    stored = json.loads(Settings().inspected_file.read_text(encoding="utf-8"))["examples"][0]
    request = InspectRequest.model_validate(stored["request"])
    found = InspectResponse.model_validate(inspector.answer(request, request.text.encode()))
    first = items[0]
    assert found.patch_lengths == first.patch_lengths
    assert found.hashes == first.hashes
    assert found.nats == pytest.approx(first.nats, abs=1e-3)
    for new, old in (
        (found.encoder_attention, first.encoder_attention),
        (found.decoder_attention, first.decoder_attention),
    ):
        assert weights(new) == pytest.approx(weights(old), abs=2e-3)


def test_buckets_are_those_of_the_rule(items: list[InspectResponse]) -> None:
    for item in items:
        assert [table.size for table in item.hashes] == SIZES
        rows = [
            last_hashes(item.tokens[: end + 1], SIZES, 0, ROWS) for end in range(item.bytes + 1)
        ]
        assert np.array([table.buckets for table in item.hashes]).T.tolist() == rows


def test_who_is_predicted_from_whom(items: list[InspectResponse]) -> None:
    for item in items:
        assert item.predicted_from[:-1] == [patch - 1 for patch in item.read_into[1:]]
        assert sum(item.patch_lengths) == item.bytes + 2
        assert weights(item.decoder_attention).sum(axis=1) == pytest.approx(1.0, abs=2e-3)


def test_its_architecture_is_drawn_first() -> None:
    known = Architectures(Settings())
    shape = known.by_name[known.first]
    assert (shape.model, shape.loaded) == (DEFAULT_BLT.name, True)
    assert (shape.hash_sizes, shape.hash_buckets) == (SIZES, ROWS)
    assert shape.bytes_per_patch == pytest.approx(4.5, abs=0.1)
    card = (DEFAULT_BLT / "README.md").read_text(encoding="utf-8")
    assert f"{shape.parameters:,}" in card
