"""What commands leave in a home that is empty: nothing that was not asked for."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.servers import serving

ROOT = Path(__file__).parents[1]
OWN_VARIABLE = "ORT_DISABLE_TELEMETRY"

COMMANDS = {
    "import": ["-c", "import bytelatent.runtime"],
    "generate": ["-m", "bytelatent.cli", "generate", "A", "--max-bytes", "2"],
    "precompute": ["-m", "app.precompute", "examples", "--help"],
    "plot": ["-m", "bytelatent.plotting.kinds", "--out", "{out}", "--data", "{out}"],
}
FONT_CACHE = ".cache/matplotlib/"
"""Folder in which matplotlib keeps the list of the fonts of this machine."""


def environment(home: Path) -> dict[str, str]:
    """Return the environment of a user whose home is ``home``."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("XDG_", "HF_", "MPL", "ORT_"))
    }
    return kept | {"HOME": str(home)}


def files_in(home: Path) -> list[str]:
    """Return the files below ``home``, without the cache of fonts."""
    paths = (path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file())
    return sorted(path for path in paths if not path.startswith(FONT_CACHE))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_leaves_nothing_in_an_empty_home(command: str, tmp_path: Path) -> None:
    home, out = tmp_path / "home", tmp_path / "out"
    home.mkdir()
    words = [word.format(out=out) for word in COMMANDS[command]]
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=environment(home), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert files_in(home) == []


def test_the_server_leaves_nothing_in_an_empty_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.delenv(OWN_VARIABLE, raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(home))
    with serving(tmp_path / "log.txt") as served:
        assert served.patches() == 200
    assert files_in(home) == []


def test_what_the_user_has_set_is_kept() -> None:
    code = f"import os, bytelatent; print(os.environ[{OWN_VARIABLE!r}])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, OWN_VARIABLE: "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "0"


def test_only_modules_of_bytelatent_import_onnxruntime() -> None:
    """The import of ``bytelatent`` comes before theirs, and sets the variable."""
    listed = subprocess.run(
        ["git", "ls-files", "*.py"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    importing = {name for name in listed.stdout.split() if "onnxruntime" in imported(ROOT / name)}
    assert importing
    assert {name for name in importing if not name.startswith("bytelatent/")} == set()


def imported(path: Path) -> set[str]:
    """Return the top-level names of the packages that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names
