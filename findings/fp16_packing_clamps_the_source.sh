#!/usr/bin/env bash
# Packing the weight of a linear layer for a dynamic fp16 product makes an object of its own, so one
# would guess that the float32 weight is only read. torch clamps it in place to the range of fp16
# (65504), without a rise of the tensor's version, so that autograd cannot notice. from_float() of the
# quantised layer does that to the layer it is given, a parameter that requires gradients. A weight in
# another memory layout is copied first and stays as it was, and so does a model that went through
# quantize_dynamic(), which makes a deep copy.
#
# Versions: torch 2.13.0, CPU with x86-64. Output seen:
#
#     torch 2.13.0+cpu
#     linear_prepack_fp16:                      largest weight 100000.0 -> 65504.0, version 0 -> 0
#     linear_prepack_fp16, a transposed weight: largest weight 100000.0 -> 100000.0, version 0 -> 0
#     Linear.from_float of a float layer:       largest weight 100000.0 -> 65504.0, version 2 -> 2
#     quantize_dynamic of a float model:        largest weight 100000.0 -> 100000.0, version 2 -> 2
#     HOLDS: packing for fp16 clamps the weight it is given
#
# Consequence: a test that compares the packed layer with the float layer afterwards sees no difference,
# as both are clamped by then. Pack a clone. (A warning names weights out of range, not the write.)
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile torch==2.13.0
cd "$work"
venv/bin/python -W ignore - 2>errors <<'PY' || { cat errors >&2; exit 1; }
import sys
from collections.abc import Callable

import torch
from torch.ao import quantization
from torch.ao.nn.quantized import dynamic

print("torch", torch.__version__)
LARGE = 100_000.0
pack = torch.ops.quantized.linear_prepack_fp16


def layer() -> torch.nn.Linear:
    """A float layer with weights above the range of fp16, marked for fp16."""
    made = torch.nn.Linear(8, 4)
    torch.nn.init.constant_(made.weight, LARGE)
    made.qconfig = quantization.float16_dynamic_qconfig
    return made


def largest(name: str, weight: torch.Tensor, act: Callable[[], object]) -> float:
    """The largest weight after the action, which is given the weight or what holds it."""
    before, version = weight.max().item(), weight._version
    act()
    after = weight.max().item()
    print(f"{name + ':':41} largest weight {before} -> {after}, version {version} -> {weight._version}")
    if weight._version != version:
        sys.exit("CHANGED: the tensor's version tells of the write")
    return after


rows, columns = torch.full((4, 8), LARGE), torch.full((8, 4), LARGE).T
single, model = layer(), torch.nn.Sequential(layer())
found = [
    largest("linear_prepack_fp16", rows, lambda: pack(rows, None)),
    largest("linear_prepack_fp16, a transposed weight", columns, lambda: pack(columns, None)),
    largest("Linear.from_float of a float layer", single.weight, lambda: dynamic.Linear.from_float(single)),
    largest(
        "quantize_dynamic of a float model",
        model[0].weight,
        lambda: quantization.quantize_dynamic(model, {torch.nn.Linear}, torch.float16),
    ),
]
if found[1] != LARGE or found[3] != LARGE:
    sys.exit("CHANGED: a transposed weight or the source of quantize_dynamic is clamped too")
if found[0] != 65504 or found[2] != 65504:
    sys.exit("CHANGED: the weight is left as it was")
print("HOLDS: packing for fp16 clamps the weight it is given")
PY
