#!/usr/bin/env bash
# generate() of transformers wants a batch padded on the left, and with an attention mask the bytes under
# it have no say: a row gets the logits that it gets alone. One would guess that of every model there.
# BltForCausalLM cuts the padding into patches as if it were text, and the masked bytes reach the logits;
# even which bytes they are makes a difference. On the right they do no harm, but generate() cannot go on
# after them.
#
# Versions: transformers 5.24.0, torch 2.13.0 (CPU; small random models, in float32). Output seen:
#
#     transformers 5.24.0 / torch 2.13.0+cpu
#     largest change of a logit by 5 masked bytes beside 20 (the logits' own spread in brackets)
#     llama  left, byte 0: 0.0000  left, byte 77: 0.0000  right, byte 77: 0.0000  (1.67)
#     blt    left, byte 0: 0.8154  left, byte 77: 5.0584  right, byte 77: 0.0000  (0.98)
#     HOLDS: bytes masked on the left change the logits of BltForCausalLM
#
# Consequence: let BltForCausalLM generate for one prompt at a time, or for prompts of equal length.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile transformers==5.24.0 torch==2.13.0
cd "$work"
HF_HOME="$work/home" HF_HUB_OFFLINE=1 venv/bin/python -W ignore - <<'PY'
import sys

import torch
import transformers
from transformers import BltConfig, BltForCausalLM, LlamaConfig, LlamaForCausalLM

print("transformers", transformers.__version__, "/ torch", torch.__version__)
PADDING, LENGTH = 5, 20
SHAPE = {
    "vocab_size": 260,
    "hidden_size": 32,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "num_hidden_layers": 1,
    "intermediate_size": 64,
    "max_position_embeddings": 256,
}
LOCAL = SHAPE | {"hidden_size_global": 64}

torch.manual_seed(0)
llama = LlamaForCausalLM(LlamaConfig(**SHAPE, initializer_range=0.3))
blt = BltForCausalLM(
    BltConfig(
        vocab_size=260,
        max_position_embeddings=256,
        patch_size=4,
        cross_attn_k=2,
        encoder_hash_byte_group_vocab=100,
        patcher_config=SHAPE,
        encoder_config=LOCAL,
        decoder_config=LOCAL,
        global_config=SHAPE | {"hidden_size": 64},
        initializer_range=0.3,
    )
)
text = torch.randint(4, 260, (1, LENGTH))


@torch.no_grad()
def change(model: torch.nn.Module, side: str, byte: int) -> float:
    """The largest change of a logit of the text by masked bytes on one side of it."""
    padding, hidden = torch.full((1, PADDING), byte), torch.zeros(1, PADDING, dtype=torch.long)
    seen = torch.ones_like(text)
    pairs = ((padding, text), (hidden, seen)) if side == "left" else ((text, padding), (seen, hidden))
    ids, mask = (torch.cat(pair, dim=1) for pair in pairs)
    start = PADDING if side == "left" else 0
    padded = model(ids, attention_mask=mask, use_cache=False).logits[:, start : start + LENGTH]
    return (padded - model(text, use_cache=False).logits).abs().max().item()


CASES = (("left", 0), ("left", 77), ("right", 77))
print(f"largest change of a logit by {PADDING} masked bytes beside {LENGTH} (the logits' own spread in brackets)")
found = {}
for name, model in (("llama", llama.eval()), ("blt", blt.eval())):
    found[name] = [change(model, side, byte) for side, byte in CASES]
    told = "".join(f"  {side}, byte {byte}: {moved:.4f}" for (side, byte), moved in zip(CASES, found[name]))
    with torch.no_grad():
        print(f"{name:5}{told}  ({model(text, use_cache=False).logits.std().item():.2f})")
if max(found["llama"]) > 1e-3 or found["blt"][2] > 1e-3:
    sys.exit("CHANGED: masked bytes change the logits of Llama, or those of BLT from the right")
if min(found["blt"][:2]) < 0.1:
    sys.exit("CHANGED: bytes masked on the left no longer change the logits of BLT")
print("HOLDS: bytes masked on the left change the logits of BltForCausalLM")
PY
