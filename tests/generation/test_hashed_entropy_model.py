"""An entropy model with hash n-grams: steps, drafts, recordings and graphs equal a full pass."""

import numpy as np
import pytest
import torch

from bytelatent.generation.options import GenerationOptions
from bytelatent.generation.run import Run
from bytelatent.generation.sampling import SamplingArgs
from bytelatent.generation.torch_backend.prefill import prefill
from bytelatent.generation.torch_backend.recorded import Recorded
from bytelatent.generation.torch_backend.torch_byte_model import TorchModel
from bytelatent.patching.entropies import calculate_entropies
from tests.generation.random_cases import (
    RandomCase,
    between,
    followed,
    lively,
    random_case,
    random_tokens,
)
from tests.generation.tape import Tape
from tests.runtime.exported_cases import runtime_of
from tests.test_transformer import tiny as tiny_lm

SIZES = {"longer than the BLT's": (9, 2), "shorter": (1, 3), "as long as nothing": (), "40": (40,)}


def hashed_case(sizes: tuple[int, ...], mode: str = "entropy") -> RandomCase:
    case = random_case("as released", mode, 2, window=30)
    hashes = {"sizes": sizes, "buckets": 50, "functions": 2}
    case.entropy_model = tiny_lm(sliding_window=30, hashes=hashes)
    lively(case.entropy_model)
    threshold = between(case.entropy_model, np.random.default_rng(8))
    case.patcher = case.patcher.model_copy(update={"threshold": threshold})
    return case


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_steps_and_recordings_give_the_entropies_of_a_full_pass(sizes) -> None:
    case = hashed_case(sizes)
    tokens = [*case.tokens, *random_tokens(np.random.default_rng(4), 60)]
    expected = calculate_entropies(case.entropy_model, torch.tensor([tokens]))[0]
    recorded = Recorded(case.blt, case.entropy_model, case.patcher, recorder=Tape())
    for model in (case.incremental(), recorded):
        row, found = prefill(model, case.tokens), []
        for token in tokens[len(case.tokens) :]:
            model.step([row], [token])
            found.append(row.entropy)
        wanted = expected[len(case.tokens) :]
        torch.testing.assert_close(torch.tensor(found), wanted, atol=1e-4, rtol=0)
        logits = followed(model, case, tokens[len(case.tokens) :])
        whole = case.logits(tokens)[len(case.tokens) - 1 :]
        torch.testing.assert_close(logits, whole, atol=1e-4, rtol=0)


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("speculate", [None, 3, "auto"])
def test_engine_recordings_and_graphs_write_the_same_text(sizes, speculate, tmp_path) -> None:
    case = hashed_case(sizes)
    prompts = [case.data, b"another one", b""]
    sampling = SamplingArgs(temperature=0.7, seed=5)
    wanted = {"max_bytes": 24, "sampling": sampling, "speculate": speculate}
    expected = case.engine().generate(prompts, **wanted)
    recorded = Recorded(case.blt, case.entropy_model, case.patcher, recorder=Tape())
    options = GenerationOptions(24, sampling, (), speculate)
    others = {
        "recorded": Run(TorchModel(recorded), prompts, options).whole(),
        "graphs": runtime_of(case, tmp_path).generate(prompts, **wanted),
    }
    alone = [case.engine().generate([prompts[0]], **wanted)[0]]
    assert alone[0].tokens == expected[0].tokens
    for name, found in others.items():
        assert [row.tokens for row in found] == [row.tokens for row in expected], name
        for row, other in zip(found, expected, strict=True):
            assert row.global_passes == other.global_passes, name


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_drafts_change_no_greedy_text_and_no_patch(sizes) -> None:
    case = hashed_case(sizes)
    plain = list(case.engine().stream([case.data], max_bytes=60))
    drafted = list(case.engine().stream([case.data], max_bytes=60, speculate=4))
    assert [event.token for event in plain] == [event.token for event in drafted]
    found, expected = ([event.entropy for event in run] for run in (drafted, plain))
    assert found == pytest.approx(expected, abs=1e-4)
