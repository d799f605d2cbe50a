"""Pinned revisions of repositories, and what of them is found in the cache without a network."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import errors

from bytelatent.convert.transformers import load_transformers
from bytelatent.formats.find import model_folder
from bytelatent.formats.hub import download
from bytelatent.hf import BltTokenizerAndPatcher
from bytelatent.loading import load_text_model
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.transformer import LMTransformer
from tests.conftest import CHECKPOINTS
from tests.test_hub import FakeHub, http, hub, refusing

__all__ = ["hub"]

ROOT = Path(__file__).parents[1]
ENTROPY = CHECKPOINTS / "like-1b" / "entropy"
BLT = CHECKPOINTS / "like-1b" / "blt"
COMMIT, OLDER = "b" * 40, "a" * 40


@pytest.fixture
def stored(hub) -> FakeHub:
    shutil.copytree(ENTROPY, hub.root / "me" / "lm")
    shutil.copytree(BLT, hub.root / "me" / "blt")
    return hub


def revisions(hub: FakeHub) -> list:
    return [call[-1] for call in hub.calls if call[0] == "download"]


def test_python_takes_a_revision(stored) -> None:
    LMTransformer.from_pretrained("me/lm", revision="v1")
    ByteLatentTransformer.from_pretrained("me/blt", revision="v2")
    BltTokenizerAndPatcher.from_pretrained("me/blt", revision="v3")
    load_text_model("me/blt", revision="v4", entropy_model="me/lm@v5")
    with pytest.raises(ValueError, match="model_type"):
        load_transformers("me/blt", revision="v6")
    assert revisions(stored) == ["v1", "v2", "v3", "v4", "v5", "v6"]
    assert {call[1] for call in stored.calls if call[0] == "download"} == {"me/lm", "me/blt"}


def test_a_name_may_carry_the_revision(stored) -> None:
    LMTransformer.from_pretrained(f"me/lm@{COMMIT}")
    assert revisions(stored) == [COMMIT]
    with pytest.raises(ValueError, match="'v1' is not that of me/lm@v2; give one of the two"):
        LMTransformer.from_pretrained("me/lm@v2", revision="v1")


def test_folders_have_no_revisions(tmp_path) -> None:
    for folder in (tmp_path, "blt-entropy-mini"):
        with pytest.raises(ValueError, match="is a folder, only repositories have revisions"):
            model_folder(folder, revision="v1")


def test_an_unknown_revision_is_one_sentence(hub, monkeypatch) -> None:
    error = http(errors.RevisionNotFoundError, 404)
    monkeypatch.setattr(FakeHub, "snapshot_download", refusing(error))
    with pytest.raises(ValueError, match=r"^me/lm has no revision 'v9'; https://.*/me/lm/commits"):
        download("me/lm@v9")


def snapshot(home: Path, commit: str, source: Path, *without: str, ref: bool = False) -> Path:
    """Put a repository into a cache of the hub's library, as that library lays it out."""
    repository = home / "hub" / "models--me--lm"
    folder = repository / "snapshots" / commit
    folder.mkdir(parents=True)
    (repository / "blobs").mkdir(exist_ok=True)
    for path in source.iterdir():
        if path.name not in without:
            blob = repository / "blobs" / f"{commit}-{path.name}"
            shutil.copyfile(path, blob)
            (folder / path.name).symlink_to(os.path.relpath(blob, folder))
    if ref:
        (repository / "refs").mkdir(exist_ok=True)
        (repository / "refs" / "main").write_text(commit)
    return folder


def loaded_offline(home: Path, name: str = "me/lm") -> subprocess.CompletedProcess[str]:
    code = (
        "import logging; logging.basicConfig()\n"
        "from bytelatent.transformer import LMTransformer\n"
        "try:\n"
        f"    model = LMTransformer.from_pretrained({name!r})\n"
        "    print(sum(weight.numel() for weight in model.parameters()))\n"
        "except ValueError as error:\n"
        "    print(error)"
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )


def test_a_snapshot_of_a_commit_alone_is_found_offline(tmp_path) -> None:
    snapshot(tmp_path, COMMIT, ENTROPY)
    assert loaded_offline(tmp_path, f"me/lm@{COMMIT}").stdout == "43424\n"
    done = loaded_offline(tmp_path)
    assert done.stdout == "43424\n"
    assert f"taking {COMMIT} of me/lm" in done.stderr
    other = loaded_offline(tmp_path, f"me/lm@{OLDER}").stdout
    assert "not in the cache, and HF_HUB_OFFLINE forbids" in other


def test_of_several_commits_the_complete_one_is_taken_offline(tmp_path) -> None:
    snapshot(tmp_path, OLDER, ENTROPY)
    snapshot(tmp_path, COMMIT, ENTROPY, "model.safetensors")
    done = loaded_offline(tmp_path)
    assert done.stdout == "43424\n"
    assert f"taking {OLDER} of me/lm" in done.stderr


@pytest.mark.parametrize(("ref", "broken"), [(False, False), (True, False), (True, True)])
def test_an_incomplete_snapshot_is_called_so_offline(tmp_path, ref, broken) -> None:
    folder = snapshot(tmp_path, COMMIT, ENTROPY, ref=ref)
    weights = folder / "model.safetensors"
    if broken:  # as after an interrupted download: the name without the content
        weights.resolve().unlink()
    else:
        weights.unlink()
    said = loaded_offline(tmp_path).stdout
    assert "me/lm: the cache has it only in part, without model.safetensors" in said
    assert "HF_HUB_OFFLINE" in said


def test_a_file_that_the_cache_lacks_is_fetched(stored, tmp_path, monkeypatch) -> None:
    """Weights after a command that needed the config alone."""
    kept = stored.root / "kept.safetensors"
    (stored.root / "me/lm/model.safetensors").rename(kept)

    def fetch(self, repo_id, filename, revision=None) -> str:
        self.calls.append(("file", filename, revision))
        shutil.copyfile(kept, self.root / repo_id / filename)
        return str(self.root / repo_id / filename)

    monkeypatch.setattr(FakeHub, "hf_hub_download", fetch)
    LMTransformer.from_pretrained("me/lm@v1")
    assert ("file", "model.safetensors", "v1") in stored.calls
    assert huggingface_hub.HfApi is stored
