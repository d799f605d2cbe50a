"""Description of the machine and of the code in the record of a run."""

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import torch

PACKAGE = Path(__file__).parents[1]


def machine() -> dict[str, Any]:
    """Describe the processor, cores, threads and versions, without the name of the machine."""
    facts = {
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
    if torch.cuda.is_available():
        facts["gpu"] = torch.cuda.get_device_name()
    return facts


def cpu_name() -> str:
    """Return the model name of the processor."""
    path = Path("/proc/cpuinfo")
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def commit() -> dict[str, Any]:
    """Return the commit of the code and whether the package differs from it.

    Both values are None outside a checkout.
    """
    known = _git("rev-parse", "HEAD")
    if known is None:
        return {"commit": None, "modified": None}
    changes = _git("status", "--porcelain", "--untracked-files=no", "--", str(PACKAGE))
    return {"commit": known, "modified": bool(changes)}


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(PACKAGE), *words], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
