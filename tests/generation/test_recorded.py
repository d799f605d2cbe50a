"""Steps that run again from a recording: equal to those that do not, on any variant and rule."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import numpy as np
import pytest
import torch

from bytelatent.generation.options import GenerationOptions
from bytelatent.generation.run import Run
from bytelatent.generation.sampling import SamplingArgs
from bytelatent.generation.torch_backend.engine import Engine
from bytelatent.generation.torch_backend.incremental import Incremental
from bytelatent.generation.torch_backend.prefill import prefill
from bytelatent.generation.torch_backend.recorded import BUFFERS_KEPT, CudaGraphs, Recorded
from bytelatent.generation.torch_backend.rows import TorchRow
from bytelatent.generation.torch_backend.torch_byte_model import TorchModel
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.tokenizers.constants import BOS_ID
from tests.generation.random_cases import (
    MODES,
    PAIRS,
    VARIANTS,
    RandomCase,
    followed,
    random_case,
    random_tokens,
)
from tests.generation.tape import Tape
from tests.test_blt import tiny as tiny_blt
from tests.test_transformer import tiny as tiny_lm


def recorded(case: RandomCase, tape: Tape | None = None) -> Recorded:
    tape = tape or Tape()
    return Recorded(case.blt, case.entropy_model, case.patcher, recorder=tape)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_logit_is_that_of_a_full_pass(variant, mode) -> None:
    case = random_case(variant, mode, 1)
    tape = Tape()
    tokens = random_tokens(np.random.default_rng(1), 40)
    found = followed(recorded(case, tape), case, tokens)
    expected = case.logits([*case.tokens, *tokens])[len(case.tokens) - 1 :]
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)
    assert tape.replayed > 2 * len(tokens) > 5 * tape.recorded


@pytest.mark.parametrize(("variant", "mode"), PAIRS)
@pytest.mark.parametrize("speculate", [None, 3, "auto"])
def test_text_is_that_of_the_engine(variant, mode, speculate) -> None:
    case = random_case(variant, mode, 4)
    prompts = [case.data, b"another one", b""]
    options = GenerationOptions(24, SamplingArgs(temperature=0.7, seed=5), (), speculate)
    found = Run(TorchModel(recorded(case)), prompts, options).whole()
    expected = case.engine().generate(
        prompts, max_bytes=24, sampling=options.sampling, speculate=speculate
    )
    assert [row.data for row in found] == [row.data for row in expected]
    assert [row.global_passes for row in found] == [row.global_passes for row in expected]


def test_a_lane_serves_the_next_row_without_a_trace_of_the_last() -> None:
    case, tape = random_case("as released", "space", 2), Tape()
    model = recorded(case, tape)
    tokens = random_tokens(np.random.default_rng(3), 60)
    first = followed(model, case, tokens)
    gc.collect()
    before = tape.recorded
    again = followed(model, case, tokens)
    assert tape.recorded == before
    assert torch.equal(first, again)


def test_rows_at_once_have_lanes_of_their_own_and_few_are_kept() -> None:
    case = random_case("as released", "byte", 2)
    model = recorded(case)
    rows = [prefill(model, [BOS_ID, 100 + number]) for number in range(BUFFERS_KEPT + 2)]
    assert len({id(row.room) for row in rows}) == len(rows)
    del rows
    gc.collect()
    assert len(model._waiting) == BUFFERS_KEPT


def test_only_what_has_moved_is_recorded_anew() -> None:
    blt, lm, tape = tiny_blt(), tiny_lm(sliding_window=8), Tape()
    patcher = PatcherArgs(patching_mode="static", patch_size=4)
    model = Recorded(blt, lm, patcher, recorder=tape)
    row = prefill(model, [BOS_ID])
    counts = []
    for _ in range(4 * 64 + 8):
        model.step([row], [101])
        counts.append(tape.recorded)
    # Encode and predict, close; and close again when the global cache was full.
    assert counts[0] == 2 and counts[8] == 3 and counts[4 * 62] == 3 and counts[-1] == 4


def test_entropy_models_without_a_window() -> None:
    lm, tokens = tiny_lm(attn_bias_type="causal"), [BOS_ID, *range(50, 200)]
    plain, again = (
        make(tiny_blt(), lm, PatcherArgs(threshold=5.4))
        for make in (Incremental, lambda *parts: Recorded(*parts, recorder=Tape()))
    )
    rows = [prefill(model, tokens[:20]) for model in (plain, again)]
    for token in tokens[20:]:
        plain.step(rows[:1], [token])
        again.step(rows[1:], [token])
        assert rows[1].entropy == pytest.approx(rows[0].entropy, abs=1e-4)


def step_on(model: Incremental, row: TorchRow, count: int) -> None:
    for _ in range(count):
        model.step([row], [101])


def test_a_patch_too_long_to_stand_side_by_side_is_refused() -> None:
    variant = next(name for name, args in VARIANTS.items() if "patch_bytes" in args)
    case = random_case(variant, "static", 1)
    case.patcher = PatcherArgs(patching_mode="static", patch_size=500)
    found = []
    for model in (case.incremental(), recorded(case)):
        row = prefill(model, [BOS_ID])
        with pytest.raises(ValueError, match="room for") as error:
            step_on(model, row, 600)
        found.append(str(error.value))
    assert found[0] == found[1]


def test_a_recording_must_not_wait_for_a_value() -> None:
    with pytest.raises(AssertionError, match="waits for a value"):
        Tape().record(lambda: torch.ones(1).item())


@pytest.fixture
def cuda(monkeypatch) -> list[str]:
    """What is asked of CUDA, which is not there; capturing fails where the list says so."""
    told: list[str] = []

    class Stream:
        def wait_stream(self, other: object) -> None:
            told.append("wait")

    class Graph:
        def replay(self) -> None:
            told.append("replay")

    @contextmanager
    def capture(graph: Graph, **options: object) -> Iterator[None]:
        assert sorted(options) == ["capture_error_mode", "pool", "stream"]
        told.append("capture")
        yield
        if "refuse" in told:
            raise RuntimeError("operation not permitted when stream is capturing")

    for name, fake in {
        "Stream": Stream,
        "CUDAGraph": Graph,
        "graph": capture,
        "device": lambda _: nullcontext(),
        "stream": lambda _: nullcontext(),
        "current_stream": Stream,
        "graph_pool_handle": lambda: (0, 1),
    }.items():
        monkeypatch.setattr(torch.cuda, name, fake)
    return told


def test_cuda_warms_up_captures_and_replays(cuda) -> None:
    replay = CudaGraphs(torch.device("cuda")).record(lambda: cuda.append("run"))
    assert cuda == ["wait", "run", "run", "wait", "capture", "run"]
    replay()
    assert cuda[6:] == ["replay"]


def test_what_cuda_refuses_runs_without(cuda) -> None:
    cuda.append("refuse")
    with pytest.warns(UserWarning, match="without a CUDA graph: operation not permitted"):
        replay = CudaGraphs(torch.device("cuda")).record(lambda: cuda.append("run"))
    cuda.clear()
    replay()
    assert cuda == ["run"]


def test_cuda_graphs_need_cuda() -> None:
    case = random_case("as released", "space", 1)
    with pytest.raises(ValueError, match="cuda_graphs: the model is on cpu"):
        Engine(case.blt, None, case.patcher, cuda_graphs=True)
