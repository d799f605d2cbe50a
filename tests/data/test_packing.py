"""Rows that end with a patch: lengths sum, nothing is lost, documents are cut one by one."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bytelatent.data.packing import can_cut, cut, limit_patches, pack
from bytelatent.patching.patcher import Patcher, PatcherArgs
from bytelatent.tokenizers.constants import BOS_ID, EOS_ID, OFFSET, PAD_ID

ENTROPY = Patcher(PatcherArgs(threshold=1.0))
SPACE = Patcher(PatcherArgs(patching_mode="space"))
MODES = {
    "entropy": ENTROPY,
    "monotonic": Patcher(PatcherArgs(threshold=0.3, monotonicity=True)),
    "combined": Patcher(PatcherArgs(threshold=0.4, threshold_add=0.1)),
    "space": SPACE,
    "byte": Patcher(PatcherArgs(patching_mode="byte")),
}


def document(text: str) -> list[int]:
    return [BOS_ID, *(byte + OFFSET for byte in text.encode()), EOS_ID]


def random_row(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Documents in a row ``[1, size]`` that begins with one, and entropies, 0 at EOS."""
    tokens: list[int] = []
    while len(tokens) < size:
        tokens += document("ab cd"[: rng.integers(0, 6)] * rng.integers(1, 5))
    row = np.array([tokens[:size]])
    return row, np.where(row == EOS_ID, 0, rng.random((1, size)) * 2).astype(np.float32)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("seed", range(20))
def test_every_document_of_a_row_is_cut_as_if_it_stood_alone(mode, seed) -> None:
    tokens, entropies = random_row(np.random.default_rng(seed), 60)
    if mode == "combined":  # its first rise is that over the EOS before, 0; BOS always exceeds it
        entropies[tokens == BOS_ID] = 3.0
    patcher = MODES[mode]
    starts = np.cumsum(cut(patcher, tokens, entropies[:, :-1])[0])
    begins = [*np.flatnonzero(tokens[0] == BOS_ID), tokens.shape[1]]
    for first, end in pairwise(begins):
        alone = slice(first, end)
        lengths, _ = patcher.patch(tokens[:, alone], entropies=entropies[:, alone])
        edges = first + np.cumsum(lengths[0])
        ours = starts[(starts > first) & (starts < end)]
        assert ours.tolist() == edges[edges < end].tolist()


def test_tensors_and_arrays_are_cut_alike() -> None:
    tokens, entropies = random_row(np.random.default_rng(0), 60)
    ours = cut(ENTROPY, tokens, entropies[:, :-1])
    theirs = cut(ENTROPY, torch.from_numpy(tokens), torch.from_numpy(entropies[:, :-1]))
    assert isinstance(theirs, torch.Tensor)
    assert theirs.tolist() == ours.tolist()


def test_entropies_are_needed_by_some_rules_only() -> None:
    assert can_cut(ENTROPY, True) and not can_cut(ENTROPY, False) and can_cut(SPACE, False)


@pytest.mark.parametrize(
    ("lengths", "most", "used", "limited"),
    [
        ([1, 1, 3, 2, 2], 3, 5, [1, 1, 3, 4]),
        ([1, 4, 4], 3, 8, [1, 4, 4, 0]),
        ([1, 4, 3, 1], 3, 8, [1, 4, 3, 1]),
        ([1, 8, 0, 0, 0], 3, 8, [1, 8, 0, 0]),
        ([1, 8], 3, 8, [1, 8, 0, 0]),
        ([1, 1, 1, 1, 5], 2, 2, [1, 1, 7]),
    ],
)
def test_a_row_ends_before_the_patch_that_is_too_many(lengths, most, used, limited) -> None:
    used_B, lengths_BP = limit_patches(np.array([lengths]), most)
    assert used_B.tolist() == [used]
    assert lengths_BP.tolist() == [limited]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    size=st.integers(2, 40),
    most=st.integers(2, 12),
    mode=st.sampled_from(list(MODES)),
)
def test_rows_by_patches_lose_nothing(seed, size, most, mode) -> None:
    tokens, entropies = random_row(np.random.default_rng(seed), 400)
    place, inputs, targets, nats = 0, [], [], []
    while place + size < tokens.shape[1]:
        window = slice(place, place + size + 1)
        rows = pack(
            tokens[:, window].astype(np.uint16), entropies[:, window][:, :-1], MODES[mode], most
        )
        used = int(rows.used_B[0])
        assert rows.lengths_BP is not None and rows.entropies_BS is not None
        assert rows.lengths_BP.shape == (1, most + 1)
        assert rows.lengths_BP.sum() == size + 1
        assert rows.lengths_BP[0, 0] == 1
        assert rows.lengths_BP[0, :most].sum() >= used
        assert (rows.tokens_BS[0, used:] == PAD_ID).all()
        assert (rows.targets_BS[0, used:] == PAD_ID).all()
        assert used == size or rows.lengths_BP[0, most] == size + 1 - used
        inputs += rows.tokens_BS[0, :used].tolist()
        targets += rows.targets_BS[0, :used].tolist()
        nats += rows.entropies_BS[0, :used].tolist()
        place += used
    assert inputs == tokens[0, :place].tolist()
    assert targets == tokens[0, 1 : place + 1].tolist()
    assert nats == entropies[0, :place].tolist()


def test_full_rows_are_the_window_itself() -> None:
    tokens, entropies = random_row(np.random.default_rng(1), 33)
    rows = pack(tokens.astype(np.uint16), entropies[:, :-1], None, None)
    assert (rows.tokens_BS == tokens[:, :-1]).all() and (rows.targets_BS == tokens[:, 1:]).all()
    assert rows.used_B.tolist() == [32] and rows.lengths_BP is None
    assert pack(tokens.astype(np.uint16), None, ENTROPY, None).lengths_BP is None
    rows = pack(tokens.astype(np.uint16), None, SPACE, None)
    assert rows.lengths_BP is not None and rows.lengths_BP.sum() == 33
