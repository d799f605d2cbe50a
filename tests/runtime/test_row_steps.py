"""Rows that step together: each gets what it gets alone, and each graph runs once for all."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest

from bytelatent.generation.options import GenerationOptions
from bytelatent.generation.row_batch import RowBatch
from bytelatent.generation.sampling import SamplingArgs
from bytelatent.runtime import BltRuntime
from bytelatent.runtime.row_steps import RowStepModel
from bytelatent.runtime.steps import Sessions, StepModel
from bytelatent.tokenizers.constants import BOS_ID, EOS_ID, OFFSET
from tests.generation.random_cases import PAIRS, random_case, random_tokens
from tests.runtime.exported_cases import runtime_of, wide_case, write

SAMPLED = SamplingArgs(temperature=0.9, top_p=0.95, seed=4)
PROMPTS = [b"", b"A BLT has", b"ab " * 40, b"\xff\xfe of another length", b"A BLT has", b"z"]
ONE_ROW = Path(__file__).parent / "one_row"


@pytest.fixture(scope="module")
def runtime(tmp_path_factory) -> BltRuntime:
    return runtime_of(wide_case(), tmp_path_factory.mktemp("wide"))


@pytest.mark.parametrize(("variant", "mode"), PAIRS)
def test_rows_at_different_places_get_what_they_get_alone(variant, mode, tmp_path) -> None:
    """Through window wrap, ends of documents, patches of some rows and rows that leave."""
    model = runtime_of(random_case(variant, mode, 21), tmp_path).model
    assert isinstance(model, RowStepModel)
    random = np.random.default_rng(6)
    prompts = [[BOS_ID, *random_tokens(random, size)] for size in (0, 3, 30, 17)]
    rows = [model.prefill(tokens) for tokens in prompts]
    alone = [model.prefill(tokens) for tokens in prompts]
    for turn in range(40):
        places = [number for number in range(4) if number != 1 or turn not in range(15, 25)]
        tokens = random_tokens(random, len(places))
        model.step([rows[number] for number in places], tokens)
        for number, token in zip(places, tokens, strict=True):
            model.advance(alone[number], [token])
            ours, theirs = rows[number], alone[number]
            np.testing.assert_allclose(ours.logits_V, theirs.logits_V, atol=1e-4)
            assert (ours.starts, ours.open_patch.size) == (theirs.starts, theirs.open_patch.size)
            assert ours.entropy == pytest.approx(theirs.entropy, abs=1e-4)


@pytest.mark.parametrize("speculate", [None, 3, "auto"])
@pytest.mark.parametrize("sampling", [SamplingArgs(), SAMPLED], ids=["greedy", "sampled"])
@pytest.mark.parametrize(("variant", "mode"), PAIRS[::5])
def test_a_text_does_not_depend_on_the_batch(variant, mode, sampling, speculate, tmp_path) -> None:
    runtime = runtime_of(random_case(variant, mode, 23), tmp_path)
    options: dict[str, Any] = {"sampling": sampling, "speculate": speculate, "max_bytes": 40}
    together = runtime.generate(PROMPTS[:4], **options)
    for prompt, text in zip(PROMPTS, together, strict=False):
        (alone,) = runtime.generate([prompt], **options)
        assert replace(text, seconds=0) == replace(alone, seconds=0)


class Counting:
    """A session that counts its runs."""

    def __init__(self, session: Any, runs: Counter[str], name: str) -> None:
        self._session, self._runs, self._name = session, runs, name

    def run(self, names: Any, feed: Any) -> Any:
        self._runs[self._name] += 1
        return self._session.run(names, feed)


def counting(runtime: BltRuntime, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """The number of runs of each graph from now on."""
    runs: Counter[str] = Counter()
    model = runtime.model
    parts = {
        name: Counting(getattr(model.sessions, name), runs, name)
        for name in ("encoder", "globals", "decoder")
    }
    monkeypatch.setattr(model, "sessions", Sessions(**parts, entropy=None))
    assert model.entropy_graph is not None
    entropies = Counting(model.entropy_graph.session, runs, "entropy")
    monkeypatch.setattr(model.entropy_graph, "session", entropies)
    return runs


def test_each_graph_runs_once_for_all_rows(runtime, monkeypatch) -> None:
    model = runtime.model
    rows = [model.prefill([BOS_ID, *(byte + OFFSET for byte in text)]) for text in PROMPTS]
    runs = counting(runtime, monkeypatch)
    closed = 0
    for token in [OFFSET + byte for byte in b"some more bytes for all"]:
        model.step(rows, [token] * len(rows))
        closed += any(row.starts for row in rows)
    assert runs == {"entropy": 23, "encoder": 23, "globals": closed, "decoder": 23}
    assert closed > 0


def test_caches_of_many_patches_are_not_copied(runtime, monkeypatch) -> None:
    monkeypatch.setattr("bytelatent.runtime.row_steps.MAX_COPIED_PATCHES", 1)
    found = runtime.generate(PROMPTS, max_bytes=30)
    assert found[2].tokens == runtime.generate([PROMPTS[2]], max_bytes=30)[0].tokens


def test_an_end_of_document_is_a_step_of_one_row(runtime, monkeypatch) -> None:
    rows = [runtime.model.prefill([BOS_ID, OFFSET + 65]) for _ in range(3)]
    runs = counting(runtime, monkeypatch)
    runtime.model.step(rows, [OFFSET + 66, EOS_ID, OFFSET + 66])
    assert runs["encoder"] == 2


def test_a_patch_that_is_too_long_fails_alone(tmp_path) -> None:
    """A model that concatenates bytes has room for a limited number of them."""
    case = random_case("bytes side by side", "static", 5)
    case.patcher = case.patcher.model_copy(update={"max_patch_length": None, "patch_size": 9})
    batch = RowBatch(runtime_of(case, tmp_path).model)
    options = GenerationOptions(max_bytes=12)
    long, short = batch.new_row(b"abcde", options), batch.new_row(b"", options)
    for row in (long, short):
        while row.read_part():
            pass
        batch.join(row)
    errors = {}
    while batch.rows:
        for outcome in batch.step():
            if outcome.error is not None:
                errors[id(outcome.row)] = (str(outcome.error), len(outcome.row.text.data))
    assert "concatenation has room for 6" in errors[id(long)][0]
    assert errors[id(short)][1] > errors[id(long)][1]


@pytest.fixture(scope="module")
def earlier(tmp_path_factory) -> BltRuntime:
    """A model with graphs of one row, which the version before wrote for tensors of these shapes.

    ``random_case("as released", "entropy", 3)`` has these shapes.
    """
    folder = write(random_case("as released", "entropy", 3), tmp_path_factory.mktemp("earlier"))
    copytree(ONE_ROW, folder, dirs_exist_ok=True)
    return BltRuntime.load(folder)


@pytest.mark.parametrize("speculate", [None, 4])
def test_graphs_of_one_row_still_run(earlier, speculate, tmp_path) -> None:
    assert type(earlier.model) is StepModel
    runtime = runtime_of(random_case("as released", "entropy", 3), tmp_path)
    expected = runtime.generate(PROMPTS, max_bytes=30, speculate=speculate)
    found = earlier.generate(PROMPTS, max_bytes=30, speculate=speculate)
    assert [text.tokens for text in found] == [text.tokens for text in expected]
    assert earlier.inspect(b"a text").entropies == pytest.approx(
        runtime.inspect(b"a text").entropies, abs=1e-4
    )
