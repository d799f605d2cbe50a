"""Devices and folders that a run is given and that are not there."""

import re

import pytest
import torch

from bytelatent.distributed.devices import find_device
from bytelatent.distributed.env import World
from bytelatent.train import main


@pytest.mark.parametrize(
    ("name", "gpus", "words"),
    [
        ("cuda", 0, "device: cuda, but torch sees no GPU here"),
        ("cuda:1", 0, "device: cuda:1, but torch sees no GPU here"),
        ("cuda:2", 2, "device: cuda:2, but the last GPU that torch sees here is cuda:1"),
        ("foo", 0, "device: 'foo' is no device; take cpu, cuda, cuda:N or mps"),
        ("meta", 0, "device: 'meta' is no device; take cpu, cuda, cuda:N or mps"),
        ("mps", 0, "device: mps, but torch sees no GPU of Apple's here"),
    ],
)
def test_a_device_that_is_not_there(monkeypatch, name, gpus, words) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        find_device(name)


def test_devices_that_are_there(monkeypatch) -> None:
    assert find_device("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert World(1, 2, 1).device("cuda") == torch.device("cuda", 1)
    with pytest.raises(ValueError, match="device: cuda:2, but the last GPU"):
        World(2, 3, 2).device("cuda")


def test_settings_that_the_machine_refuses(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    (tmp_path / "file").write_text("mine")
    for word, error in {
        "device=cuda": "device: cuda, but torch sees no GPU here",
        "device=foo": "device: 'foo' is no device; take cpu, cuda, cuda:N or mps",
        f"dump_dir={tmp_path}/file": f"dump_dir: {tmp_path}/file is a file; give a folder",
        f"dump_dir={tmp_path}/file/run": "file/run cannot be written: Not a directory",
    }.items():
        words = ["config=bytelatent/configs/debug.yaml", f"dump_dir={tmp_path / 'run'}", word]
        assert main(words) == 1
        assert error in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "mine"
