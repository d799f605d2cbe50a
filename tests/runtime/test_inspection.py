"""What a person may look at: what torch's ``inspect`` gives, and who belongs to whom."""

import numpy as np
import pytest
import torch

from bytelatent.patching.entropies import entropy_function
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.tokenizers.constants import BOS_ID, OFFSET
from tests.generation.random_cases import random_case
from tests.runtime.exported_cases import runtime_of

TEXT = "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. ".encode() + b"\xff"


@pytest.mark.parametrize(
    ("variant", "mode"),
    [
        ("as released", "entropy"),
        ("encoder all", "space"),
        ("encoder none", "static"),
        ("no cross-attention", "byte"),
        ("several functions", "entropy"),
    ],
)
@pytest.mark.parametrize("size", [0, 1, len(TEXT)])
def test_everything_is_as_torch_has_it(variant, mode, size, tmp_path, monkeypatch) -> None:
    case, data = random_case(variant, mode, 6), TEXT[:size]
    monkeypatch.setattr("bytelatent.runtime.steps.CHUNK", 9)
    found = runtime_of(case, tmp_path).inspect(data, top_k=3)
    tokens = torch.tensor([[BOS_ID, *(byte + OFFSET for byte in data)]])
    patcher = case.patcher.build(entropy_function(case.entropy_model))
    with torch.no_grad():
        lengths, nats = patcher.patch(tokens)
        expected = case.blt.inspect(tokens, lengths)
    np.testing.assert_array_equal(found.tokens, tokens[0])
    np.testing.assert_array_equal(found.patch_lengths, lengths[0])
    assert (found.entropies is None) == (nats is None)
    if nats is not None:
        np.testing.assert_allclose(found.entropies, nats[0], atol=1e-4)
    np.testing.assert_array_equal(found.encoder_patch, expected.encoder_patch[0])
    np.testing.assert_array_equal(found.decoder_patch, expected.decoder_patch[0])
    assert found.hash_ids.shape[1] == len(found.hash_tables) == len(expected.hash_ids)
    for column, ids in zip(found.hash_ids.T, expected.hash_ids, strict=True):
        np.testing.assert_array_equal(column, ids[0])
    for ours, theirs in (
        (found.encoder_weights, expected.encoder_weights),
        (found.decoder_weights, expected.decoder_weights),
    ):
        assert len(ours) == len(theirs)
        for weight_SKH, weight_1SKH in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(weight_SKH, weight_1SKH[0], atol=1e-4)
    log_p = expected.logits[0].log_softmax(-1).numpy()
    np.testing.assert_allclose(found.nats, -log_p[np.arange(size), found.tokens[1:]], atol=1e-4)
    best = np.sort(np.exp(log_p), axis=-1)[:, :-4:-1]
    np.testing.assert_allclose(found.top_probabilities, best, atol=1e-4)


def test_patches_say_where_their_bytes_are_and_what_the_global_model_has_seen(tmp_path) -> None:
    case = random_case("as released", "space", 6)
    case.patcher = PatcherArgs(patching_mode="space")
    found = runtime_of(case, tmp_path).inspect(b"one two three")
    views = found.patches
    assert [view.data for view in views] == [b"", b"one ", b"two ", b"three"]
    assert [view.position for view in views] == [0, 1, 2, 3]
    assert [view.complete for view in views] == [True, True, True, False]
    assert [(view.begin, view.end) for view in views] == [(0, 1), (1, 5), (5, 9), (9, 14)]
    for view in views:
        weights = found.encoder_weights[:, view.begin : view.end].sum(1)
        np.testing.assert_allclose(weights, float(view.complete), atol=1e-5)
        # The last byte of a patch is predicted from it, the others from the one before.
        lag = [view.position - 1] * (view.end - view.begin)
        lag[-1] += view.complete
        assert found.decoder_patch[view.begin : view.end].tolist() == np.maximum(lag, 0).tolist()
    np.testing.assert_allclose(found.decoder_weights.sum(2), 1, atol=1e-5)
    assert found.mean_decoder_weights.shape == found.decoder_weights.shape[:3]
    assert found.mean_encoder_weights.shape == found.encoder_weights.shape[:3]
    assert {(table.size, table.function) for table in found.hash_tables} == {(2, 0), (3, 0)}
