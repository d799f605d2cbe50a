"""A BLT on onnxruntime: token for token what torch gives, and errors that name the file."""


import numpy as np
import pytest
import torch

from bytelatent.generation.sampling import SamplingArgs
from tests.generation.random_cases import MODES, VARIANTS, random_case, random_tokens
from tests.runtime.exported_cases import runtime_of

PROMPTS = [b"", b"A BLT has", b"\xff\xfe and some longer prompt, beyond every window", b"A BLT has"]
SAMPLED = SamplingArgs(temperature=0.9, top_p=0.95, seed=4)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_logits_are_those_of_a_plain_pass(variant, mode, tmp_path) -> None:
    """Through window wrap, ends of documents and long patches; prompt by chunks, then by bytes."""
    case = random_case(variant, mode, 11)
    model = runtime_of(case, tmp_path).model
    random = np.random.default_rng(2)
    tokens = [*case.tokens, *random_tokens(random, 30)]
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
