"""Common parts of the benchmarks: timing, memory, and results with the machine's data."""

import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"


@contextmanager
def checkout(revision: str) -> Iterator[Path]:
    """Check out another revision of this repository to a temporary folder."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "build"
        git = ["git", "-C", str(ROOT), "worktree"]
        add = [*git, "add", "--detach", "--quiet", str(folder), revision]
        subprocess.run(add, check=True)
        try:
            yield folder
        finally:
            subprocess.run([*git, "remove", "--force", str(folder)], check=True)


def cpu_name() -> str:
    """Return the name of the processor."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def times(work: Callable[[], object], repeat: int) -> list[float]:
    """Return the seconds of ``repeat`` runs after one warm-up run."""
    work()
    seconds = []
    for _ in range(repeat):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return seconds


def interleaved(
    works: dict[str, Callable[[], object]],
    repeat: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Return the seconds of ``repeat`` runs of each work; alternate, so that load affects all."""
    for work in works.values():
        work()
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeat):
        for name, work in works.items():
            began = clock()
            work()
            seconds[name].append(clock() - began)
    return seconds


def peak_of(work: Callable[[], object]) -> dict[str, int]:
    """Return this process's resident memory in bytes: before ``work``, and its peak during it."""
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    before = _status("VmRSS")
    work()
    return {"before": before, "peak": _status("VmHWM")}


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise ValueError(f"/proc/self/status has no {name}")


def summary(seconds: list[float]) -> dict[str, float]:
    """Return median, 95th and 99th percentile in milliseconds, and the number of runs."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return {
        "median_ms": round(statistics.median(seconds) * 1e3, 2),
        "p95_ms": round(cuts[94] * 1e3, 2),
        "p99_ms": round(cuts[98] * 1e3, 2),
        "runs": len(seconds),
    }


def resident_bytes(pid: int) -> int:
    """Return resident memory in bytes of a process tree; shared pages count once (PSS)."""
    total = 0
    for process in [pid, *children(pid)]:
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return total


def children(pid: int) -> list[int]:
    """Return all processes below ``pid``."""
    descendants = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            descendants += [int(child), *children(int(child))]
    return descendants


def write_results(name: str, rows: dict[str, Any]) -> None:
    """Print ``rows`` and write them to a file together with the machine's data."""
    record = {"machine": {"cpu": cpu_name(), "cores": os.cpu_count()}, "results": rows}
    text = json.dumps(record, indent=2)
    print(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(text + "\n")
