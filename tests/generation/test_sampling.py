"""Sampling against plain formulas; UTF-8 against Python's own decoder; chance against its law."""

import codecs
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bytelatent.generation import utf8
from bytelatent.generation.sampling import (
    Sampler,
    SamplingArgs,
    draw,
    min_p_mask,
    penalised,
    streams_of,
    top_k_mask,
    top_p_mask,
)
from bytelatent.tokenizers.constants import BOS_ID, EOS_ID, OFFSET, VOCAB_SIZE
from tests.conftest import CHECKPOINTS

VALUES = st.lists(st.integers(0, 12), min_size=2, max_size=20)


def some_logits(seed: int, scale: float = 3, rows: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, scale, (rows, VOCAB_SIZE)).astype(np.float32)


def probabilities(values: list[int]) -> np.ndarray:
    """With ties, which is where filters go wrong."""
    return np.array(values, dtype=float) / sum(values) if sum(values) else np.ones(1)


ARGS = st.builds(
    SamplingArgs,
    temperature=st.sampled_from([0.0, 1e-300, 0.3, 1.0, 5.0]),
    top_k=st.sampled_from([None, 1, 5, 1000]),
    top_p=st.sampled_from([None, 1e-9, 0.5, 1.0]),
    min_p=st.sampled_from([None, 0.0, 0.1, 1.0]),
    repetition_penalty=st.sampled_from([0.5, 1.0, 1.3]),
    repetition_window=st.integers(1, 9),
    seed=st.integers(0, 2**70),
    valid_utf8=st.booleans(),
)


@given(ARGS, st.binary(max_size=12), st.integers(0, 99))
@settings(max_examples=150, deadline=None)
def test_a_distribution_sums_to_1_and_is_what_tokens_are_drawn_from(args, prompt, seed) -> None:
    sampler, logits_BV = Sampler(args, 1), some_logits(seed)
    for byte in prompt:
        sampler.accept(0, byte + OFFSET)
    probs_V = sampler.distribution(0, logits_BV[0])
    assert probs_V.dtype == np.float64
    assert probs_V.min() >= 0
    assert math.isclose(probs_V.sum(), 1, rel_tol=1e-12)
    tokens = {sampler.sample(logits_BV, [0])[0] for _ in range(20)}
    assert all(probs_V[token] > 0 for token in tokens)
    if args.greedy or args.top_k == 1:
        assert tokens == {int(probs_V.argmax())}
    if not args.greedy:
        assert probs_V[[0, 1, 3]].sum() == 0


@given(VALUES, st.integers(1, 25))
def test_top_k_keeps_the_k_largest(values, k) -> None:
    probs_V = probabilities(values)
    kept = top_k_mask(probs_V, k)
    assert kept.sum() == min(k, len(probs_V))
    expected = sorted(range(len(probs_V)), key=lambda i: (-probs_V[i], i))[:k]
    assert sorted(np.flatnonzero(kept)) == sorted(expected)


@given(VALUES, st.floats(0.01, 1))
def test_top_p_keeps_the_fewest_that_suffice(values, p) -> None:
    probs_V = probabilities(values)
    order, total, expected = sorted(range(len(probs_V)), key=lambda i: (-probs_V[i], i)), 0.0, set()
    for i in order:
        if expected and total >= p:
            break
        expected.add(i)
        total += probs_V[i]
    assert set(np.flatnonzero(top_p_mask(probs_V, p))) == expected


@given(VALUES, st.floats(0, 1))
def test_min_p_keeps_those_beside_the_largest(values, p) -> None:
    probs_V = probabilities(values)
    expected = [prob >= p * max(probs_V) for prob in probs_V]
    assert min_p_mask(probs_V, p).tolist() == expected


def test_filters_follow_one_another_by_the_plain_formulas() -> None:
    args = SamplingArgs(
        temperature=1.4, top_k=30, top_p=0.8, min_p=0.3, repetition_penalty=1.5, valid_utf8=True
    )
    sampler, logits_V = Sampler(args, 1), some_logits(5, 1)[0]
    for byte in b"letters":
        sampler.accept(0, byte + OFFSET)
    logits = [float(value) for value in logits_V]
    for byte in set(b"letters"):
        value = logits[byte + OFFSET]
        logits[byte + OFFSET] = value / 1.5 if value > 0 else value * 1.5
    weights = {
        i: math.exp(value / 1.4)
        for i, value in enumerate(logits)
        if i == EOS_ID or OFFSET <= i < OFFSET + 0x80 or 0xC2 <= i - OFFSET <= 0xF4
    }
    for rule in ("k", "p", "m"):
        total, left, added = sum(weights.values()), {}, 0.0
        for i in sorted(weights, key=lambda i: -weights[i]):
            enough = {
                "k": len(left) >= 30,
                "p": added >= 0.8,
                "m": weights[i] < 0.3 * max(weights.values()),
            }
            if enough[rule]:
                break
            left[i] = weights[i]
            added += weights[i] / total
        assert len(left) < len(weights), rule  # each filter takes some away
        weights = left
    expected = np.zeros(VOCAB_SIZE)
    for i, weight in weights.items():
        expected[i] = weight / sum(weights.values())
    assert len(weights) > 3
    np.testing.assert_allclose(sampler.distribution(0, logits_V), expected, atol=1e-12)


