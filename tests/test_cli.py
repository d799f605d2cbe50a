"""The console command: it lists quickly, and runs every command it lists."""

import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bytelatent.cli import COMMANDS, help_text, main

ROOT = Path(__file__).parents[1]


def test_it_is_installed_under_its_name() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"bytelatent": "bytelatent.cli:main"}
    assert {command.extra for command in COMMANDS.values()} <= set(project["optional-dependencies"])


def test_help_lists_every_command_and_loads_none() -> None:
    code = (
        "import sys; from bytelatent.cli import main\n"
        "assert main(['--help']) == main([]) == 0\n"
        "loaded = {'torch', 'numpy', 'pydantic', 'matplotlib'} & set(sys.modules)\n"
        "assert not loaded, loaded"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    for name, command in COMMANDS.items():
        assert f"  {name} " in done.stdout
        assert command.summary in done.stdout
    assert max(map(len, help_text().splitlines())) <= 88


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name, capsys) -> None:
    try:
        status = main([name, "--help"])
    except SystemExit as stop:  # how argparse ends
        status = stop.code
    assert status == 0
    printed = capsys.readouterr().out
    assert COMMANDS[name].module.split(".")[1].split("_")[0] in printed or name in printed


def test_an_unknown_name_gives_the_nearest_one(capsys) -> None:
    assert main(["convert-from-transfomers", "a"]) == 2
    error = capsys.readouterr().err
    assert "no command 'convert-from-transfomers'" in error
    assert "did you mean 'convert-from-transformers'?" in error


def test_words_go_through_and_the_status_comes_back(monkeypatch) -> None:
    seen = []

    def run(words):
        seen.append(words)
        return 3

    monkeypatch.setattr("bytelatent.convert.commands.main", run)
    assert main(["load-transformers", "hub", "--prompt", "x"]) == 3
    assert seen == [["load-transformers", "hub", "--prompt", "x"]]


def test_what_is_not_installed_or_interrupted_is_a_sentence(monkeypatch, capsys) -> None:
    def missing(_):
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr(importlib, "import_module", missing)
    assert main(["train"]) == 1
    expected = "error: train needs torch; pip install 'bytelatent[train]'\n"
    assert capsys.readouterr().err == expected

    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(importlib, "import_module", interrupted)
    assert main(["train"]) == 130


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = [sys.executable, "-m", "bytelatent.cli", "flops", "--json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as it:
        it.stdout.close()
        assert it.stderr.read() == b""
