"""Signals that arrive before a run has begun: nothing is lost, and the job is queued again."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEMPLATES = ROOT / "bytelatent" / "templates"
STOPPED = 75
LIMIT = 120

SENDS_A_SIGNAL = """
import importlib.abc, os, signal, sys

class Sending(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == os.environ["SIGNAL_AT"]:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), int(os.environ["SIGNAL"]))

sys.meta_path.insert(0, Sending())
"""
"""Module that Python imports when it starts: it sends a signal where a module is imported."""


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    "command",
    [
        ["-m", "bytelatent.train", "config=bytelatent/configs/debug.yaml"],
        ["-m", "bytelatent.cli", "train", "config=bytelatent/configs/debug.yaml"],
    ],
    ids=["module", "console"],
)
def test_a_signal_while_torch_is_imported_ends_with_the_status_of_a_saved_run(
    tmp_path, command, number
) -> None:
    (tmp_path / "sitecustomize.py").write_text(SENDS_A_SIGNAL)
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}", "OMP_NUM_THREADS": "1"}
    environment |= {"SIGNAL_AT": "torch", "SIGNAL": str(int(number))}
    done = subprocess.run(
        [sys.executable, *command, f"dump_dir={tmp_path}/run"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == STOPPED, done.stderr
    assert done.stderr.endswith("stopped before the first step; the same command goes on\n")
    assert not (tmp_path / "run" / "model").exists()


def test_a_study_waits_for_signals_before_torch_too(tmp_path) -> None:
    (tmp_path / "sitecustomize.py").write_text(SENDS_A_SIGNAL)
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}", "SIGNAL_AT": "torch"}
    words = ["run", f"config={tmp_path}/none.yaml"]
    done = subprocess.run(
        [sys.executable, "-m", "bytelatent.scaling", *words],
        cwd=ROOT,
        env=environment | {"SIGNAL": str(int(signal.SIGUSR1))},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, "the signal waits, the missing file is an error"
    assert "none.yaml" in done.stderr


def test_signals_that_are_held_survive_the_restart_of_a_command() -> None:
    again = (
        "from bytelatent.training.stopping import stopping_on_signals\n"
        "with stopping_on_signals() as stop: print(stop.requested)"
    )
    first = (
        "import os, signal, sys\n"
        "from bytelatent.training.stopping import hold_signals\n"
        "hold_signals()\n"
        "os.kill(os.getpid(), signal.SIGUSR1)\n"
        f"os.execv(sys.executable, [sys.executable, '-c', {again!r}])"
    )
    done = subprocess.run(
        [sys.executable, "-c", first], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "True\n"


def test_the_warning_of_slurm_may_come_twice() -> None:
    code = (
        "import os, signal\n"
        "from bytelatent.training.stopping import stopping_on_signals\n"
        "with stopping_on_signals() as stop:\n"
        "    for _ in range(3): os.kill(os.getpid(), signal.SIGUSR1)\n"
        "    print(stop.requested)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "True\n")


SCRIPT = """
import sys, time
from pathlib import Path
folder = Path(sys.argv[1])
(folder / "ready").touch()
while not (folder / "go").exists():
    time.sleep(0.02)
from bytelatent.training.stopping import STOPPED, stopping_on_signals
with stopping_on_signals() as stop:
    for _ in range(2400):
        if stop.requested:
            sys.exit(STOPPED)
        time.sleep(0.05)
sys.exit(3)
"""
"""Script of a job that takes a while before it waits for signals."""

TORCHRUN = f"""#!{sys.executable}
import os, subprocess, sys, time
from pathlib import Path
folder = Path(os.environ["FOLDER"])
(folder / "torchrun").touch()
while not (folder / "workers").exists():
    time.sleep(0.02)
sys.exit(subprocess.run(sys.argv[sys.argv.index("--no-python") + 1:]).returncode and 1)
"""


class Node:
    """The script of a node of a job, with programs that stand for torch and the script."""

    def __init__(self, folder: Path, **programs: str) -> None:
        self.folder = folder
        for name, text in {"torchrun": TORCHRUN, **programs}.items():
            path = folder / "bin" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            path.chmod(0o755)
        (folder / "tmp").mkdir()
        environment = {
            **os.environ,
            **dict.fromkeys(("STOOL_NODES", "STOOL_PROCESSES", "STOOL_PORT"), "1"),
            **{"STOOL_MASTER": "localhost", "SLURM_NODEID": "0", "TMPDIR": str(folder / "tmp")},
            **{"STOOL_AGAIN": str(folder / "again"), "FOLDER": str(folder)},
            **{"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)},
        }
        script = [sys.executable, "-c", SCRIPT, str(folder)]
        self.process = subprocess.Popen(
            ["bash", TEMPLATES / "node.sh", *script], env=environment, stderr=subprocess.PIPE
        )

    def wait_for(self, condition: Callable[[], bool]) -> None:
        until = time.monotonic() + LIMIT
        while not condition():
            assert self.process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)

    def asked(self) -> bool:
        return any(path.name == ".stop" for path in self.folder.glob("tmp/*/.*"))

    def touch(self, *names: str) -> None:
        for name in names:
            (self.folder / name).touch()

    def check_queued_again(self) -> None:
        _, error = self.process.communicate(timeout=LIMIT)
        assert self.process.returncode == 0, error
        assert error == b""
        assert (self.folder / "again").exists()
        assert not list((self.folder / "tmp").iterdir())


def test_a_warning_before_the_workers_start_reaches_them(tmp_path) -> None:
    node = Node(tmp_path)
    node.wait_for((tmp_path / "torchrun").exists)
    node.process.send_signal(signal.SIGUSR1)
    node.wait_for(node.asked)
    node.touch("workers", "go")
    node.check_queued_again()


def test_a_warning_before_the_script_waits_for_signals_reaches_it(tmp_path) -> None:
    node = Node(tmp_path)
    node.touch("workers")
    node.wait_for((tmp_path / "ready").exists)
    node.process.send_signal(signal.SIGUSR1)
    node.wait_for(node.asked)
    node.touch("go")
    node.check_queued_again()


MKTEMP = """#!/bin/sh
kill -{} "$PPID"
PATH=${{PATH#*:}} exec mktemp "$@"
"""
"""Program that makes a folder, and sends the script of the node a signal meanwhile."""


def test_a_warning_at_the_very_beginning_reaches_the_script(tmp_path) -> None:
    node = Node(tmp_path, mktemp=MKTEMP.format("USR1"))
    node.touch("workers", "go")
    node.check_queued_again()


def test_an_end_at_the_very_beginning_starts_nothing(tmp_path) -> None:
    node = Node(tmp_path, mktemp=MKTEMP.format("TERM"))
    node.touch("workers", "go")
    node.process.communicate(timeout=LIMIT)
    assert node.process.returncode == 143
    assert not (tmp_path / "torchrun").exists()
