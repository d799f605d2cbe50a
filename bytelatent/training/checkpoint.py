"""Checkpoints of a run: written aside, then moved, so that the last one is always whole.

The tensors are written by torch.distributed.checkpoint, each process its own shards, and can be
read by another number of processes than wrote them.
"""

import json
import logging
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
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
        ValueError: it is a file, or may not be written to.
    """
    lock = FileLock(folder / ".lock", timeout=-1 if wait else 0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise FolderBusyError(
            f"dump_dir: another run is writing to {folder}; wait for it, stop it, or choose "
            "another folder"
        ) from None
    except FileExistsError:
        raise ValueError(f"dump_dir: {folder} is a file; give a folder, or a new name") from None
    except OSError as error:
        raise ValueError(f"dump_dir: {folder} cannot be written: {error.strerror}") from None
    try:
        yield
    finally:
        lock.release()


@dataclass(frozen=True)
class Settings:
    """What a run was told; every checkpoint keeps it.

    Attributes:
        values: names and values as JSON has them, of any depth.
        fixed: beginnings of the names (``a.b``) that must be as they were to go on.
        free: last parts of names that may change all the same.
    """

    values: dict[str, Any]
    fixed: tuple[str, ...] = ()
    free: Set[str] = frozenset()

    def changes(self, saved: dict[str, Any]) -> tuple[list[str], list[str]]:
        """What differs from ``saved``: of the fixed settings, and of the others."""
        fixed: list[str] = []
        others: list[str] = []
        for name, (before, now) in _differences(saved, self.values).items():
            is_fixed = any(name == one or name.startswith(one + ".") for one in self.fixed)
            chosen = fixed if is_fixed and name.rpartition(".")[2] not in self.free else others
            chosen.append(f"{name} was {_shown(before)} and is now {_shown(now)}")
        return fixed, others


class Checkpoints:
    """The checkpoints in one folder, named by step.

    Args:
        folder: where they are; all processes see it.
        args: how many stay.
        world: the processes that save and load together.
        settings: of the run.
    """

    def __init__(
        self, folder: Path, args: CheckpointArgs, world: World, settings: Settings | None = None
    ) -> None:
        self.folder, self.args, self.world = folder, args, world
        self.settings = settings or Settings({})

    def save(
        self, step: int, model: nn.Module, optimizers: Sequence[Optimizer], run: dict[str, Any]
    ) -> Path:
        """Write the state of ``step``, then remove checkpoints that need not stay.

        Args:
            step: optimiser steps done.
            model, optimizers: their states, sharded or not.
            run: anything else, as JSON; the main process's counts.

        Raises:
            ValueError: the system refuses to write, for want of space, say. Of this checkpoint
                nothing is left then, and the others stay.
        """
        final, aside = self.folder / f"{step:010d}", self.folder / f".{step:010d}.tmp"
        weights, moments = get_state_dict(model, optimizers)
        state = {"model": weights, "optimizer": moments}

        def prepare() -> None:
            if self.world.is_main:
                shutil.rmtree(aside, ignore_errors=True)
                aside.mkdir(parents=True)

        def write() -> None:
            with _alone_on_purpose():
                save(state, checkpoint_id=aside / STATE_FOLDER, no_dist=self.world.size == 1)

        def finish() -> None:
            if self.world.is_main:
                write_json(
                    aside / RUN_FILE, {"step": step, "settings": self.settings.values, **run}
                )
                shutil.rmtree(final, ignore_errors=True)
                aside.rename(final)
                self._prune()

        for part in (prepare, write, finish):
            self._together(part, final, aside)
        return final

    def load(self, model: nn.Module, optimizers: Sequence[Optimizer]) -> dict[str, Any] | None:
        """Fill ``model`` and ``optimizers`` from the newest checkpoint.

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
        wrong, others = self.settings.changes(run.get("settings", {}))
        if wrong:
            raise ValueError(_misfit(newest, ", ".join(wrong)))
        weights, moments = get_state_dict(model, optimizers)
        state: dict[str, Any] = {"model": weights, "optimizer": moments}
        try:
            with _alone_on_purpose():
                load(state, checkpoint_id=newest / STATE_FOLDER, no_dist=self.world.size == 1)
        except (CheckpointException, Exception) as error:
            raise ValueError(_why(newest, error)) from error
        set_state_dict(
            model,
            optimizers,
            model_state_dict=state["model"],
            optim_state_dict=state["optimizer"],
        )
        logger.info("going on from %s", newest)
        if others:
            logger.info("changed since then: %s", ", ".join(others))
        return run

    def _together(self, part: Callable[[], None], final: Path, aside: Path) -> None:
        """Do a part of saving in all processes, one after the other part; all fail if one does."""
        problem = None
        try:
            part()
        except (CheckpointException, OSError, ValueError) as error:
            problem = _reason(error)
        problems = [one for one in self.world.gather(problem) if one]
        if problems:
            if self.world.is_main:
                shutil.rmtree(aside, ignore_errors=True)
            raise ValueError(f"dump_dir: {final} cannot be written: {problems[0]}")

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
    text = _reason(error)
    if any(word in str(error) for word in ("Missing key", "size mismatch", "Size mismatch")):
        return _misfit(folder, text)
    return (
        f"the checkpoint {folder} cannot be read ({text}); remove it to go on from the one before"
    )


def _misfit(folder: Path, text: str) -> str:
    return (
        f"the checkpoint {folder} does not fit this configuration: {text}; "
        "choose another dump_dir, or the configuration it was made with"
    )


def _reason(error: BaseException) -> str:
    """What went wrong, in one line, out of what torch and our files put around it."""
    if isinstance(error, CheckpointException) and error.failures:
        error = next(iter(error.failures.values()))[0]
    if isinstance(error, ValueError) and isinstance(error.__cause__, OSError):
        error = error.__cause__
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _differences(saved: Any, now: Any, name: str = "") -> dict[str, tuple[Any, Any]]:
    """Settings that differ, with both values.

    New ones have no "before" and are none; those that are gone, as unused ones are left out, count
    as null now.
    """
    now = json.loads(json.dumps(now))  # as the file has them: keys are strings, tuples lists
    if not isinstance(saved, dict) or not isinstance(now, dict):
        return {} if saved == now else {name: (saved, now)}
    found: dict[str, tuple[Any, Any]] = {}
    for key in saved.keys() & now.keys():
        found |= _differences(saved[key], now[key], f"{name}.{key}" if name else key)
    for key in saved.keys() - now.keys():
        if name and saved[key] is not None:
            found[f"{name}.{key}"] = (saved[key], None)
    return dict(sorted(found.items()))


def _shown(value: Any) -> str:
    """A value as one would write it; a whole group only as such."""
    return "given" if isinstance(value, dict) else json.dumps(value, ensure_ascii=False)
