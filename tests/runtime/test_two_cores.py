"""A long text on two cores: a second thread measures its second half, and nothing changes."""

import threading
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bytelatent.runtime import ByteAnalysis, EntropyRuntime, Prefixes
from bytelatent.runtime.ahead import Ahead
from tests.generation.random_cases import lively, random_case
from tests.runtime.exported_cases import write
from tests.test_transformer import tiny as tiny_lm

DATA = bytes(np.random.default_rng(3).integers(0, 256, 1500, dtype=np.uint8))


def runtime_of(folder: Path, *, prefixes: Prefixes | None = None, **args: Any) -> EntropyRuntime:
    case = random_case("as released", "entropy", 3)
    case.entropy_model = tiny_lm(**args)
    lively(case.entropy_model)
    return EntropyRuntime.load(write(case, folder) / "entropy_model", prefixes=prefixes)


def differences(one: ByteAnalysis, other: ByteAnalysis) -> list[float]:
    """Largest difference of each array."""
    pairs = [(getattr(one, field.name), getattr(other, field.name)) for field in fields(one)]
    return [float(np.abs(a - b).max(initial=0)) for a, b in pairs]


ARGS: list[dict[str, Any]] = [
    {"sliding_window": 16},
    {"sliding_window": 32, "n_kv_heads": 2},
    {"sliding_window": 16, "hashes": {"sizes": [2, 9], "buckets": 40, "functions": 2}},
]


@pytest.mark.parametrize("args", ARGS, ids=str)
@pytest.mark.parametrize("size", [1500, 1001, 600])
def test_the_result_is_the_same_to_the_last_bit(args, size, tmp_path) -> None:
    runtime = runtime_of(tmp_path, **args)
    alone = runtime.analyse(DATA[:size], top_k=3, chunk=16)
    threads = watched(runtime)
    both = runtime.analyse(DATA[:size], top_k=3, chunk=16, cores=2)
    assert len(threads) == 2, "both halves were measured"
    assert differences(alone, both) == [0.0] * 5


def watched(runtime: EntropyRuntime) -> set[str]:
    """Names of the threads that run the model from now on."""
    names: set[str] = set()
    session = runtime.model.session

    class Noting:
        def run(self, *arguments: Any) -> Any:
            names.add(threading.current_thread().name)
            return session.run(*arguments)

    runtime.model.session = Noting()
    return names


def test_chunks_that_do_not_divide_the_window_differ_by_rounding(tmp_path) -> None:
    runtime = runtime_of(tmp_path, sliding_window=25)
    alone = runtime.analyse(DATA, chunk=16)
    assert max(differences(alone, runtime.analyse(DATA, chunk=16, cores=2))[:3]) < 1e-4


@pytest.mark.parametrize("args", [{"sliding_window": 400}, {}])
def test_a_text_that_is_short_for_its_window_has_one_thread(args, tmp_path) -> None:
    runtime = runtime_of(tmp_path, **{"sliding_window": 64, **args})
    threads = watched(runtime)
    size = 1500 if args else 100
    runtime.analyse(DATA[:size], chunk=16, cores=2)
    assert threads == {threading.current_thread().name}


def test_what_both_halves_gave_is_remembered(tmp_path) -> None:
    runtime = runtime_of(tmp_path, prefixes=Prefixes(), sliding_window=16)
    first = runtime.analyse(DATA, chunk=16, cores=2)
    threads = watched(runtime)
    assert differences(first, runtime.analyse(DATA, chunk=16, cores=2)) == [0.0] * 5
    assert not threads
    longer = runtime.analyse(DATA + b"and more", chunk=16, cores=2)
    fresh = runtime_of(tmp_path, sliding_window=16).analyse(DATA + b"and more", chunk=16)
    assert differences(longer, fresh) == [0.0] * 5


def test_an_exception_between_chunks_ends_both_threads(tmp_path) -> None:
    runtime = runtime_of(tmp_path, sliding_window=16)
    here, calls = threading.current_thread(), []

    def between() -> None:
        calls.append(threading.current_thread())
        if threading.current_thread() is not here:
            raise TimeoutError("time is over")

    with pytest.raises(TimeoutError, match="time is over"):
        runtime.analyse(DATA, chunk=16, cores=2, between=between)
    assert set(calls) > {here}
    assert not [thread for thread in threading.enumerate() if thread.name == "ahead"]


def test_a_reader_that_leaves_ends_the_thread(tmp_path) -> None:
    parts = runtime_of(tmp_path, sliding_window=16).analyse_parts(DATA, chunk=16, cores=2)
    next(parts)
    assert [thread for thread in threading.enumerate() if thread.name == "ahead"]
    parts.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "ahead"]


def test_values_come_in_order_and_an_exception_in_its_place() -> None:
    def values() -> Any:
        yield from range(3)
        raise KeyError("three")

    ahead = Ahead(values())
    read = iter(ahead)
    assert [next(read), next(read), next(read)] == [0, 1, 2]
    with pytest.raises(KeyError, match="three"):
        next(read)
    ahead.close()
