"""Continuous batching: threads share the steps of one model, and no text changes."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from bytelatent.generation.options import GenerationOptions
from bytelatent.generation.sampling import SamplingArgs
from bytelatent.generation.shared import MOST_UNREAD, SharedGenerator
from bytelatent.generation.text_generator import TextGenerator
from bytelatent.generation.torch_backend.engine import Engine
from tests.generation.random_cases import random_case

GREEDY = GenerationOptions(max_bytes=40)
SAMPLED = GenerationOptions(max_bytes=30, sampling=SamplingArgs(temperature=0.8, seed=3))
DRAFTED = GenerationOptions(max_bytes=35, speculate=3)
LONG = 300.0


class Watched:
    """A model that notes how many rows step together, and may fail or wait."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.sizes: list[int] = []
        self.fails: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def step(self, rows: Any, tokens: Any) -> None:
        assert self.gate.wait(LONG)
        self.sizes.append(len(rows))
        if self.fails is not None:
            raise self.fails
        self._model.step(rows, tokens)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return random_case("as released", "entropy", 5).engine()


@pytest.fixture
def model(engine: Engine) -> Watched:
    return Watched(engine.model)


@pytest.fixture
def shared(model: Watched) -> SharedGenerator[Any]:
    return SharedGenerator(TextGenerator(model, prompt_limit=100))


def tokens_of(shared: SharedGenerator[Any], prompt: bytes, options: GenerationOptions) -> list[int]:
    with closing(shared.text_events(prompt, options)) as events:
        return [event.token for event in events]


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    until = time.monotonic() + LONG
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)


def in_threads(works: list[Any]) -> list[Any]:
    """The results, or errors, of functions that run at the same time."""
    results: list[Any] = [None] * len(works)

    def run(number: int) -> None:
        try:
            results[number] = works[number]()
        except Exception as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    return results


def test_texts_of_threads_are_those_of_single_texts(engine, model, shared) -> None:
    cases = [
        (prompt, options)
        for prompt in (b"", b"A BLT has", b"another one, longer")
        for options in (GREEDY, SAMPLED, DRAFTED)
    ]
    found = in_threads([lambda case=case: tokens_of(shared, *case) for case in cases])
    for (prompt, options), tokens in zip(cases, found, strict=True):
        (alone,) = engine.generate(
            [prompt],
            max_bytes=options.max_bytes,
            sampling=options.sampling,
            speculate=options.speculate,
        )
        assert tokens == alone.tokens


def test_texts_that_are_open_step_together(model, shared) -> None:
    options = GenerationOptions(max_bytes=80)
    streams = [shared.text_events(bytes([65 + number]), options) for number in range(5)]
    for _ in range(40):
        for events in streams:
            next(events)
    assert max(model.sizes) == 5
    streams[0].close()
    eventually(lambda: len(shared._texts) == 4)
    model.sizes.clear()
    for _ in range(40):
        for events in streams[1:]:
            next(events)
    assert max(model.sizes) == 4


def test_a_text_that_nobody_reads_waits_for_its_reader(model, shared) -> None:
    slow = shared.text_events(b"slow", GenerationOptions(max_bytes=200))
    next(slow)
    assert len(tokens_of(shared, b"fast", GenerationOptions(max_bytes=150))) == 150
    assert len(model.sizes) <= 150 + MOST_UNREAD + 1
    assert len(list(slow)) == 199


def test_the_thread_of_the_steps_ends_with_the_last_text(shared) -> None:
    def steps() -> bool:
        return any(thread.name == "steps of texts" for thread in threading.enumerate())

    events = shared.text_events(b"a", GenerationOptions(max_bytes=500))
    next(events)
    assert steps()
    events.close()
    eventually(lambda: not steps())
    assert len(tokens_of(shared, b"next", GREEDY)) == 40


def test_a_text_joins_while_others_are_busy(model, shared) -> None:
    """The thread of a text without pause must not keep a new text out."""
    began = threading.Event()

    def endless() -> int:
        with closing(shared.text_events(b"busy", GenerationOptions(max_bytes=10**6))) as events:
            for count, _ in enumerate(events):
                began.set()
                if done.is_set():
                    return count
        return 0

    done = threading.Event()

    def second() -> list[int]:
        assert began.wait(LONG)
        try:
            return tokens_of(shared, b"new", GREEDY)
        finally:
            done.set()

    count, tokens = in_threads([endless, second])
    assert count > 0 and len(tokens) == 40


def test_an_error_of_one_text_is_not_that_of_another(engine, shared, monkeypatch) -> None:
    """Logits that are not finite end the text that has them."""
    healthy = shared.text_events(b"healthy", GREEDY)
    next(healthy)
    ill = shared.text_events(b"ill", GREEDY)
    next(ill)
    (row,) = [
        row for row in shared._batch.rows if row.began == max(r.began for r in shared._batch.rows)
    ]
    monkeypatch.setattr(row.sampler, "sample", _no_byte)
    with pytest.raises(ValueError, match="no byte"):
        list(ill)
    (alone,) = engine.generate([b"healthy"], max_bytes=40)
    assert [event.token for event in healthy] == alone.tokens[1:]


def _no_byte(*_: Any) -> Any:
    raise ValueError("logits: no byte can be chosen")


def test_a_failure_of_the_model_ends_all_texts_and_not_the_next(model, shared) -> None:
    streams = [shared.text_events(b"a", GREEDY), shared.text_events(b"b", GREEDY)]
    for events in streams:
        next(events)
    model.fails = RuntimeError("out of memory")
    for events in streams:
        with pytest.raises(RuntimeError, match="out of memory"):
            list(events)
    model.fails = None
    assert len(tokens_of(shared, b"next", GREEDY)) == 40


def test_a_stream_closed_at_any_time_leaves_nothing(shared) -> None:
    shared.text_events(b"never read", GREEDY).close()
    events = shared.text_events(b"a", GREEDY)
    next(events)
    events.close()
    assert tokens_of(shared, b"none", GenerationOptions(max_bytes=0)) == []
    eventually(lambda: not (shared._batch.rows or shared._texts or shared._joining))


def test_a_stream_closed_during_a_step_is_gone_after_it(model, shared) -> None:
    options = GenerationOptions(max_bytes=80)
    first, second = shared.text_events(b"first", options), shared.text_events(b"second", options)
    next(first), next(second)
    model.gate.clear()
    reader = threading.Thread(target=lambda: list(first))
    reader.start()
    second.close()
    model.gate.set()
    reader.join(LONG)
    assert not reader.is_alive()
    eventually(lambda: not shared._texts)


def test_prompts_are_checked_before_a_text_begins(shared) -> None:
    with pytest.raises(ValueError, match="101 bytes are more than the limit of 100"):
        shared.text_events(b"x" * 101, GREEDY)


def test_iterators_are_generators(shared) -> None:
    assert isinstance(shared.text_events(b"", GREEDY), Iterator)
