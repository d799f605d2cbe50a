"""What Meta's own weights give; they are gated, so these run only where ``-m network`` asks."""

import pytest
import torch

from bytelatent.convert.commands import Loaded
from bytelatent.hf import BltTokenizerAndPatcher
from bytelatent.patching.entropies import calculate_entropies
from bytelatent.transformer import LMTransformer

pytestmark = pytest.mark.network

TEXT = "Daenerys Targaryen is in Game of Thrones, a fantasy epic by George R.R. Martin."
CONTINUATION = " a bacon, lettuce and tomato sandwich. A BLT is also a song by the Beatles."


def test_blt_entropy() -> None:
    model = LMTransformer.from_pretrained("facebook/blt-entropy", dtype=torch.float32)
    assert sum(p.numel() for p in model.parameters()) == 99_512_064
    tokenizer = BltTokenizerAndPatcher.from_pretrained("facebook/blt-1b").tokenizer_args.build()
    tokens = torch.tensor([tokenizer.encode(TEXT, add_bos=True, add_eos=False)])
    found = calculate_entropies(model, tokens)[0, :6].tolist()
    assert found == pytest.approx([3.395, 2.165, 2.322, 2.811, 1.505, 0.041], abs=5e-3)


def test_blt_1b() -> None:
    loaded = Loaded.from_pretrained("facebook/blt-entropy", "facebook/blt-1b")
    blt = loaded.blt
    assert sum(p.numel() for p in blt.parameters()) == 4_533_879_808
    hashes = blt.encoder_hash_tok_embedding
    assert sum(p.numel() for p in hashes.parameters()) == 3_072_012_288
    assert loaded.tok_and_patcher.patcher_args.threshold == 1.335442066192627
    assert "".join(loaded.stream("A BLT has", len(CONTINUATION))) == CONTINUATION
