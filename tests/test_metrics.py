"""The file of measures, what a kill leaves of it, and who else hears of them."""

import json
import math
import sys
from types import ModuleType, SimpleNamespace

import pytest

from bytelatent.metrics import MetricsFile, SinkArgs, bits_per_byte, read_metrics


def test_a_run_goes_on_where_it_was(tmp_path) -> None:
    path = tmp_path / "metrics.jsonl"
    first = MetricsFile(path)
    for step in (1, 2, 3):
        first.append({"step": step, "loss": step / 3})
    with path.open("a") as file:
        file.write('{"step": 4, "lo')
    assert [line["step"] for line in read_metrics(path)] == [1, 2, 3]
    MetricsFile(path, step=2).append({"step": 3, "loss": 0.5})
    assert read_metrics(path) == [
        {"step": 1, "loss": 0.333333},
        {"step": 2, "loss": 0.666667},
        {"step": 3, "loss": 0.5},
    ]


@pytest.mark.parametrize(
    "damage",
    [b'{"step": 2, "lo', b"\0" * 9, b"\xff", b"[" * 200_000, b'{"step": %s}' % (b"1" * 5000)],
    ids=["cut off", "zeros", "no UTF-8", "deep", "long number"],
)
def test_a_damaged_line_ends_the_reading(tmp_path, damage) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 1}\n' + damage + b'\n{"step": 3}\n')
    assert read_metrics(path) == [{"step": 1}]


def test_only_one_process_of_a_run_writes(tmp_path) -> None:
    path = tmp_path / "metrics.jsonl"
    MetricsFile(path, write=False).append({"step": 1})
    assert not path.exists()


def test_tensorboard_gets_the_numbers(tmp_path, monkeypatch) -> None:
    found = []

    class Writer:
        def __init__(self, folder: str) -> None:
            found.append(folder)

        def add_scalar(self, name: str, value: float, step: int) -> None:
            found.append((name, value, step))

        def flush(self) -> None:
            found.append("flush")

    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Writer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    file = MetricsFile(tmp_path / "metrics.jsonl", SinkArgs(also=("tensorboard",)))
    file.append({"step": 7, "loss": 0.5, "name": "no number", "tokens": 3})
    assert found == [
        str(tmp_path / "tensorboard"),
        ("step", 7.0, 7),
        ("loss", 0.5, 7),
        ("tokens", 3.0, 7),
        "flush",
    ]
    assert json.loads(file.path.read_text())["name"] == "no number"


def test_weights_and_biases_gets_the_numbers(tmp_path, monkeypatch) -> None:
    found = []
    run = SimpleNamespace(log=lambda numbers, step: found.append((numbers, step)))
    module = ModuleType("wandb")
    module.init = lambda **options: found.append(options) or run  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "wandb", module)
    args = SinkArgs(also=("wandb",), wandb_project="patches")
    MetricsFile(tmp_path / "metrics.jsonl", args).append({"step": 2, "loss": 1.5})
    options = {"project": "patches", "dir": str(tmp_path), "resume": "allow"}
    assert found == [options, ({"step": 2.0, "loss": 1.5}, 2)]


@pytest.mark.parametrize(
    ("name", "module"), [("tensorboard", "torch.utils.tensorboard"), ("wandb", "wandb")]
)
def test_a_library_that_is_missing_is_named(tmp_path, monkeypatch, name, module) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ValueError, match=rf"metrics.also: {name} is not installed"):
        MetricsFile(tmp_path / "metrics.jsonl", SinkArgs(also=(name,)))


def test_bits_per_byte() -> None:
    assert bits_per_byte(math.log(256) * 10, 10) == pytest.approx(8)
