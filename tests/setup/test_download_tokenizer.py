"""`setup/download_tokenizer.py` with a made-up hub."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import errors

SETUP = str(Path(__file__).parents[2] / "setup")
sys.path.insert(0, SETUP)  # a folder of scripts, not an installed package
try:
    command = importlib.import_module("download_tokenizer")
finally:
    sys.path.remove(SETUP)


def install(monkeypatch: pytest.MonkeyPatch, answer: bytes | Exception) -> list[tuple[str, ...]]:
    """Makes the hub give `answer`; returns the list of what it is asked for."""
    asked: list[tuple[str, ...]] = []

    class FakeHub:
        def __init__(self, token: str | None = None) -> None:
            self.token = token

        def hf_hub_download(self, repository: str, file: str, *, local_dir: str) -> str:
            asked.append((repository, file, str(self.token)))
            if isinstance(answer, Exception):
                raise answer
            path = Path(local_dir) / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(answer)
            return str(path)

    monkeypatch.setattr(huggingface_hub, "HfApi", FakeHub)
    return asked


@pytest.mark.parametrize(
    ("name", "repository", "file"),
    [
        ("llama3", "meta-llama/Meta-Llama-3-8B", "original/tokenizer.model"),
        ("llama2", "meta-llama/Llama-2-7b", "tokenizer.model"),
        ("gemma", "google/gemma-2b", "tokenizer.model"),
    ],
)
def test_the_file_lands_in_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, repository: str, file: str
) -> None:
    asked = install(monkeypatch, b"ranks")
    assert command.main([name, str(tmp_path / "new"), "--api_key", "secret"]) == 0
    assert asked == [(repository, file, "secret")]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["tokenizer.model"]
    assert (tmp_path / "new" / "tokenizer.model").read_bytes() == b"ranks"


def test_a_gated_repository_is_explained_and_an_old_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tokenizer.model").write_bytes(b"old")
    response: Any = SimpleNamespace(headers={}, status_code=403, request=None)
    install(monkeypatch, errors.GatedRepoError("gated", response=response))
    assert command.main(["llama3", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: meta-llama/Meta-Llama-3-8B is gated: accept its licence at ")
    assert (tmp_path / "tokenizer.model").read_bytes() == b"old"


def test_unknown_names_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        command.main(["gpt2", str(tmp_path)])
    assert stop.value.code == 2
    assert "llama3" in capsys.readouterr().err