def test_the_penalty_is_on_bytes_of_the_window_alone() -> None:
    logits_V = np.where(np.arange(VOCAB_SIZE) % 2, 2.0, -2.0)
    args = SamplingArgs(temperature=1, repetition_penalty=2.0, repetition_window=2)
    sampler = Sampler(args, 1)
    for token in (EOS_ID, 10, 11, 12, EOS_ID):
        sampler.accept(0, token)
    expected = logits_V.copy()
    expected[11], expected[12] = 1.0, -4.0
    assert np.array_equal(penalised(logits_V, [11, 12, 11], 2.0), expected)
    expected[[0, 1, 3]] = -np.inf
    odds = sampler.distribution(0, logits_V)
    np.testing.assert_allclose(odds, np.exp(expected) / np.exp(expected).sum())


def test_a_window_may_be_longer_than_any_text() -> None:
    args = SamplingArgs(repetition_penalty=2.0, repetition_window=10**30)
    sampler = Sampler(args, 1)
    for token in (70, 71):
        sampler.accept(0, token)
    logits_BV = np.ones((1, VOCAB_SIZE))
    logits_BV[0, [70, 71, 72]] = 3, 3, 2
    assert sampler.sample(logits_BV, [0]) == [72]


def test_greedy_is_the_most_likely_of_all_ids_as_in_the_reference() -> None:
    seen = set()
    for case in CHECKPOINTS.iterdir():
        with np.load(case / "expected.npz") as arrays:
            logits_BV = arrays["logits"][0]
        sampler = Sampler(SamplingArgs(), len(logits_BV))
        tokens = sampler.sample(torch.from_numpy(logits_BV), range(len(logits_BV)))
        assert tokens == logits_BV.argmax(-1).tolist()
        seen |= set(tokens)
    assert BOS_ID in seen  # these models have random weights
    logits_BV = some_logits(0)
    logits_BV[0, BOS_ID] = 99
    assert Sampler(SamplingArgs(valid_utf8=True), 1).sample(logits_BV, [0]) != [BOS_ID]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_tensors_of_any_type_are_taken(dtype) -> None:
    logits_BV = torch.tensor(some_logits(3, rows=2)).to(dtype)
    for args in (SamplingArgs(), SamplingArgs(temperature=1, seed=4)):
        found = Sampler(args, 2).sample(logits_BV, [0, 1])
        assert found == Sampler(args, 2).sample(logits_BV.double().numpy(), [0, 1])


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_logits_that_are_not_finite_are_refused(bad, temperature) -> None:
    logits_BV = some_logits(0)
    logits_BV[0, 77] = bad
    with pytest.raises(ValueError, match=r"logits: the largest is (nan|inf)"):
        Sampler(SamplingArgs(temperature=temperature), 1).sample(logits_BV, [0])


def test_the_automaton_is_pythons_decoder() -> None:
    """Every start of up to three bytes, one byte after it: what may follow, and where text ends."""

    def may_start(data: bytes) -> bool:
        """Whether text can begin with ``data``."""
        try:
            data.decode()
        except UnicodeDecodeError as error:
            return error.reason == "unexpected end of data"
        return True

    starts = {b"": utf8.BOUNDARY}
    for _ in range(4):
        longer = {}
        for data, state in starts.items():
            for byte in range(256):
                allowed = bool(utf8.ALLOWED[state, byte])
                assert allowed == may_start(data + bytes([byte])), data + bytes([byte])
                after = utf8.step(state, byte)
                if (
                    allowed
                    and after != utf8.BOUNDARY
                    and byte
                    in {0xC2, 0xE0, 0xE1, 0xED, 0xEE}
                    | {
                        *range(0xF0, 0xF5),
                        *range(0x80, 0xC0, 7),
                    }
                ):
                    longer[data + bytes([byte])] = after
                elif allowed and after == utf8.BOUNDARY:
                    assert len((data + bytes([byte])).decode()) == 1
        starts = longer
    assert not starts


