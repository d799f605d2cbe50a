"""A BLT on onnxruntime: token for token what torch gives, whatever the options."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bytelatent.generation.sampling import SamplingArgs
from bytelatent.generation.torch_backend.engine import Engine
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.runtime import BltRuntime
from bytelatent.tokenizers.constants import BOS_ID, EOS_ID, OFFSET
from tests.generation.random_cases import MODES, VARIANTS, random_case, random_tokens
from tests.runtime.exported_cases import engine_of, runtime_of, wide_case

PROMPTS = [b"", b"A BLT has", b"\xff\xfe and a longer prompt, beyond every window", b"A BLT has"]
SAMPLED = SamplingArgs(temperature=0.9, top_p=0.95, seed=4)
PAIRS = [
    *((variant, MODES[number % len(MODES)]) for number, variant in enumerate(VARIANTS)),
    *(("as released", mode) for mode in MODES),
]


@pytest.fixture(scope="module")
def wide():
    """Windows that leave room for long drafts."""
    return wide_case()


@pytest.fixture(scope="module")
def runtime(wide, tmp_path_factory) -> BltRuntime:
    return runtime_of(wide, tmp_path_factory.mktemp("wide"))


@pytest.mark.parametrize(("variant", "mode"), PAIRS)
def test_logits_are_those_of_a_plain_pass(variant, mode, tmp_path) -> None:
    """Through window wrap, ends of documents and long patches; prompt by chunks, then by bytes."""
    case = random_case(variant, mode, 11)
    model = runtime_of(case, tmp_path).model
    tokens = [*case.tokens, *random_tokens(np.random.default_rng(2), 30)]
    size = len(case.tokens)
    expected = case.logits(tokens)
    row = model.prefill(tokens[:size])
    found = [row.logits_V]
    for token in tokens[size:]:
        model.step([row], [token])
        found.append(row.logits_V)
    torch.testing.assert_close(
        torch.tensor(np.stack(found)), expected[size - 1 :], atol=1e-4, rtol=0
    )
    chunked = model.prefill(tokens)
    np.testing.assert_allclose(chunked.logits_V, found[-1], atol=1e-4)
    assert chunked.starts == row.starts
    assert chunked.open_patch.size == row.open_patch.size


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_chunks_of_a_prompt_change_nothing(chunk, runtime, wide, monkeypatch) -> None:
    tokens = [BOS_ID, *random_tokens(np.random.default_rng(5), 150)]
    monkeypatch.setattr("bytelatent.runtime.steps.CHUNK", chunk)
    monkeypatch.setattr("bytelatent.runtime.steps.MAX_PADDED_BYTES", 20)
    monkeypatch.setattr("bytelatent.runtime.steps.MAX_PATCH_SCORES", 50 * chunk)
    found = torch.tensor(runtime.model.prefill(tokens).logits_V)
    torch.testing.assert_close(found, wide.logits(tokens)[-1], atol=1e-4, rtol=0)


@pytest.mark.parametrize("sampling", [SamplingArgs(), SAMPLED], ids=["greedy", "sampled"])
@pytest.mark.parametrize(
    ("variant", "mode"),
    [("as released", "entropy"), ("grouped heads", "space"), ("encoder all", "monotonic")],
)
def test_events_are_those_of_torch(variant, mode, sampling, tmp_path) -> None:
    case = random_case(variant, mode, 2)
    expected = list(engine_of(case).stream(PROMPTS, max_bytes=25, sampling=sampling))
    runtime = runtime_of(case, tmp_path)
    found = list(runtime.stream(PROMPTS, max_bytes=25, sampling=sampling))
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.probability == pytest.approx(theirs.probability, abs=1e-4)
        assert ours.entropy == pytest.approx(theirs.entropy, abs=1e-4)
        like = {"probability": 0, "entropy": 0, "seconds": 0}
        assert replace(ours, **like) == replace(theirs, **like)
    alone = runtime.generate([PROMPTS[2]], max_bytes=25, sampling=sampling)[0]
    assert alone.tokens == [event.token for event in found if event.row == 2]


@pytest.mark.parametrize("length", [*range(1, 17), "auto"])
def test_drafts_change_no_greedy_text(length, runtime, wide) -> None:
    plain = engine_of(wide).generate(PROMPTS[:3], max_bytes=30)
    found = runtime.generate(PROMPTS[:3], max_bytes=30, speculate=length)
    for ours, theirs in zip(found, plain, strict=True):
        assert (ours.tokens, ours.data, ours.finish) == (theirs.tokens, theirs.data, theirs.finish)
        assert ours.patches == theirs.patches
    assert sum(ours.accepted for ours in found) > 0


@pytest.mark.parametrize(("variant", "mode"), PAIRS[::3])
def test_drafts_of_any_model_change_nothing(variant, mode, tmp_path) -> None:
    """The state that a round leaves behind is that of plain steps."""
    case = random_case(variant, mode, 8)
    runtime = runtime_of(case, tmp_path)
    plain = runtime.generate(PROMPTS[:3], max_bytes=30)
    assert [one.tokens for one in plain] == [
        one.tokens for one in engine_of(case).generate(PROMPTS[:3], max_bytes=30)
    ]
    for length in (3, "auto"):
        found = runtime.generate(PROMPTS[:3], max_bytes=30, speculate=length)
        assert [one.tokens for one in found] == [one.tokens for one in plain]


@pytest.mark.parametrize("length", [4, "auto"])
def test_drafts_sampled_are_those_of_torch(length, runtime, wide) -> None:
    expected = engine_of(wide).generate(PROMPTS, max_bytes=30, sampling=SAMPLED, speculate=length)
    found = runtime.generate(PROMPTS, max_bytes=30, sampling=SAMPLED, speculate=length)
    assert [one.tokens for one in found] == [one.tokens for one in expected]
    assert [one.accepted for one in found] == [one.accepted for one in expected]


@pytest.mark.parametrize("speculate", [None, 5])
def test_an_end_of_document_and_a_stop_text_end_a_row(speculate, tmp_path) -> None:
    case = random_case("as released", "space", 4)
    (whole,) = engine_of(case).generate([b"abc"], max_bytes=30)
    place = next(n for n, t in enumerate(whole.tokens) if n > 3 and t not in whole.tokens[:n])
    token = whole.tokens[place]
    stop = [bytes([token - OFFSET])]
    (found,) = runtime_of(case, tmp_path / "a").generate(
        [b"abc"], max_bytes=30, stop=stop, speculate=speculate
    )
    assert (found.finish, found.data) == ("stop", whole.data.split(stop[0])[0])
    with torch.no_grad():  # the rows of both ids change places
        weight = case.blt.local_decoder.output.weight
        weight[[EOS_ID, token]] = weight[[token, EOS_ID]]
    (found,) = runtime_of(case, tmp_path / "b").generate(
        [b"abc"], max_bytes=30, speculate=speculate
    )
    assert (found.finish, found.tokens) == ("eos", [*whole.tokens[:place], EOS_ID])


def test_calls_do_not_disturb_one_another(runtime) -> None:
    calls = [(prompt, speculate) for prompt in PROMPTS[:3] for speculate in (None, 4)]

    def tokens(call) -> list[int]:
        prompt, speculate = call
        return runtime.generate([prompt], max_bytes=20, speculate=speculate)[0].tokens

    expected = [tokens(call) for call in calls]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(tokens, calls * 2)) == expected * 2
    streams = [runtime.stream([prompt], max_bytes=20) for prompt, _ in calls[::2]]
    turns = [[event.token for event in turn] for turn in zip(*streams, strict=False)]
    first = min(len(one) for one in expected)
    assert [list(own) for own in zip(*turns, strict=True)] == [one[:first] for one in expected[::2]]


def test_a_stream_can_be_given_up(runtime, monkeypatch) -> None:
    stream = runtime.stream([b"abc"], max_bytes=1000)
    next(stream)
    stepped = []
    monkeypatch.setattr(runtime.model, "step", lambda *_: stepped.append(1))
    stream.close()
    assert next(stream, None) is None
    assert not stepped


@pytest.mark.parametrize("call", ["stream", "generate"])
def test_both_backends_share_the_calls_that_generate(call: str) -> None:
    assert getattr(BltRuntime, call) is getattr(Engine, call)


def test_bad_numbers_are_refused_before_anything_runs(runtime) -> None:
    limited = BltRuntime(runtime.model, name="x", patcher=runtime.patcher, prompt_limit=5)
    with pytest.raises(ValueError, match="prompt: 6 bytes are more than the limit of 5"):
        limited.stream([b"abc", b"abcdef"])
    with pytest.raises(ValueError, match="prompt: 6 bytes"):
        limited.inspect(b"abcdef")
    assert limited.inspect(b"abcde").tokens.shape == (6,)
    for changes, words in (
        ({"max_bytes": -1}, "max_bytes: -1 is not 0 or more"),
        ({"stop": [b""]}, "stop: an empty"),
        ({"speculate": 0}, "speculate: 0 is not 1 or more bytes to draft, or 'auto'"),
        ({"speculate": "fast"}, "speculate: fast is not 1 or more"),
    ):
        with pytest.raises(ValueError, match=words):
            runtime.stream([b"abc"], **changes)


def test_a_patch_without_room_is_an_error(tmp_path) -> None:
    case = random_case("bytes side by side", "static", 0)
    case.patcher = PatcherArgs(patching_mode="static", patch_size=7)
    with pytest.raises(ValueError, match="a patch holds 7 bytes, concatenation has room for 6"):
        runtime_of(case, tmp_path).generate([b"abcdefgh" * 3], max_bytes=10)


def test_it_loads_no_torch(runtime, wide, tmp_path) -> None:
    runtime_of(wide, tmp_path)
    code = (
        "import sys\n"
        "from bytelatent.runtime import BltRuntime\n"
        f"runtime = BltRuntime.load({str(tmp_path)!r})\n"
        "print(runtime.generate([b'abc'], max_bytes=5, speculate='auto')[0].tokens)\n"
        "runtime.inspect(b'abc')\n"
        "assert not {'torch', 'onnx', 'safetensors'} & set(sys.modules)\n"
    )
    root = Path(__file__).parents[2]
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == str(runtime.generate([b"abc"], max_bytes=5)[0].tokens)
