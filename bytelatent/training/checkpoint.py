"""Checkpoints of a run.

A checkpoint is written to a temporary folder and then renamed, so that the last checkpoint is
always complete. ``torch.distributed.checkpoint`` writes the tensors: each process writes its own
shards, and any number of processes can read them.
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
from bytelatent.training.checkpoint_reader import CheckpointReader, PlainValuesPlanner

logger = logging.getLogger(__name__)

STATE_FOLDER = "state"
RUN_FILE = "run.json"


class CheckpointArgs(BaseModel):
    """Settings of when to save checkpoints and how many to keep.

    Attributes:
        every: number of steps between two checkpoints.
        keep: number of newest checkpoints that are kept.
        keep_every: checkpoints at multiples of this number of steps are kept for good; null keeps
            none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    every: int = Field(default=1000, ge=1)
    keep: int = Field(default=2, ge=1)
    keep_every: int | None = Field(default=None, ge=1)


class FolderBusyError(ValueError):
    """Error that another run is writing to the folder."""


@contextmanager
def sole_run(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Lock ``folder`` for this process; the system releases the lock when the process ends.

    Args:
        folder: folder to lock; it is created if it does not exist.
        wait: whether to wait until another run has ended instead of raising an error.

    Raises:
        FolderBusyError: another run is writing to the folder.
        ValueError: the path is a file, or the folder cannot be written.
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
    """Settings of a run, which every checkpoint stores.

    Attributes:
        values: nested settings by name, as values of JSON.
        fixed: prefixes of names (``a.b``) whose settings must not change when a run is resumed.
        free: last parts of names whose settings may change nevertheless.
    """

    values: dict[str, Any]
    fixed: tuple[str, ...] = ()
    free: Set[str] = frozenset()

    def changes(self, saved: dict[str, Any]) -> tuple[list[str], list[str]]:
        """Describe what differs from ``saved``, as two lists: fixed settings and other settings."""
        fixed: list[str] = []
        others: list[str] = []
        for name, (before, now) in _differences(saved, self.values).items():
            is_fixed = any(name == prefix or name.startswith(prefix + ".") for prefix in self.fixed)
            chosen = fixed if is_fixed and name.rpartition(".")[2] not in self.free else others
            chosen.append(f"{name} was {_shown(before)} and is now {_shown(now)}")
        return fixed, others


class Checkpoints:
    """The checkpoints in one folder; each one is named after its step.

    Args:
        folder: folder of the checkpoints; all processes see it.
        args: number of checkpoints to keep.
        world: processes that save and load together.
        settings: settings of the run.
    """

    def __init__(
        self, folder: Path, args: CheckpointArgs, world: World, settings: Settings | None = None
    ) -> None:
        self.folder, self.args, self.world = folder, args, world
        self.settings = settings or Settings({})

    def save(
        self, step: int, model: nn.Module, optimizers: Sequence[Optimizer], run: dict[str, Any]
    ) -> Path:
        """Write the state of ``step``, then remove the checkpoints that are not kept.

        Args:
            step: number of optimiser steps done.
            model, optimizers: objects whose states are saved, sharded or not.
            run: further state as JSON; the value of the main process is written.

        Returns:
            Folder of the checkpoint.

        Raises:
            ValueError: the system refuses to write, for example because the disk is full. Nothing
                of this checkpoint remains then, and the other checkpoints are kept.
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
        """Load the newest checkpoint into ``model`` and ``optimizers``.

        Returns:
            The value that was saved as ``run``, with its ``step``; None if there is no checkpoint.

        Raises:
            ValueError: the newest checkpoint cannot be read, or it belongs to another model.
        """
        folders = self._all()
        if not folders:
            return None
        newest = folders[-1]
        run = _read_run(newest)
        wrong, others = self.settings.changes(run.get("settings", {}))
        if wrong:
            raise ValueError(_misfit(newest, ", ".join(wrong)))
        weights, moments = get_state_dict(model, optimizers)
        state: dict[str, Any] = {"model": weights, "optimizer": moments}
        try:
            reader = CheckpointReader(newest / STATE_FOLDER)
            reader.read_metadata()  # torch would wrap the message in those of further attempts
            with _alone_on_purpose():
                load(
                    state,
                    storage_reader=reader,
                    planner=PlainValuesPlanner(),
                    no_dist=self.world.size == 1,
                )
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
        """Run one part of saving in all processes; all processes fail if one of them fails."""
        problem = None
        try:
            part()
        except (CheckpointException, OSError, ValueError) as error:
            problem = _reason(error)
        problems = [reason for reason in self.world.gather(problem) if reason]
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


def _read_run(folder: Path) -> dict[str, Any]:
    """Read what a checkpoint stores besides the state of model and optimisers.

    Raises:
        ValueError: the file is missing, damaged or of another kind.
    """
    try:
        run = read_json(folder / RUN_FILE)
    except ValueError as error:
        raise ValueError(unreadable(folder, str(error))) from None
    if not isinstance(run, dict) or type(run.get("step")) is not int:
        raise ValueError(unreadable(folder, f"{RUN_FILE} holds no object with a step"))
    return run


@contextmanager
def _alone_on_purpose() -> Iterator[None]:
    """Suppress torch's warning about a single process, which is intended here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.distributed is .*single process")
        yield


def _why(folder: Path, error: BaseException) -> str:
    """Say in one sentence that a checkpoint belongs to another model or cannot be read."""
    text = _reason(error)
    if any(word in str(error) for word in ("Missing key", "size mismatch", "Size mismatch")):
        return _misfit(folder, text)
    return unreadable(folder, text)


def unreadable(folder: Path, reason: str) -> str:
    """Return the message that a checkpoint cannot be read, with what to do."""
    return (
        f"the checkpoint {folder} cannot be read ({reason}); remove it to go on from the one before"
    )


def _misfit(folder: Path, text: str) -> str:
    return (
        f"the checkpoint {folder} does not fit this configuration: {text}; "
        "choose another dump_dir, or the configuration it was made with"
    )


def _reason(error: BaseException) -> str:
    """Return the cause of an error in one line, without what torch and our files add around it."""
    if isinstance(error, CheckpointException) and error.failures:
        error = next(iter(error.failures.values()))[0]
    # torch hides what the system said behind its own complaint, such as "unexpected pos".
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _differences(saved: Any, now: Any, name: str = "") -> dict[str, tuple[Any, Any]]:
    """Return the settings that differ, with the old and the new value.

    A new setting has no old value and is not returned. A setting that is missing now has the new
    value None, because unused settings are left out.
    """
    now = json.loads(json.dumps(now))  # as in the file: keys are strings, tuples are lists
    if not isinstance(saved, dict) or not isinstance(now, dict):
        return {} if saved == now else {name: (saved, now)}
    changed: dict[str, tuple[Any, Any]] = {}
    for key in saved.keys() & now.keys():
        changed |= _differences(saved[key], now[key], f"{name}.{key}" if name else key)
    for key in saved.keys() - now.keys():
        if name and saved[key] is not None:
            changed[f"{name}.{key}"] = (saved[key], None)
    return dict(sorted(changed.items()))


def _shown(value: Any) -> str:
    """Format a value for a message; a group of settings is only named as "given"."""
    return "given" if isinstance(value, dict) else json.dumps(value, ensure_ascii=False)
