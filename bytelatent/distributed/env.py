"""Rank of this process and number of processes, as torchrun or Slurm sets them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from bytelatent.distributed.devices import find_device

TIMEOUT = timedelta(minutes=30)
"""Time that processes wait for each other; writing a checkpoint of a large model takes minutes."""


@dataclass(frozen=True)
class World:
    """The processes of a run, seen from this process.

    Attributes:
        rank: number of this process, from 0.
        size: number of processes.
        local_rank: number of this process on its machine; it is also the number of its GPU.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @classmethod
    def from_environment(cls) -> "World":
        """Read the variables of torchrun, or those of ``srun`` with one task per GPU.

        Raises:
            ValueError: the variables contradict each other.
        """
        for rank, size, local in (
            ("RANK", "WORLD_SIZE", "LOCAL_RANK"),
            ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"),
        ):
            if rank in os.environ and size in os.environ and local in os.environ:
                world = cls(int(os.environ[rank]), int(os.environ[size]), int(os.environ[local]))
                if not 0 <= world.rank < world.size:
                    raise ValueError(f"{rank}={world.rank} does not lie in 0 to {world.size - 1}")
                # A shell inside an allocation has Slurm's variables but no peers to meet.
                if rank == "RANK" or "MASTER_ADDR" in os.environ:
                    return world
        return cls()

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and prints messages."""
        return self.rank == 0

    def device(self, name: str) -> torch.device:
        """Return the device ``name``; ``cuda`` is the GPU of this process.

        Raises:
            ValueError: the device is not available.
        """
        device = find_device(name)
        return find_device(f"cuda:{self.local_rank}") if name == "cuda" else device

    def sum(self, *values: Tensor) -> list[Tensor]:
        """Sum each scalar over all processes, in double precision."""
        stacked = torch.stack([value.detach().double() for value in values])
        if self.size > 1:
            dist.all_reduce(stacked)
        return list(stacked)

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all processes in the order of their ranks."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    def barrier(self) -> None:
        """Wait until all processes have reached this call."""
        if self.size > 1:
            dist.barrier()


@contextmanager
def process_group(world: World, device: str) -> Iterator[World]:
    """Connect the processes within a ``with`` statement; for a single process nothing is done."""
    if world.size == 1:
        yield world
        return
    place = world.device(device)
    if place.type == "cuda":
        torch.cuda.set_device(place)
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if place.type == "cuda" else "gloo",
        rank=world.rank,
        world_size=world.size,
        timeout=TIMEOUT,
    )
    try:
        yield world
    finally:
        dist.destroy_process_group()
