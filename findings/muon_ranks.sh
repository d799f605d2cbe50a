#!/usr/bin/env bash
# One would guess that an optimiser sharded by FSDP2 gives the update that one process would, as AdamW
# does to the bit here. torch.optim.Muon runs its orthogonalisation in bfloat16 on the sharded tensor
# itself: from equal weights and gradients, the updates on 1 and on 2 ranks differ by some percent.
# For a matrix with fewer rows than ranks the step raises, for it cannot add a replicated update to a
# sharded parameter in place.
#
# Versions: torch 2.13.0 (CPU, gloo). Output seen:
#
#     torch 2.13.0+cpu
#     AdamW, 64 x 64: updates on 1 and 2 ranks differ by 0.00e+00
#     Muon, 64 x 64: updates on 1 and 2 ranks differ by 1.87e-02
#     Muon, 1 x 64, 1 rank:  an update
#     Muon, 1 x 64, 2 ranks: aten.add_.Tensor: in-place operations that require placement changes are not supported. The input has placement (Shard(dim=0),), but no valid strategy preserves this placement. Please use the out-of-place version of this operation instead.
#     HOLDS: Muon's update depends on the number of ranks, and raises for fewer rows than ranks
#
# Consequence: a run does not repeat on another number of ranks, not even from equal gradients, and a
# model with a narrow layer trains on one process but stops on several. Gathering the whole matrix
# before the orthogonalisation avoids both.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile torch==2.13.0
cd "$work"
cat > ranks.py <<'PY'
import sys
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import distribute_tensor


def step(rank: int, ranks: int, rows: int, optimizer: str) -> None:
    """One step from fixed weights and gradients; rank 0 saves the whole update, or the error."""
    name = f"{optimizer}-{ranks}-{rows}"
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{Path.cwd()}/store-{name}", rank=rank, world_size=ranks
    )
    torch.manual_seed(0)
    layer = torch.nn.Linear(64, rows, bias=False)
    gradient, before = torch.randn(rows, 64), layer.weight.detach().clone()
    fully_shard(layer, mesh=init_device_mesh("cpu", (ranks,)))
    weight = layer.weight
    weight.grad = distribute_tensor(gradient, weight.device_mesh, weight.placements)
    try:
        getattr(torch.optim, optimizer)([weight], lr=1.0, weight_decay=0.0).step()
        result = weight.full_tensor().detach() - before
    except RuntimeError as error:
        result = str(error)
    if rank == 0:
        torch.save(result, f"{name}.pt")
    dist.barrier()
    dist.destroy_process_group()


def update(ranks: int, rows: int, optimizer: str) -> torch.Tensor | str:
    mp.spawn(step, (ranks, rows, optimizer), nprocs=ranks)
    return torch.load(f"{optimizer}-{ranks}-{rows}.pt")


if __name__ == "__main__":
    print("torch", torch.__version__)
    differences = {}
    for optimizer in ("AdamW", "Muon"):
        one, two = (update(ranks, 64, optimizer) for ranks in (1, 2))
        differences[optimizer] = ((one - two).norm() / one.norm()).item()
        print(f"{optimizer}, 64 x 64: updates on 1 and 2 ranks differ by {differences[optimizer]:.2e}")
    alone, row = update(1, 1, "Muon"), update(2, 1, "Muon")
    print("Muon, 1 x 64, 1 rank: ", "an update" if isinstance(alone, torch.Tensor) else alone)
    print("Muon, 1 x 64, 2 ranks:", row.split("\n")[0] if isinstance(row, str) else "an update")
    if differences["AdamW"] > 1e-6:
        sys.exit("CHANGED: AdamW's update depends on the number of ranks")
    if differences["Muon"] < 1e-3:
        sys.exit("CHANGED: Muon's update no longer depends on the number of ranks")
    if not isinstance(alone, torch.Tensor) or not isinstance(row, str):
        sys.exit("CHANGED: Muon takes a matrix of fewer rows than ranks, or refuses it on one rank")
    print("HOLDS: Muon's update depends on the number of ranks, and raises for fewer rows than ranks")
PY
venv/bin/python -W ignore ranks.py
