"""The patching rules: against plain loops, numpy against torch, and their promised properties."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bytelatent.patching.rules import (
    RULES,
    PatchingMode,
    Rule,
    RuleOptions,
    lengths_from_starts,
    patch_starts,
    split_long,
    starts_from_lengths,
)
from bytelatent.tokenizers.blt_tokenizer import BltTokenizer
from bytelatent.tokenizers.constants import BOS_ID, PAD_ID

NUMBERS = {"threshold": 1.0, "threshold_add": 0.1, "patch_size": 3}


def options_of(rule: Rule) -> RuleOptions:
    """Numbers of the needs of a rule."""
    numbers = {name: NUMBERS[name] for name in rule.needs}
    if rule.compares == "rise":
        numbers["threshold"] = 0.3
    return RuleOptions(**numbers, delimiter_id=3)


INCREMENTAL = [
    *((rule.mode, options_of(rule)) for rule in RULES if rule.stepper is not None),
    (PatchingMode.ENTROPY, RuleOptions(threshold=1.0, max_patch_length=4)),
    (PatchingMode.SPACE, RuleOptions(max_patch_length=2)),
]
LATER = [(rule.mode, options_of(rule)) for rule in RULES if rule.stepper is None]
ALL = [*INCREMENTAL, *LATER, (PatchingMode.ENTROPY, RuleOptions(patch_size=3.5))]


@st.composite
def rows(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 40)))
    tokens = draw(hnp.arrays(np.int64, shape, elements=st.integers(0, 259)))
    for end in (tokens[:, 0], tokens[:, -1]):  # there PAD is padding; inside it is a delimiter
        end[end == PAD_ID] = BOS_ID
    # Few distinct values, so that ties and equal neighbours occur.
    steps = draw(hnp.arrays(np.int64, shape, elements=st.integers(0, 16)))
    return tokens, (steps / 5).astype(np.float32)


@pytest.mark.parametrize(("mode", "options"), ALL)
@given(row=rows())
def test_lengths_are_positive_and_sum_to_the_next_token(mode, options, row) -> None:
    tokens, entropies = row
    starts = patch_starts(mode, tokens, entropies, options)
    assert starts.shape == (tokens.shape[0], tokens.shape[1] + 1)
    assert starts[:, :2].all()
    lengths = lengths_from_starts(starts)
    assert (lengths.sum(axis=1) == tokens.shape[1] + 1).all()
    assert (lengths[:, 0] == 1).all()
    for b in range(len(tokens)):
        patches = int(starts[b].sum())
        assert (lengths[b, :patches] > 0).all()
        assert (lengths[b, patches:] == 0).all()
    np.testing.assert_array_equal(starts_from_lengths(lengths, starts.shape[1]), starts)


@pytest.mark.parametrize(("mode", "options"), ALL)
@given(row=rows())
def test_numpy_equals_torch(mode, options, row) -> None:
    tokens, entropies = row
    ours = patch_starts(mode, tokens, entropies, options)
    theirs = patch_starts(mode, torch.from_numpy(tokens), torch.from_numpy(entropies), options)
    np.testing.assert_array_equal(ours, theirs.numpy())
    np.testing.assert_array_equal(lengths_from_starts(ours), lengths_from_starts(theirs).numpy())


@pytest.mark.parametrize(("mode", "options"), INCREMENTAL)
@given(row=rows(), cut=st.integers(1, 40))
def test_starts_of_a_prefix_are_a_prefix_of_the_starts(mode, options, row, cut) -> None:
    tokens, entropies = row
    whole = patch_starts(mode, tokens, entropies, options)
    part = patch_starts(mode, tokens[:, :cut], entropies[:, :cut], options)
    np.testing.assert_array_equal(part, whole[:, : part.shape[1]])


@pytest.mark.parametrize(("mode", "options"), ALL)
@given(row=rows())
def test_rows_do_not_influence_each_other(mode, options, row) -> None:
    tokens, entropies = row
    together = patch_starts(mode, tokens, entropies, options)
    for b in range(len(tokens)):
        alone = patch_starts(mode, tokens[b : b + 1], entropies[b : b + 1], options)
        np.testing.assert_array_equal(alone[0], together[b])


@pytest.mark.parametrize(("mode", "options"), ALL)
@given(row=rows(), before=st.integers(0, 9), after=st.integers(0, 9), other=st.integers(0, 16))
def test_padding_changes_no_patch_of_a_text(mode, options, row, before, after, other) -> None:
    tokens, entropies = (x[:1] for x in row)
    size = tokens.shape[1]
    ends = ((0, 0), (before, after))
    padded = np.pad(tokens, ends, constant_values=PAD_ID)
    noise = np.pad(entropies, ends, constant_values=other / 5)  # what is measured on PAD
    alone = patch_starts(mode, tokens, entropies, options)[0]
    found = patch_starts(mode, padded, noise, options)[0]
    torch_found = patch_starts(mode, torch.from_numpy(padded), torch.from_numpy(noise), options)
    np.testing.assert_array_equal(found, torch_found[0].numpy())
    assert found[0]
    assert not found[1 : before + 1].any()
    assert found[before + 1 : before + size + 1].tolist() == alone[1:].tolist()
    lengths = lengths_from_starts(found[None])[0]
    assert lengths[0] == before + 1
    if not after:
        assert lengths[1:].tolist() == lengths_from_starts(alone[None])[0, 1:].tolist()


@given(row=rows(), longer=st.integers(1, 9))
def test_rows_padded_on_different_sides_share_a_batch(row, longer) -> None:
    tokens, entropies = (x[:1] for x in row)
    sides = ((0, 0), (longer, 0)), ((0, 0), (0, longer))
    batch = [
        np.concatenate([np.pad(x, side, constant_values=fill) for side in sides])
        for x, fill in ((tokens, PAD_ID), (entropies, 1.5))
    ]
    for mode, options in ALL:
        alone = patch_starts(mode, tokens, entropies, options)[0]
        left, right = patch_starts(mode, *batch, options)
        np.testing.assert_array_equal(left[longer + 1 :], alone[1:])
        np.testing.assert_array_equal(right[: len(alone)], alone)


@given(row=rows())
def test_entropy_rules_equal_plain_loops(row) -> None:
    tokens, entropies = row
    entropies = entropies[:1]
    size = tokens.shape[1]
    e = entropies[0]
    plain = {"entropy": [True, True], "monotonic": [True, True], "combined": [True, True]}
    for t in range(1, size):  # entropies[t] predicts token t + 1
        rise = np.float32(e[t] - e[t - 1])
        plain["entropy"].append(bool(e[t] > 1.0))
        plain["monotonic"].append(bool(rise > 0.3))
        start = e[t] > 1.0 and rise > 0.1 and not plain["combined"][-1]
        plain["combined"].append(bool(start))
    for rule in RULES:
        if rule.name in plain:
            found = patch_starts(rule.mode, tokens[:1], entropies, options_of(rule))
            assert found[0].tolist() == plain[rule.name], rule.name


@given(row=rows(), size=st.floats(1, 12))
def test_topk_gives_the_wanted_number_of_patches(row, size) -> None:
    tokens, entropies = row
    length = tokens.shape[1]
    starts = patch_starts("entropy", tokens, entropies, RuleOptions(patch_size=size))
    wanted = min(max(2, int(length // size)), length + 1)
    assert (starts.sum(axis=1) == wanted).all()
    for b in range(len(tokens)):
        chosen, left = entropies[b, 1:][starts[b, 2:]], entropies[b, 1:][~starts[b, 2:]]
        assert not len(chosen) or not len(left) or chosen.min() >= left.max()


def test_the_worked_example_of_the_module() -> None:
    tokens = np.array([[1, ord("t") + 4, ord("h") + 4, ord("e") + 4]])
    entropies = np.array([[3.1, 2.0, 0.4, 1.7]])
    starts = patch_starts("entropy", tokens, entropies, RuleOptions(threshold=1.0))
    assert starts.tolist() == [[True, True, True, False, True]]
    assert lengths_from_starts(starts).tolist() == [[1, 1, 2, 1]]


def pieces(text: str, mode: str, **options) -> list[str]:
    tokens = np.array([BltTokenizer(add_eos=False).encode(text)])
    starts = patch_starts(mode, tokens, None, RuleOptions(**options))[:, :-1]
    ends = np.cumsum(lengths_from_starts(starts)[0])
    data = text.encode()
    return [data[a - 1 : b - 1].decode(errors="replace") for a, b in pairwise(ends)]


def test_space_patches_end_after_the_space() -> None:
    assert pieces("the cat, 42 sat", "space") == ["the ", "cat,", " 42 ", "sat"]


def test_static_patches_are_counted_from_the_first_byte() -> None:
    assert pieces("abcdefgh", "static", patch_size=3) == ["abc", "def", "gh"]


def test_byte_patches() -> None:
    assert pieces("abc", "byte") == ["a", "b", "c"]


@given(lengths=st.lists(st.integers(1, 30), min_size=1, max_size=8), limit=st.integers(1, 9))
def test_long_patches_are_split_from_the_left(lengths, limit) -> None:
    starts = starts_from_lengths(np.array([lengths]), sum(lengths))
    expected = []
    for length in lengths:
        expected += [limit] * (length // limit) + [length % limit] * (length % limit > 0)
    assert lengths_from_starts(split_long(starts, limit)).tolist() == [expected]


def test_ten_by_four() -> None:
    starts = starts_from_lengths(np.array([[10]]), 10)
    assert lengths_from_starts(split_long(starts, 4)).tolist() == [[4, 4, 2]]


def test_an_empty_row_has_one_start() -> None:
    starts = patch_starts("byte", np.zeros((2, 0), dtype=np.int64), None, RuleOptions())
    assert starts.tolist() == [[True], [True]]
    assert lengths_from_starts(starts).tolist() == [[1], [1]]


@pytest.mark.parametrize(
    ("mode", "options", "words"),
    [
        ("entropie", {}, "mode: 'entropie' is not a patching mode"),
        ("entropy", {}, "threshold: .* needs a threshold or a patch_size"),
        ("entropy", {"threshold": float("nan")}, "threshold: nan"),
        ("entropy", {"threshold": -1.0}, "threshold: -1.0"),
        ("monotonic", {"patch_size": 3}, "threshold: .*monotonic.* needs it"),
        ("combined", {"threshold": 1.0}, "threshold_add: .* needs it"),
        ("static", {}, "patch_size: .* needs it"),
        ("static", {"patch_size": 2.5}, "patch_size: .* whole number"),
        ("static", {"patch_size": 0}, "patch_size: 0"),
        ("space", {"max_patch_length": 0}, "max_patch_length: 0"),
    ],
)
def test_bad_options_name_the_field(mode, options, words) -> None:
    tokens = np.ones((1, 4), dtype=np.int64)
    with pytest.raises(ValueError, match=words):
        patch_starts(mode, tokens, np.ones((1, 4)), RuleOptions(**options))


def test_entropies_must_be_there_and_fit() -> None:
    tokens = np.ones((1, 4), dtype=np.int64)
    with pytest.raises(ValueError, match="needs entropies"):
        patch_starts("entropy", tokens, None, RuleOptions(threshold=1.0))
    with pytest.raises(ValueError, match=r"shape \(1, 3\)"):
        patch_starts("entropy", tokens, np.ones((1, 3)), RuleOptions(threshold=1.0))


@pytest.mark.parametrize(
    ("lengths", "words"),
    [([[2, 0, 2]], "zeros may only fill"), ([[2, -1, 3]], "positive"), ([[2, 1]], "sum to 4")],
)
def test_bad_lengths_are_refused(lengths, words) -> None:
    with pytest.raises(ValueError, match=words):
        starts_from_lengths(np.array(lengths), 4)
