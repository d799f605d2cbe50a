#!/usr/bin/env bash
# One would guess that an optimiser's step leaves its momentum as its definition has it, whatever the
# precision of the gradients. torch.optim.Muon scales the update in place after a cast to bfloat16.
# For bfloat16 gradients the cast makes no copy, and with nesterov=False the update is the momentum
# buffer: each step leaves the buffer with norm 1, and the past counts for next to nothing where
# gradients are large (or for too much where they are small). Settings with either float32 or
# nesterov=True are sound, so a switch that should alter little turns the momentum off.
#
# Versions: torch 2.13.0 (CPU). Output seen:
#
#     torch 2.13.0+cpu
#     torch.float32   nesterov=True   norm / wanted 1.0000  cosine 1.0000
#     torch.float32   nesterov=False  norm / wanted 1.0000  cosine 1.0000
#     torch.bfloat16  nesterov=True   norm / wanted 1.0000  cosine 1.0000
#     torch.bfloat16  nesterov=False  norm / wanted 0.0032  cosine 0.7428
#     HOLDS: with bfloat16 gradients and nesterov=False, the step overwrites its own momentum
#
# Consequence: keep float32 parameters (with autocast, say) or nesterov=True, the default.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile torch==2.13.0
cd "$work"
venv/bin/python -W ignore - <<'PY'
import sys

import torch

print("torch", torch.__version__)


def run(dtype: torch.dtype, nesterov: bool) -> tuple[float, float]:
    """Norm of the momentum after two steps over what its definition gives, and their cosine."""
    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.randn(64, 32).to(dtype))
    first, second = ((100 * torch.randn(64, 32)).to(dtype) for _ in range(2))
    optimizer = torch.optim.Muon([weight], lr=0.02, momentum=0.95, nesterov=nesterov)
    for gradient in (first, second):
        weight.grad = gradient.clone()
        optimizer.step()
    momentum = optimizer.state[weight]["momentum_buffer"].float().flatten()
    wanted = (0.95 * 0.05 * first.float() + 0.05 * second.float()).flatten()
    return (momentum.norm() / wanted.norm()).item(), torch.cosine_similarity(momentum, wanted, 0).item()


results = {}
for dtype in (torch.float32, torch.bfloat16):
    for nesterov in (True, False):
        ratio, cosine = results[dtype, nesterov] = run(dtype, nesterov)
        print(f"{str(dtype):15} nesterov={nesterov!s:5}  norm / wanted {ratio:.4f}  cosine {cosine:.4f}")
bad = results.pop((torch.bfloat16, False))
if any(abs(ratio - 1) > 0.02 or cosine < 0.999 for ratio, cosine in results.values()):
    sys.exit("CHANGED: one of the three sound settings no longer keeps the momentum")
if bad[0] > 0.1 or bad[1] > 0.9:
    sys.exit("CHANGED: bfloat16 with nesterov=False keeps the momentum")
print("HOLDS: with bfloat16 gradients and nesterov=False, the step overwrites its own momentum")
PY