@given(st.binary(max_size=40))
def test_after_any_bytes_the_automaton_stands_where_the_decoder_stands(data) -> None:
    state = utf8.BOUNDARY
    for byte in data:
        state = utf8.step(state, byte)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    decoder.decode(data)
    assert (state == utf8.BOUNDARY) == (decoder.getstate()[0] == b"")


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("prompt", [b"", b"a", "é".encode()[:1], b"\xf0", b"\xe0", b"ok \xff\xc0"])
def test_the_constraint_gives_valid_text_that_ends_with_a_character(prompt, temperature) -> None:
    args = SamplingArgs(temperature=temperature, valid_utf8=True, seed=len(prompt))
    sampler, rng = Sampler(args, 1), np.random.default_rng(1)
    for byte in prompt:
        sampler.accept(0, byte + OFFSET)
    data, ends = b"", 0
    while ends < 20:
        logits_BV = rng.normal(0, 1, (1, VOCAB_SIZE))
        logits_BV[0, OFFSET + 0x80 :] += 3
        logits_BV[0, EOS_ID] += 3
        token = sampler.sample(logits_BV, [0])[0]
        sampler.accept(0, token)
        if token != EOS_ID:
            data += bytes([token - OFFSET])
            continue
        whole = prompt + data
        assert whole.decode(errors="replace") if b"\xff" in prompt else whole.decode() or not data
        prompt, data, ends = b"", b"", ends + 1


def chi_square(counts: np.ndarray, probs: np.ndarray) -> float:
    """Of counts against probabilities; rare cells together."""
    expected = probs * counts.sum()
    often = expected >= 5
    assert counts[probs == 0].sum() == 0
    observed = np.append(counts[often], counts[~often].sum())
    wanted = np.append(expected[often], max(expected[~often].sum(), 1e-9))
    cells = wanted > 1e-6
    return float((((observed - wanted) ** 2 / wanted)[cells]).sum() - (cells.sum() - 1))


@pytest.mark.parametrize(
    "args",
    [
        {},
        {"temperature": 2.0},
        {"top_k": 7, "temperature": 0.5},
        {"top_p": 0.6},
        {"min_p": 0.1},
        {"valid_utf8": True},
    ],
)
def test_samples_follow_the_distribution(args) -> None:
    sampler = Sampler(SamplingArgs(**{"temperature": 1.0, "seed": 11} | args), 1)
    logits_BV = some_logits(2, 2)
    probs_V, draws = sampler.distribution(0, logits_BV[0]), 20_000
    tokens = [draw(probs_V, sampler.uniform(0)) for _ in range(draws)]
    counts = np.bincount(tokens, minlength=VOCAB_SIZE)
    freedom = max(1, int((probs_V * draws >= 5).sum()))
    # Chi-square less its mean has this deviation; seeds are fixed, five deviations leave room.
    assert abs(chi_square(counts, probs_V)) < 5 * math.sqrt(2 * freedom)


def run(args: SamplingArgs, rows: list[int], streams: list[int] | None = None) -> list[list[int]]:
    """Thirty tokens of each row; row ``i`` sees the logits of text ``rows[i]``."""
    sampler, texts = Sampler(args, len(rows), streams=streams), [[] for _ in rows]
    for step in range(30):
        logits_BV = np.stack([some_logits(100 * text + step)[0] for text in rows])
        for row, token in enumerate(sampler.sample(logits_BV, range(len(rows)))):
            sampler.accept(row, token)
            texts[row].append(token)
    return texts


def test_the_same_seed_gives_the_same_text_whatever_the_batch() -> None:
    args = SamplingArgs(temperature=1, seed=3, repetition_penalty=1.2, valid_utf8=True)
    assert run(args, [5, 6, 7])[:2] == run(args, [5, 6])
    alone = [run(args, [text])[0] for text in (5, 6, 7)]
    streams = streams_of([b"5", b"6", b"5", b"7"])
    assert streams == [0, 0, 1, 0]
    together = run(args, [5, 6, 5, 7], streams)
    assert [together[row] for row in (0, 1, 3)] == alone
    assert together[2] != together[0]
    assert run(args.model_copy(update={"seed": 4}), [5])[0] != alone[0]


def test_what_was_drafted_can_be_forgotten() -> None:
    args = SamplingArgs(temperature=1, repetition_penalty=2, repetition_window=3, valid_utf8=True)
    sampler, logits_V = Sampler(args, 1), some_logits(8)[0]
    for byte in "abé".encode()[:-1]:
        sampler.accept(0, byte + OFFSET)
    before, saved = sampler.distribution(0, logits_V), sampler.save(0)
    for byte in b"\xa9zzz":
        sampler.accept(0, byte + OFFSET)
    assert not np.array_equal(sampler.distribution(0, logits_V), before)
    sampler.restore(0, saved)
    assert np.array_equal(sampler.distribution(0, logits_V), before)


def test_a_draw_never_falls_on_what_has_no_probability() -> None:
    probs_V = np.array([0, 0.3, 0, 0.7, 0])
    edges = (0.0, 0.3, 0.5, 1 - 2**-53)
    assert [draw(probs_V, uniform) for uniform in edges] == [1, 3, 3, 3]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", -1),
        ("temperature", math.nan),
        ("top_k", 0),
        ("top_p", 0),
        ("top_p", 1.1),
        ("min_p", -0.1),
        ("repetition_penalty", 0),
        ("repetition_window", 0),
        ("seed", -1),
        ("heat", 1),
    ],
)
def test_bad_values_are_named(field, value) -> None:
    with pytest.raises(ValidationError, match=f"(?s)1 validation error.*{field}"):
        SamplingArgs(**{field: value})
