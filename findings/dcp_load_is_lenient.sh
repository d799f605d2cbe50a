#!/usr/bin/env bash
# One would guess that loading a checkpoint is as strict as Module.load_state_dict, in both directions.
# torch.distributed.checkpoint.load() raises for a tensor that the checkpoint lacks, but passes over
# those that the model lacks, and it casts to whatever type the target has: fractions loaded into a
# tensor of integers become zeros.
#
# Versions: torch 2.13.0 (CPU, one process). Output seen:
#
#     torch 2.13.0+cpu
#     Module.load_state_dict, 2 layers saved, model of 1: raises
#     dcp.load, 2 layers saved, model of 3: raises
#     dcp.load, 2 layers saved, model of 1: no error
#     dcp.load, float32 weights into an int64 tensor: no error - values then: [0]
#     HOLDS: dcp.load passes over tensors that the model lacks, and casts to the model's type
#
# Consequence: half of a deeper model loads into a shallower one as if it belonged there. Compare the
# names in the checkpoint's metadata (FileSystemReader(...).read_metadata()) with the model's.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile torch==2.13.0
cd "$work"
venv/bin/python -W ignore - <<'PY'
import sys

import torch
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.api import CheckpointException
from torch.nn import Linear, Sequential

print("torch", torch.__version__)
torch.manual_seed(0)


def layers(count: int) -> Sequential:
    return Sequential(*(Linear(4, 4) for _ in range(count)))


def load(state: dict[str, torch.Tensor]) -> str:
    try:
        dcp.load(state, checkpoint_id="two")
    except CheckpointException:
        return "raises"
    return "no error"


two = layers(2)
dcp.save(two.state_dict(), checkpoint_id="two")
try:
    layers(1).load_state_dict(two.state_dict())
    module = "no error"
except RuntimeError:
    module = "raises"
more, fewer = load(layers(3).state_dict()), load(layers(1).state_dict())
whole_numbers = {"0.weight": torch.full((4, 4), 7)}
cast = load(whole_numbers)
values = whole_numbers["0.weight"].unique().tolist()
print("Module.load_state_dict, 2 layers saved, model of 1:", module)
print("dcp.load, 2 layers saved, model of 3:", more)
print("dcp.load, 2 layers saved, model of 1:", fewer)
print("dcp.load, float32 weights into an int64 tensor:", cast, "- values then:", values)
if (module, more) != ("raises", "raises"):
    sys.exit("CHANGED: a missing tensor, or load_state_dict with too many, does not raise")
if fewer != "no error":
    sys.exit("CHANGED: tensors that the model lacks are not passed over")
if cast != "no error" or values != [0]:
    sys.exit("CHANGED: fractions are not cut to whole numbers")
print("HOLDS: dcp.load passes over tensors that the model lacks, and casts to the model's type")
PY
