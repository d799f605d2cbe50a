"""Padding on either side changes nothing for a text: entropies, patches, logits, what is shown."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bytelatent.model.padding import leading_padding, rolled
from bytelatent.patching.entropies import calculate_entropies, entropy, entropy_function
from bytelatent.patching.patcher import Patcher, PatcherArgs
from bytelatent.tokenizers.constants import BOS_ID, EOS_ID, PAD_ID
from tests.plain_blt import ngram_ids_of
from tests.test_blt import VARIANTS, lengths_of
from tests.test_blt import tiny as tiny_blt
from tests.test_transformer import tiny as tiny_lm


@st.composite
def batches(draw: st.DrawFn) -> tuple[list[Tensor], list[int], Tensor]:
    """Texts of different length, how many PAD stand in front of each, and the padded rows."""
    lengths = draw(st.lists(st.integers(1, 40), min_size=1, max_size=3))
    size = max(lengths) + draw(st.integers(0, 7))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 999)))
    texts, before, rows = [], [], []
    for length in lengths:
        # PAD inside a text is the delimiter of BPE, and no padding.
        text = torch.randint(EOS_ID, 260, (length,), generator=generator)
        if length > 9:
            text[4], text[7] = PAD_ID, EOS_ID
        text[0] = BOS_ID
        front = draw(st.sampled_from([0, size - length, (size - length) // 2]))
        row = torch.full((size,), PAD_ID)
        row[front : front + length] = text
        texts.append(text), before.append(front), rows.append(row)
    return texts, before, torch.stack(rows)


def padded_lengths(lengths: list[Tensor], before: list[int], size: int) -> Tensor:
    """Patch lengths of padded rows: PAD in front joins the first patch, PAD behind is one more."""
    rows = []
    for own, front in zip(lengths, before, strict=True):
        row = [front + 1, *own[1:].tolist()]
        row.append(size + 1 - sum(row))
        rows.append([n for n in row if n])
    most = max(map(len, rows))
    return torch.tensor([row + [0] * (most - len(row)) for row in rows])


@given(batch=batches(), impl=st.sampled_from(["auto", "sdpa", "banded"]), chunk=st.integers(1, 50))
@settings(max_examples=30, deadline=None)
@torch.no_grad()
def test_entropies_of_padded_rows_are_those_of_the_texts(batch, impl, chunk) -> None:
    texts, before, rows = batch
    model = tiny_lm()
    logits, entropies = model(rows, impl=impl), calculate_entropies(model, rows, chunk=chunk)
    assert logits.isfinite().all()
    for row, (text, front) in enumerate(zip(texts, before, strict=True)):
        alone, here = model(text[None])[0], slice(front, front + len(text))
        torch.testing.assert_close(logits[row, here], alone, atol=1e-5, rtol=0)
        torch.testing.assert_close(entropies[row, here], entropy(alone), atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", ["causal", "block_causal"])
@given(batch=batches())
@settings(max_examples=8, deadline=None)
@torch.no_grad()
def test_so_they_are_without_a_window(kind, batch) -> None:
    texts, before, rows = batch
    model = tiny_lm(attn_bias_type=kind)
    logits = model(rows)
    for row, (text, front) in enumerate(zip(texts, before, strict=True)):
        found = logits[row, front : front + len(text)]
        torch.testing.assert_close(found, model(text[None])[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", VARIANTS)
@given(batch=batches(), seed=st.integers(0, 99))
@settings(max_examples=8, deadline=None)
@torch.no_grad()
def test_logits_of_padded_rows_are_those_of_the_texts(name, batch, seed) -> None:
    texts, before, rows = batch
    model = tiny_blt(**VARIANTS[name])
    own = [lengths_of(1, len(text), seed)[0] for text in texts]
    lengths = padded_lengths(own, before, rows.shape[1])
    if name == "bytes side by side" and int(lengths[:, 1:].max()) > 6:
        return  # PAD at the end must be cut into patches that fit, as bytes must
    logits = model(rows, lengths, ngram_ids_of(model.args, rows) or None)
    assert logits.isfinite().all()
    for row, (text, front) in enumerate(zip(texts, before, strict=True)):
        alone = model(text[None], own[row][None], ngram_ids_of(model.args, text[None]) or None)
        found = logits[row, front : front + len(text)]
        torch.testing.assert_close(found, alone[0], atol=2e-5, rtol=0)


@pytest.mark.parametrize(
    "rule",
    [
        {"threshold": 5.45},
        {"threshold": 0.05, "monotonicity": True},
        {"threshold": None, "patch_size": 3.0},
        {"patching_mode": "space", "max_patch_length": 3},
    ],
    ids=["entropy", "monotonic", "top-k", "space"],
)
@given(batch=batches())
@settings(max_examples=10, deadline=None)
@torch.no_grad()
def test_from_bytes_to_logits_padding_changes_nothing(rule, batch) -> None:
    texts, before, rows = batch
    model, patcher = tiny_blt(), Patcher(PatcherArgs(**rule), entropy_function(tiny_lm()))
    logits = model(rows, patcher.patch(rows)[0])
    for row, (text, front) in enumerate(zip(texts, before, strict=True)):
        alone = model(text[None], patcher.patch(text[None])[0])[0]
        found = logits[row, front : front + len(text)]
        torch.testing.assert_close(found, alone, atol=2e-5, rtol=0)


@torch.no_grad()
def test_what_is_shown_of_a_text_is_the_same_behind_padding() -> None:
    model = tiny_blt()
    text, lengths = torch.arange(20, 40)[None], lengths_of(1, 20)
    rows = torch.nn.functional.pad(text, (5, 0), value=PAD_ID)
    alone = model.inspect(text, lengths)
    shown = model.inspect(rows, padded_lengths([lengths[0]], [5], 25))
    for name in ("logits", "byte_states", "encoder_patch", "decoder_patch"):
        torch.testing.assert_close(getattr(shown, name)[:, 5:], getattr(alone, name))
    for name in ("encoder_weights", "decoder_weights", "hash_ids"):
        for found, expected in zip(getattr(shown, name), getattr(alone, name), strict=True):
            torch.testing.assert_close(found[:, 5:], expected)
    for name in ("patch_inputs", "patch_states"):
        torch.testing.assert_close(getattr(shown, name), getattr(alone, name))
    assert (shown.encoder_patch[:, :5] >= shown.patch_states.shape[1]).all()


@torch.no_grad()
def test_padding_takes_no_room_where_bytes_stand_side_by_side() -> None:
    model = tiny_blt(**VARIANTS["bytes side by side"])
    text, lengths = torch.arange(20, 40)[None], lengths_of(1, 20)
    rows = torch.nn.functional.pad(text, (20, 0), value=PAD_ID)
    found = model(rows, padded_lengths([lengths[0]], [20], 40))[:, 20:]
    torch.testing.assert_close(found, model(text, lengths), atol=1e-5, rtol=0)


@torch.no_grad()
def test_a_row_of_padding_alone_harms_nobody() -> None:
    model, patcher = tiny_blt(), Patcher(PatcherArgs(threshold=5.45), entropy_function(tiny_lm()))
    text = torch.arange(20, 32)[None]
    rows = torch.cat([torch.full_like(text, PAD_ID), text])
    lengths, entropies = patcher.patch(rows)
    logits = model(rows, lengths)
    assert logits.isfinite().all()
    assert entropies.isfinite().all()
    alone = model(text, patcher.patch(text)[0])
    torch.testing.assert_close(logits[1:], alone, atol=1e-5, rtol=0)


def test_padding_that_the_first_patch_does_not_hold_is_refused() -> None:
    rows = torch.tensor([[PAD_ID, PAD_ID, BOS_ID, 70, 71]])
    with pytest.raises(ValueError, match=r"one token \(BOS\) and the padding before it"):
        tiny_blt()(rows, torch.tensor([[1, 2, 3]]))


def test_only_a_run_at_the_beginning_is_leading_padding() -> None:
    rows = torch.tensor([[3, 3, 1, 3, 9], [1, 3, 9, 3, 3], [3, 3, 3, 3, 3]])
    found = leading_padding(rows)
    assert found is not None
    assert found.tolist() == [2, 0, 5]
    assert leading_padding(rows[1:2]) is None
    assert leading_padding(rows[:, :0]) is None
    moved = rolled(rows, found)
    assert moved.tolist() == [[1, 3, 9, 3, 3], [1, 3, 9, 3, 3], [3, 3, 3, 3, 3]]
    assert torch.equal(rolled(moved, -found), rows)


@torch.no_grad()
def test_padding_is_seen_while_compiling() -> None:
    model = tiny_lm()
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    text = torch.from_numpy(np.arange(20, 50))[None]
    for rows in (text, torch.nn.functional.pad(text, (4, 0), value=PAD_ID)[:, :30]):
        torch.testing.assert_close(compiled(rows), model(rows), atol=1e-5, rtol=0)
