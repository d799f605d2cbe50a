#!/usr/bin/env bash
# One would guess that torch, or the C library, reuses the memory of a dropped CPU tensor for the next
# one of the same size. On Linux with glibc a large tensor's memory goes back to the kernel at once,
# so each new one takes every page anew (and the kernel clears each first). Two calls of mallopt keep
# the memory in the process; after some rounds in which the heap grows there are no faults at all.
# The script turns huge pages off for itself, so that faults can be counted.
#
# Versions: torch 2.13.0 (CPU), glibc 2.36. Output seen:
#
#     torch 2.13.0+cpu / glibc 2.36
#     page faults for each tensor of 64 MiB: 16385 by default, 0 after mallopt
#     HOLDS: every large CPU tensor takes all its pages from the kernel anew
#
# Consequence: training on a CPU, which makes and drops the same activations in each step, may spend a
# good part of its time on page faults. The price of the setting: memory stays at its peak.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile torch==2.13.0
cd "$work"
venv/bin/python -W ignore - <<'PY'
import ctypes
import platform
import resource
import statistics
import sys

import torch

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
PR_SET_THP_DISABLE = 41
BYTES = 64 * 2**20

torch.set_num_threads(1)
libc = ctypes.CDLL(None)
# Huge pages hide the number of small ones on some machines; this concerns this process alone.
libc.prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)


def faults() -> float:
    """Median number of minor page faults for one tensor, made, filled and dropped."""
    counts = []
    for _ in range(15):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        torch.ones(BYTES // 4)
        counts.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    return statistics.median(counts)


print("torch", torch.__version__, "/", *platform.libc_ver())
stock = faults()
if not (libc.mallopt(M_MMAP_MAX, 0) and libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)):
    sys.exit("mallopt refused the settings")
for _ in range(3):
    faults()  # the heap still grows during the first eight or so
kept = faults()
print(f"page faults for each tensor of 64 MiB: {stock:.0f} by default, {kept:.0f} after mallopt")
if stock < 0.9 * BYTES / resource.getpagesize():
    sys.exit("CHANGED: memory is reused by default")
if kept > stock / 100:
    sys.exit("CHANGED: mallopt no longer keeps the memory")
print("HOLDS: every large CPU tensor takes all its pages from the kernel anew")
PY
