"""The BLT that comes along, through the API's code: real bytes, real patches, no torch."""

from contextlib import closing

import pytest

from app.models.generated_text import as_document, describe_text, text_request_of
from app.models.generator import TextMaker
from app.precompute.traces import TEXTS, requests_of
from app.schemas.generate import GenerateRequest, GenerateResponse
from app.settings import DEFAULT_BLT, Settings
from app.stored.trace_file import TraceFile

pytestmark = pytest.mark.skipif(
    not (DEFAULT_BLT / "encoder.onnx").is_file(), reason="blt-mini is not released yet"
)


@pytest.fixture(scope="module")
def maker() -> TextMaker:
    maker = TextMaker.load(Settings())
    assert maker.source is not None, maker.reason
    return maker


def answer(maker: TextMaker, request: GenerateRequest) -> GenerateResponse:
    text_request = text_request_of(request, request.prompt.encode())
    with closing(maker.begin(text_request)) as text:
        return GenerateResponse.model_validate(
            as_document(text, describe_text(maker, text_request))
        )


def test_patches_save_work(maker: TextMaker) -> None:
    found = answer(maker, GenerateRequest(prompt="The United States is ", max_bytes=60))
    assert found.bytes == 60
    assert 3 < found.patches < 30
    assert found.global_passes <= found.patches + 1
    assert found.flops_per_byte < found.flops_per_byte_plain
    for event in found.events[1:]:
        assert event.starts_patch == event.global_ran


def test_drafts_change_no_greedy_text(maker: TextMaker) -> None:
    plain = answer(maker, GenerateRequest(prompt="The United States is ", max_bytes=60))
    for speculate in (4, "auto"):
        request = GenerateRequest.model_validate(
            {"prompt": "The United States is ", "max_bytes": 60, "speculate": speculate}
        )
        drafted = answer(maker, request)
        assert drafted.text == plain.text
        assert 0 < drafted.accepted <= drafted.drafted


def test_recorded_texts_are_its_own() -> None:
    traces = TraceFile(Settings().traces_file).read()
    assert traces.model == DEFAULT_BLT.name
    expected = [(id_, request) for text in TEXTS for id_, _, request in requests_of(text)]
    recorded = [(t["id"], GenerateRequest.model_validate(t["request"])) for t in traces.items]
    assert recorded == expected
    for item in traces.items:
        GenerateResponse.model_validate(item["response"])
