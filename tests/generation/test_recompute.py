"""Greedy text by plain recomputation is the reference's."""

from itertools import islice

import numpy as np
import pytest
import torch

from bytelatent.generation.torch_backend.recompute import generate_by_recomputation, greedy_tokens
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.patching.entropies import entropy_function
from bytelatent.patching.patcher import Patcher, PatcherArgs
from bytelatent.transformer import LMTransformer


def load(case) -> tuple[ByteLatentTransformer, Patcher]:
    entropies = entropy_function(LMTransformer.from_pretrained(case.entropy))
    patcher = PatcherArgs(threshold=float(case.expected["threshold"])).build(entropies)
    return ByteLatentTransformer.from_pretrained(case.blt), patcher


@pytest.mark.slow
def test_greedy_text_of_the_reference(case) -> None:
    model, patcher = load(case)
    greedy, size = case.expected["greedy"], int(case.expected["prompt_len"])
    prompt = torch.from_numpy(greedy[:, :size])
    found = generate_by_recomputation(model, patcher, prompt, greedy.shape[1] - size)
    np.testing.assert_array_equal(found.numpy(), greedy)


def test_tokens_come_one_at_a_time(case) -> None:
    model, patcher = load(case)
    prompt = torch.from_numpy(case.expected["greedy"][:, :9])
    one_by_one = list(islice(greedy_tokens(model, patcher, prompt), 3))
    at_once = generate_by_recomputation(model, patcher, prompt, 3)
    assert torch.equal(torch.cat([prompt, *one_by_one], dim=1), at_once)
    assert torch.equal(generate_by_recomputation(model, patcher, prompt, 0), prompt)
    with pytest.raises(ValueError, match="max_bytes: -1 is not 0 or more"):
        generate_by_recomputation(model, patcher, prompt, -1)
