"""Checkpoints of a run: written aside, then moved, so that the last one is always whole."""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field

logger = logging.getLogger(__name__)

STATE_FILE = "state.pt"


class CheckpointArgs(BaseModel):
    """When to save and how many to keep.

    Attributes:
        every: steps between checkpoints.
        keep: newest checkpoints that stay.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    every: int = Field(default=1000, ge=1)
    keep: int = Field(default=2, ge=1)


@contextmanager
def sole_run(folder: Path) -> Iterator[None]:
    """Hold ``folder`` for this process; the system lets go of it whenever the process ends.

    Raises:
        ValueError: another run is writing there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise ValueError(
            f"dump_dir: another run is writing to {folder}; wait for it, stop it, or choose "
            "another folder"
        ) from None
    try:
        yield
    finally:
        lock.release()


class Checkpoints:
    """The checkpoints in one folder, named by step."""

    def __init__(self, folder: Path, args: CheckpointArgs) -> None:
        self.folder, self.args = folder, args

    def save(self, step: int, state: dict[str, Any]) -> Path:
        """Write the state of ``step``, then remove checkpoints beyond ``keep``."""
        final = self.folder / f"{step:010d}"
        aside = self.folder / f".{step:010d}.tmp"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        torch.save(state, aside / STATE_FILE)
        shutil.rmtree(final, ignore_errors=True)
        aside.rename(final)
        for old in self._all()[: -self.args.keep]:
            shutil.rmtree(old)
        return final

    def latest(self) -> tuple[int, dict[str, Any]] | None:
        """Step and state of the newest checkpoint, or None when there is none.

        Raises:
            ValueError: the newest checkpoint cannot be read.
        """
        folders = self._all()
        if not folders:
            return None
        path = folders[-1] / STATE_FILE
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:
            raise ValueError(f"checkpoint {path} cannot be read: {error}") from error
        logger.info("going on from %s", folders[-1])
        return int(folders[-1].name), state

    def _all(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return sorted(path for path in self.folder.iterdir() if path.name.isdigit())
