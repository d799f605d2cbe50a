"""The patcher on top of the rules, against the reference's patch lengths."""

import numpy as np
import pytest
import torch

from bytelatent.patching.entropies import entropy_function
from bytelatent.patching.patcher import Patcher, PatcherArgs
from bytelatent.transformer import LMTransformer


def test_patch_lengths_of_the_reference(case) -> None:
    model = LMTransformer.from_pretrained(case.entropy)
    args = PatcherArgs(threshold=float(case.expected["threshold"]))
    lengths, entropies = args.build(entropy_function(model)).patch(
        torch.from_numpy(case.expected["tokens"])
    )
    np.testing.assert_array_equal(lengths.numpy(), case.expected["patch_lengths"])
    np.testing.assert_allclose(entropies.numpy(), case.expected["entropies"], atol=1e-4)


def test_without_the_next_token_the_last_start_is_dropped() -> None:
    tokens = np.ones((1, 6), dtype=np.int64)
    patcher = PatcherArgs(patching_mode="static", patch_size=2).build()
    assert patcher.patch(tokens)[0].tolist() == [[1, 2, 2, 2]]
    assert patcher.patch(tokens, include_next_token=False)[0].tolist() == [[1, 2, 2, 1]]


@pytest.mark.parametrize(
    ("given", "mode"),
    [
        ({}, "entropy"),
        ({"monotonicity": True}, "monotonic"),
        ({"threshold_add": 0.1}, "combined"),
        ({"threshold": None, "threshold_add": 0.1}, "entropy"),
        ({"patching_mode": "space", "monotonicity": True}, "space"),
    ],
)
def test_flags_of_released_files_choose_the_rule(given, mode) -> None:
    assert PatcherArgs(**given).mode() == mode


def test_given_entropies_are_used() -> None:
    entropies = np.array([[0.0, 2.0, 0.0, 2.0]])
    patcher = Patcher(PatcherArgs(threshold=1.0), entropy_model=lambda t: 1 / 0)
    lengths, returned = patcher.patch(np.ones((1, 4), dtype=np.int64), entropies=entropies)
    assert lengths.tolist() == [[1, 1, 2, 1]]
    assert returned is entropies


def test_missing_entropies_are_named() -> None:
    with pytest.raises(ValueError, match="needs entropies: give them"):
        PatcherArgs().build().patch(np.ones((1, 4), dtype=np.int64))


def test_unknown_keys_are_errors() -> None:
    with pytest.raises(ValueError, match="treshold"):
        PatcherArgs(treshold=1.0)
