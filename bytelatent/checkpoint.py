"""Checkpoints of a run: written aside, then moved, so that the last one is always whole.

The tensors are written by torch.distributed.checkpoint, each process its own shards, and can be
read by another number of processes than wrote them.
"""

import logging
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field
from torch import nn
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.optim import Optimizer

from bytelatent.distributed.env import World
from bytelatent.files import read_json, write_json

logger = logging.getLogger(__name__)

STATE_FOLDER = "state"
RUN_FILE = "run.json"


class CheckpointArgs(BaseModel):
    """When to save and how many to keep.

    Attributes:
        every: steps between checkpoints.
        keep: newest checkpoints that stay.
        keep_every: checkpoints at multiples of this many steps stay for good; none if null.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    every: int = Field(default=1000, ge=1)
    keep: int = Field(default=2, ge=1)
    keep_every: int | None = Field(default=None, ge=1)


class FolderBusyError(ValueError):
    """Another run is writing to the folder."""


@contextmanager
def sole_run(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold ``folder`` for this process; the system lets go of it whenever the process ends.

    Args:
        folder: made if it is not there.
        wait: for another run to end, instead of the error.

    Raises:
        FolderBusyError: another run is writing there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock", timeout=-1 if wait else 0)
    try:
        lock.acquire()
    except Timeout:
        raise FolderBusyError(
            f"dump_dir: another run is writing to {folder}; wait for it, stop it, or choose "
            "another folder"
        ) from None
    try:
        yield
    finally:
        lock.release()


class Checkpoints:
    """The checkpoints in one folder, named by step.

    Args:
        folder: where they are; all processes see it.
        args: how many stay.
        world: the processes that save and load together.
    """

    def __init__(self, folder: Path, args: CheckpointArgs, world: World) -> None:
        self.folder, self.args, self.world = folder, args, world

    def save(self, step: int, model: nn.Module, optimizer: Optimizer, run: dict[str, Any]) -> Path:
        """Write the state of ``step``, then remove checkpoints that need not stay.

        Args:
            step: optimiser steps done.
            model, optimizer: their states, sharded or not.
            run: anything else, as JSON; the main process's counts.
        """
        final, aside = self.folder / f"{step:010d}", self.folder / f".{step:010d}.tmp"
        if self.world.is_main:
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir(parents=True)
        self.world.barrier()
        weights, moments = get_state_dict(model, optimizer)
        state = {"model": weights, "optimizer": moments}
        with _alone_on_purpose():
            save(state, checkpoint_id=aside / STATE_FOLDER, no_dist=self.world.size == 1)
        if self.world.is_main:
            write_json(aside / RUN_FILE, {"step": step, **run})
            shutil.rmtree(final, ignore_errors=True)
            aside.rename(final)
            self._prune()
        self.world.barrier()
        return final

    def load(self, model: nn.Module, optimizer: Optimizer) -> dict[str, Any] | None:
        """Fill ``model`` and ``optimizer`` from the newest checkpoint.

        Returns:
            What was saved as ``run``, with its ``step``; None when there is no checkpoint.

        Raises:
            ValueError: the newest checkpoint cannot be read, or is of another model.
        """
        folders = self._all()
        if not folders:
            return None
        newest = folders[-1]
        run: dict[str, Any] = read_json(newest / RUN_FILE)
        weights, moments = get_state_dict(model, optimizer)
        state: dict[str, Any] = {"model": weights, "optimizer": moments}
        try:
            with _alone_on_purpose():
                load(state, checkpoint_id=newest / STATE_FOLDER, no_dist=self.world.size == 1)
        except (CheckpointException, Exception) as error:
            raise ValueError(_why(newest, error)) from error
        set_state_dict(
            model,
            optimizer,
            model_state_dict=state["model"],
            optim_state_dict=state["optimizer"],
        )
        logger.info("going on from %s", newest)
        return run

    def _prune(self) -> None:
        for old in self._all()[: -self.args.keep]:
            if self.args.keep_every is None or int(old.name) % self.args.keep_every:
                shutil.rmtree(old)

    def _all(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return sorted(path for path in self.folder.iterdir() if path.name.isdigit())


@contextmanager
def _alone_on_purpose() -> Iterator[None]:
    """One process alone is no oversight, so torch need not warn of it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.distributed is .*single process")
        yield


def _why(folder: Path, error: BaseException) -> str:
    """One sentence: a checkpoint of another model, or one that cannot be read."""
    text = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    if any(word in str(error) for word in ("Missing key", "size mismatch", "Size mismatch")):
        return (
            f"the checkpoint {folder} does not fit this configuration ({text}); "
            "choose another dump_dir, or the configuration it was made with"
        )
    return (
        f"the checkpoint {folder} cannot be read ({text}); remove it to go on from the one before"
    )
