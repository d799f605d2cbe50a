"""Beginnings that are remembered: fewer bytes run, and the same result to the last bit."""

import threading
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from bytelatent.architecture.args import HashArgs, LMTransformerArgs
from bytelatent.exporting.folders import export_entropy
from bytelatent.runtime import ByteAnalysis, EntropyRuntime, Prefixes
from bytelatent.runtime.entropy_runtime import DEFAULT_CHUNK
from bytelatent.runtime.prefixes import Output, chunk_keys
from bytelatent.transformer import LMTransformer

TEXT = ("Ein Byte kommt selten allein. नमस्ते 🙂 \x00 " * 60).encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    args = LMTransformerArgs(
        dim=32,
        n_layers=2,
        n_heads=2,
        multiple_of=32,
        sliding_window=300,
        hashes=HashArgs(sizes=(3, 8), buckets=90),
    )
    model = LMTransformer(args)
    model.init_weights()
    model.save_pretrained(folder)
    export_entropy(model.eval(), folder)
    return folder


class Counting:
    """A session that counts its calls and the tokens it runs."""

    def __init__(self, session) -> None:
        self._session, self.tokens, self.calls = session, 0, 0

    def run(self, names, feed):
        self.calls += 1
        self.tokens += feed["tokens"].size
        return self._session.run(names, feed)


def remembering(folder: Path, **limits: int) -> tuple[EntropyRuntime, Counting]:
    runtime = EntropyRuntime.load(folder, prefixes=Prefixes(**limits))
    counting = runtime.model.session = Counting(runtime.model.session)
    return runtime, counting


def same(one: ByteAnalysis, other: ByteAnalysis) -> None:
    for field in fields(ByteAnalysis):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))


def test_typing_runs_the_end_alone(folder: Path) -> None:
    plain = EntropyRuntime.load(folder)
    runtime, counting = remembering(folder)
    size = 3 * DEFAULT_CHUNK + 100
    same(runtime.analyse(TEXT[:size], top_k=3), plain.analyse(TEXT[:size], top_k=3))
    for more in range(1, 20):
        counting.tokens = 0
        data = TEXT[: size + more]
        same(runtime.analyse(data, top_k=2), plain.analyse(data, top_k=2))
        assert 0 < counting.tokens <= DEFAULT_CHUNK
        counting.tokens = 0
        same(runtime.analyse(data, top_k=5), plain.analyse(data, top_k=5))
        assert counting.tokens == 0, "the same text again"


def last_key(folder: Path, size: int) -> tuple[int, int]:
    """Return how many calls and tokens the last byte of a typed text takes."""
    runtime, counting = remembering(folder)
    data = (TEXT * (size // len(TEXT) + 1))[:size]
    runtime.analyse(data[:-2])
    runtime.analyse(data[:-1])
    counting.calls = counting.tokens = 0
    same(runtime.analyse(data), EntropyRuntime.load(folder).analyse(data))
    return counting.calls, counting.tokens


def test_the_last_key_of_a_long_text_takes_no_more_than_that_of_a_short_one(folder: Path) -> None:
    short = last_key(folder, 8 * 1024)
    assert short[0] == 1
    assert last_key(folder, 64 * 1024) == short


def test_typing_inside_a_long_text_runs_what_follows_alone(folder: Path) -> None:
    runtime, counting = remembering(folder)
    data = bytearray((TEXT * 10)[: 24 * 1024])
    runtime.analyse(bytes(data))
    place = len(data) - 10 * DEFAULT_CHUNK
    for number in range(4):
        counting.tokens = 0
        data[place:place] = b"x"
        runtime.analyse(bytes(data))
        assert number == 0 or counting.tokens <= 12 * DEFAULT_CHUNK


def test_more_predictions_than_are_kept(folder: Path) -> None:
    plain = EntropyRuntime.load(folder)
    runtime, _ = remembering(folder)
    for top_k in (0, 16, 17, 260, 3):
        same(runtime.analyse(TEXT, top_k=top_k), plain.analyse(TEXT, top_k=top_k))


def test_any_edit(folder: Path) -> None:
    """Bytes changed, put in and taken out anywhere, with room for few chunks."""
    plain = EntropyRuntime.load(folder)
    runtime, _ = remembering(folder, outputs=5, states=2)
    random = np.random.default_rng(7)
    data = bytearray(TEXT[:1500])
    for _ in range(60):
        place, kind = int(random.integers(len(data) + 1)), int(random.integers(4))
        if kind == 0:
            data[place:place] = TEXT[: int(random.integers(300))]
        elif kind == 1:
            del data[place : place + int(random.integers(300))]
        elif kind == 2:
            data[place : place + 1] = bytes([int(random.integers(256))])
        same(runtime.analyse(bytes(data)), plain.analyse(bytes(data)))


def test_only_so_much_is_kept() -> None:
    prefixes = Prefixes(outputs=3, states=2)
    zeros = np.zeros((1, 1), np.float32)
    output = Output.of(np.zeros(1, np.int64), zeros, np.zeros(1, np.float32), 0)
    state = {"keys": np.zeros(1)}
    keys = [b"a", b"b", b"c", b"d"]
    for key in keys:
        prefixes.keep(key, output, state)
    assert prefixes.known(keys) == ([], None, 0), "the first has been forgotten"
    assert prefixes.known([b"b", b"c", b"d"]) == ([output] * 3, None, 3)
    assert prefixes.known([b"b", b"x"]) == ([], None, 1), "no state after b"
    found, kept, common = prefixes.known([b"c", b"x"])
    assert (found, kept is state, common) == ([output], True, 1)
    assert prefixes.known([]) == ([], None, 0)


def test_keys_tell_texts_apart() -> None:
    one, other = np.arange(10), np.arange(10)
    other[0] = 99
    assert not set(chunk_keys(one, 4)) & set(chunk_keys(other, 4))
    assert chunk_keys(one, 4)[:2] == chunk_keys(one[:8], 4)
    assert chunk_keys(one, 4)[2] != chunk_keys(one[:9], 4)[2]
    assert not set(chunk_keys(one, 4)) & set(chunk_keys(one, 5))


def test_many_at_once(folder: Path) -> None:
    plain = EntropyRuntime.load(folder)
    runtime, _ = remembering(folder, outputs=4, states=2)
    texts = [TEXT[: 200 + 150 * number] for number in range(8)]
    expected = [plain.analyse(text) for text in texts]
    wrong: list[int] = []

    def go(shift: int) -> None:
        for number in range(16):
            place = (number + shift) % 8
            found = runtime.analyse(texts[place])
            if not np.array_equal(found.entropies, expected[place].entropies):
                wrong.append(place)

    threads = [threading.Thread(target=go, args=(shift,)) for shift in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
