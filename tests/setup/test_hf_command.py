"""The command `setup/download_prepare_hf_data.py`, with a hub that is made up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest

from bytelatent.data.sources import find_chunks
from tests.setup.test_hf_data import command, contents, texts, write_files, write_texts


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("files")
    write_files(path)
    return path


def test_the_command_makes_what_the_loader_reads(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["fineweb_edu", "0.2", "--from-folder", str(folder), "--data_dir", str(tmp_path)]
    assert command.main([*arguments, "--nchunks", "3", "--validation", "10"]) == 0
    assert len(find_chunks(tmp_path, "train", "fineweb_edu")) == 3
    assert len(find_chunks(tmp_path, "valid", "fineweb_edu")) == 1
    assert "chunk.02.jsonl (3 of 3)" in capsys.readouterr().out
    assert command.main([*arguments, "--nchunks", "4"]) == 1
    assert "error: " in capsys.readouterr().err


def test_the_command_says_how_to_go_on_when_it_is_stopped(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "shuffle", stop)
    arguments = ["fineweb_edu", "1", "--from-folder", str(folder), "--data_dir", str(tmp_path)]
    assert command.main(arguments) == 130
    assert capsys.readouterr().err == "stopped; the same command goes on from here\n"


class FakeHub:
    """A hub with one data set; it notes what it was asked for."""

    asked: list[dict[str, Any]] = []  # noqa: RUF012 - emptied by the fixture
    size = 1000

    def __init__(self, token: str | None = None) -> None:
        self.token = token

    def dataset_info(self, repository: str, *, files_metadata: bool) -> Any:
        names = ["sample/10BT/0.parquet", "sample/100BT/0.parquet", "README.md"]
        files = [SimpleNamespace(rfilename=name, size=self.size) for name in names]
        return SimpleNamespace(sha="abc", siblings=files if files_metadata else None)

    def snapshot_download(self, repository: str, **more: Any) -> str:
        self.asked.append({"repository": repository, "token": self.token, **more})
        place = Path(more["local_dir"]) / "sample" / "10BT"
        write_texts(place / "0.parquet", [f"text {number}" for number in range(100)])
        return str(more["local_dir"])


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[FakeHub]]:
    monkeypatch.setattr(huggingface_hub, "HfApi", FakeHub)
    yield FakeHub
    FakeHub.asked.clear()


def test_the_download_asks_for_the_right_files_and_only_once(
    hub: type[FakeHub], tmp_path: Path
) -> None:
    arguments = ["fineweb_edu_10bt", "0.2", "--data_dir", str(tmp_path), "--api_key", "secret"]
    arguments += ["--nchunks", "2", "--validation", "5"]
    assert command.main(arguments) == 0
    assert hub.asked == [
        {
            "repository": "HuggingFaceFW/fineweb-edu",
            "token": "secret",
            "repo_type": "dataset",
            "revision": "abc",
            "local_dir": tmp_path / "fineweb_edu_10bt",
            "allow_patterns": ["sample/10BT/*.parquet"],
        }
    ]
    assert sum(len(texts(data)) for data in contents(tmp_path).values()) == 100
    assert command.main(arguments) == 0 and len(hub.asked) == 1


@pytest.mark.parametrize(
    ("memory", "more", "message"),
    [
        ("0.1", [], "MEMORY is 0.1 GB; give at least 0.2"),
        ("nan", [], "MEMORY is nan; give a number of GB"),
        ("inf", [], "MEMORY is inf; give a number of GB"),
        ("1", ["--nchunks", "0"], "--nchunks is 0"),
        ("1", ["--seed", "-1"], "--seed is -1"),
        ("1", ["--validation", "-1"], "--validation is -1"),
    ],
)
def test_impossible_settings_are_refused_before_the_download(
    hub: type[FakeHub],
    tmp_path: Path,
    memory: str,
    more: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command.main(["fineweb_edu_10bt", memory, "--data_dir", str(tmp_path), *more]) == 1
    assert f"error: {message}" in capsys.readouterr().err
    assert not hub.asked and not list(tmp_path.iterdir())


def test_a_complete_shuffle_is_refused_before_the_download(
    hub: type[FakeHub], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    about = {"seed": 42, "chunks": 3, "validation": 9, "files": {}, "complete": True}
    (tmp_path / "fineweb_edu_10bt.shuffle.json").write_text(json.dumps(about))
    assert command.main(["fineweb_edu_10bt", "1", "--data_dir", str(tmp_path)]) == 1
    assert "was made here with other chunks, validation" in capsys.readouterr().err
    assert not hub.asked


def test_the_default_is_refused_for_few_documents_and_fewer_are_taken(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["fineweb_edu", "0.2", "--from-folder", str(folder), "--data_dir", str(tmp_path)]
    assert command.main(arguments) == 1
    assert "--validation is 10000, but there are only 1495" in capsys.readouterr().err
    assert command.main([*arguments, "--validation", "5"]) == 0
    assert len(texts((tmp_path / "valid" / "fineweb_edu.jsonl").read_bytes())) == 5


def test_a_download_that_does_not_fit_is_not_begun(
    hub: type[FakeHub],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(hub, "size", 10**18)
    assert command.main(["fineweb_edu_10bt", "1", "--data_dir", str(tmp_path)]) == 1
    assert "takes 1000000000.0 GB more" in capsys.readouterr().err  # the one file of the sample
    assert not hub.asked
