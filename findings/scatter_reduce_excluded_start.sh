#!/usr/bin/env bash
# With include_self=False, scatter_reduce and index_reduce leave the values of the tensor they start
# from out of the reduction, so one would guess that these do not matter. The results agree, and so do
# the gradients of sums and means. For amax and amin the backward pass counts an excluded start value as
# a tie where it equals the result, and the elements that made the result get less than their share:
# half, for a maximum of exactly 0 over torch.zeros, which is the usual start (0 is common after a ReLU,
# and in whole-number features).
#
# Versions: torch 2.13.0 (CPU). Output seen (groups [0, -1] and [2]; each maximum has one source):
#
#     torch 2.13.0+cpu
#     scatter_reduce, start 0.0: maxima [0.0, 2.0]  gradient [0.5, 0.0, 1.0]  gradcheck False
#     scatter_reduce, start 7.0: maxima [0.0, 2.0]  gradient [1.0, 0.0, 1.0]  gradcheck True
#     scatter_reduce, start nan: maxima [0.0, 2.0]  gradient [1.0, 0.0, 1.0]  gradcheck True
#     index_reduce, start 0.0: maxima [0.0, 2.0]  gradient [0.5, 0.0, 1.0]  gradcheck False
#     index_reduce, start 7.0: maxima [0.0, 2.0]  gradient [1.0, 0.0, 1.0]  gradcheck True
#     index_reduce, start nan: maxima [0.0, 2.0]  gradient [1.0, 0.0, 1.0]  gradcheck True
#     HOLDS: the gradient of an extreme value is shared with the start value that was left out
#
# Consequence: start from NaN, which equals nothing, and replace what is left of it where a group is
# empty; or from a value that no group can have.
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
groups = torch.tensor([0, 0, 1])
values = torch.tensor([0.0, -1.0, 2.0], dtype=torch.double, requires_grad=True)
wanted = torch.tensor([1.0, 0.0, 1.0], dtype=torch.double)
wrong = {}
for name in ("scatter_reduce", "index_reduce"):
    for start in (0.0, 7.0, float("nan")):

        def maxima(source: torch.Tensor) -> torch.Tensor:
            into = torch.full((2,), start, dtype=torch.double)
            return getattr(into, name)(0, groups, source, "amax", include_self=False)

        found = maxima(values)
        (gradient,) = torch.autograd.grad(found.sum(), values)
        numeric = torch.autograd.gradcheck(maxima, (values,), raise_exception=False)
        print(
            f"{name}, start {start}: maxima {found.tolist()}  gradient {gradient.tolist()}  gradcheck {numeric}"
        )
        if found.tolist() != [0.0, 2.0]:
            sys.exit("CHANGED: the start value is not left out of the result")
        wrong[name, start] = (gradient / wanted)[0].item(), numeric
for (name, start), (share, numeric) in wrong.items():
    if start == 0 and (share != 0.5 or numeric):
        sys.exit(f"CHANGED: {name} no longer counts an equal start value as a tie")
    if start != 0 and (share != 1 or not numeric):
        sys.exit(f"CHANGED: {name} has another gradient where no start value equals the maximum")
print("HOLDS: the gradient of an extreme value is shared with the start value that was left out")
PY
