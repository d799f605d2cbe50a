"""Recorded steps on a GPU: the text and the logits of steps that are not recorded.

python -m pytest -m gpu tests/gpu
"""

import numpy as np
import pytest
import torch

from bytelatent.generation.sampling import SamplingArgs
from bytelatent.generation.torch_backend.engine import Engine
from bytelatent.generation.torch_backend.incremental import Incremental
from bytelatent.generation.torch_backend.recorded import CudaGraphs, Recorded
from tests.generation.random_cases import PAIRS, followed, random_case, random_tokens

DEVICE = torch.device("cuda")
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


@pytest.mark.parametrize(("variant", "mode"), PAIRS)
def test_logits_are_those_of_steps_that_are_not_recorded(variant, mode) -> None:
    case = random_case(variant, mode, 1)
    parts = case.blt.to(DEVICE), case.entropy_model.to(DEVICE), case.patcher
    tokens = random_tokens(np.random.default_rng(1), 40)
    found = followed(Recorded(*parts, recorder=CudaGraphs(DEVICE)), case, tokens)
    torch.testing.assert_close(
        found, followed(Incremental(*parts), case, tokens), atol=1e-4, rtol=0
    )


@pytest.mark.parametrize("speculate", [None, 4, "auto"])
def test_text_is_that_of_a_cpu(speculate) -> None:
    case = random_case("as released", "entropy", 4)
    options = {"max_bytes": 48, "sampling": SamplingArgs(temperature=0.7, seed=5)}
    expected = case.engine().generate([case.data, b"b"], speculate=speculate, **options)
    engine = Engine(case.blt.to(DEVICE), case.entropy_model.to(DEVICE), case.patcher)
    assert isinstance(engine.model.model, Recorded)
    found = engine.generate([case.data, b"b"], speculate=speculate, **options)
    assert [row.data for row in found] == [row.data for row in expected]


def test_a_byte_allocates_nothing() -> None:
    case = random_case("as released", "entropy", 1)
    parts = case.blt.to(DEVICE), case.entropy_model.to(DEVICE), case.patcher
    model = Recorded(*parts, recorder=CudaGraphs(DEVICE))
    followed(model, case, [101] * 120)
    before = torch.cuda.memory_stats()["allocation.all.allocated"]
    row_tokens = [101] * 40
    followed(model, case, row_tokens)
    # What is left is the prompt's pass, and the copies that the test keeps.
    first = torch.cuda.memory_stats()["allocation.all.allocated"] - before
    followed(model, case, row_tokens * 2)
    second = torch.cuda.memory_stats()["allocation.all.allocated"] - before - first
    assert second - first == len(row_tokens)
