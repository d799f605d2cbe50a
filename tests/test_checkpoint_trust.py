"""Reading the checkpoint of somebody else runs no code that is stored in it."""

import os
import pickle
from pathlib import Path

import pytest
from torch import nn, ones
from torch.distributed.checkpoint.metadata import Metadata
from torch.optim import AdamW, Optimizer

from bytelatent.distributed.env import World
from bytelatent.training.checkpoint import CheckpointArgs, Checkpoints


class Marker:
    """An object that makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def trained() -> tuple[nn.Module, Optimizer]:
    model = nn.Linear(3, 2)
    optimizer = AdamW(model.parameters(), lr=0.5)
    model(ones(3)).sum().backward()
    optimizer.step()
    return model, optimizer


@pytest.fixture
def checkpoints(tmp_path) -> Checkpoints:
    return Checkpoints(tmp_path / "checkpoints", CheckpointArgs(), World())


def refused(checkpoints: Checkpoints, words: str) -> None:
    model, optimizer = trained()
    with pytest.raises(ValueError, match=words) as caught:
        checkpoints.load(model, [optimizer])
    assert "remove it to go on from the one before" in str(caught.value)


@pytest.mark.parametrize("place", ["alone", "planner_data", "storage_data"])
def test_code_in_the_metadata_is_refused_and_not_run(checkpoints, tmp_path, place) -> None:
    model, optimizer = trained()
    path = checkpoints.save(1, model, [optimizer], {}) / "state" / ".metadata"
    content = Marker(tmp_path / "marker")
    if place != "alone":
        metadata = pickle.loads(path.read_bytes())
        setattr(metadata, place, content)
        content = metadata
    path.write_bytes(pickle.dumps(content))
    refused(checkpoints, r"\.metadata names posix\.mkdir, which does not belong there")
    assert not (tmp_path / "marker").exists()


@pytest.mark.parametrize("name", ["os.system", "serialization.pickle_load", "Tensor", "no_such"])
def test_other_things_of_torch_are_refused_too(checkpoints, name) -> None:
    model, optimizer = trained()
    path = checkpoints.save(1, model, [optimizer], {}) / "state" / ".metadata"
    words = name.encode()
    short = b"\x8c" + bytes([len(words)]) + words
    path.write_bytes(b"\x80\x04\x8c\x05torch" + short + b"\x93.")
    refused(checkpoints, f"names torch.{name}")


def test_code_among_the_settings_of_an_optimizer_is_refused_and_not_run(
    checkpoints, tmp_path
) -> None:
    model, optimizer = trained()
    optimizer.param_groups[0]["lr"] = Marker(tmp_path / "marker")
    checkpoints.save(1, model, [optimizer], {})
    refused(checkpoints, "more than plain values")
    assert not (tmp_path / "marker").exists()


@pytest.mark.parametrize("name", ["../elsewhere", "/etc/passwd"])
def test_parts_lie_in_the_folder_of_the_checkpoint(checkpoints, name) -> None:
    model, optimizer = trained()
    path = checkpoints.save(1, model, [optimizer], {}) / "state" / ".metadata"
    metadata = pickle.loads(path.read_bytes())
    next(iter(metadata.storage_data.values())).relative_path = name
    path.write_bytes(pickle.dumps(metadata))
    refused(checkpoints, f"'{name}' is no file of the checkpoint")


@pytest.mark.parametrize("content", [b"", b"\x80\x04]q", pickle.dumps({"a": 1})])
def test_metadata_that_are_none_are_refused_in_a_sentence(checkpoints, content) -> None:
    model, optimizer = trained()
    path = checkpoints.save(1, model, [optimizer], {}) / "state" / ".metadata"
    path.write_bytes(content)
    refused(checkpoints, r"\.metadata is damaged")


def test_an_honest_checkpoint_is_read_back(checkpoints) -> None:
    model, optimizer = trained()
    optimizer.param_groups[0]["lr"] = 0.25
    path = checkpoints.save(1, model, [optimizer], {"bytes": 7})
    assert isinstance(pickle.loads((path / "state" / ".metadata").read_bytes()), Metadata)
    other, other_optimizer = trained()
    assert checkpoints.load(other, [other_optimizer])["bytes"] == 7
    assert other.weight.equal(model.weight)
    assert other_optimizer.param_groups[0]["lr"] == 0.25
    assert other_optimizer.state[other.weight]["exp_avg"].equal(
        optimizer.state[model.weight]["exp_avg"]
    )
