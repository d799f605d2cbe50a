"""The shipped BLT: onnxruntime writes the text that torch writes."""

import numpy as np
import pytest
import torch

from bytelatent.formats.find import PRETRAINED
from bytelatent.generation.sampling import SamplingArgs
from bytelatent.loading import load_text_model
from bytelatent.runtime import BltRuntime
from bytelatent.runtime.onnx_format import BLT_GRAPHS
from tests.runtime.exported_cases import engine_of_text_model

FOLDER = PRETRAINED / "blt-mini"
PROMPTS = [b"A BLT has", "Les pays de l\u2019Europe".encode(), b"def main(argv):\n    "]
SAMPLED = SamplingArgs(temperature=0.8, top_p=0.9, seed=3, valid_utf8=True)

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="blt-mini is not released yet")


@pytest.fixture(scope="module")
def model():
    return load_text_model("blt-mini")


@pytest.fixture(scope="module")
def runtime() -> BltRuntime:
    return BltRuntime.load(FOLDER)


def test_the_graphs_are_small() -> None:
    assert sum((FOLDER / name).stat().st_size for name in BLT_GRAPHS) < 100_000


@pytest.mark.parametrize("sampling", [SamplingArgs(), SAMPLED], ids=["greedy", "sampled"])
def test_texts_are_those_of_torch(model, runtime, sampling) -> None:
    expected = engine_of_text_model(model).generate(PROMPTS, max_bytes=48, sampling=sampling)
    found = runtime.generate(PROMPTS, max_bytes=48, sampling=sampling)
    assert [one.tokens for one in found] == [one.tokens for one in expected]
    if sampling.greedy:
        drafted = runtime.generate(PROMPTS, max_bytes=48, speculate="auto")
        assert [one.tokens for one in drafted] == [one.tokens for one in expected]


def test_what_is_seen_is_what_torch_computes(model, runtime) -> None:
    found = runtime.inspect(b"A BLT has bacon, lettuce and tomato. " * 9, top_k=1)
    tokens = torch.from_numpy(found.tokens)[None]
    with torch.no_grad():
        lengths, nats = model.patcher.patch(tokens)
        expected = model.model.inspect(tokens, lengths)
    np.testing.assert_array_equal(found.patch_lengths, lengths[0])
    np.testing.assert_allclose(found.entropies, nats[0], atol=1e-4)
    best = expected.logits[0].log_softmax(-1).exp().max(-1).values
    np.testing.assert_allclose(found.top_probabilities[:, 0], best, atol=1e-4)
    for weight_SKH, weight_1SKH in zip(
        found.decoder_weights, expected.decoder_weights, strict=True
    ):
        np.testing.assert_allclose(weight_SKH, weight_1SKH[0], atol=1e-4)
