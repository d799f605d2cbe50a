"""A model made of seeded numbers, and a way to run the commands into a temporary folder."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bytelatent.plotting.artifacts import ArtifactWriter
from bytelatent.plotting.command_line import PlotCommand
from bytelatent.runtime.entropy_runtime import ByteAnalysis
from bytelatent.tokenizers.blt_tokenizer import BltTokenizer

CALIBRATION = {
    "model": "fake",
    "unit": "nats",
    "patch_size": 4.5,
    "rule": "entropy",
    "rules": {
        "entropy": {"threshold": 1.0312345, "bytes_per_patch": 4.4912345},
        "monotonic": {"threshold": 0.3, "bytes_per_patch": 4.5},
    },
    "bytes": {"mix": 5000, "en": 3000, "x<b>": 2000},
    "bytes_per_patch": {"x<b>": 2.5, "en": 6.125},
    "curve": {
        "thresholds": [0.0, 0.5, 1.0, 1.5],
        "mix": [1.0, 2.2, 4.4, 9.1],
        "languages": {"en": [1.0, 3.0, 6.0, 14.0], "x<b>": [1.0, 1.5, 2.5, 300.0]},
    },
}
"""What calibration writes, with numbers that were made up."""

EVALUATION = {
    "model": "fake",
    "kinds": {
        "prose": {
            "bytes": 3000,
            "bits_per_byte": 1.8712345678,
            "compressors": {"xz -9": 2.5, "bz2 -9": 2.25},
        },
        "x<b>": {"bytes": 1000, "bits_per_byte": 2.0},
    },
    "outside": {"held-dna": {"bytes": 500, "bits_per_byte": 3.5, "compressors": {"xz -9": 2.3}}},
}
"""What a release measures, with numbers that were made up."""

SENTENCES = """# tuning: one
Mr. Smith came.
He saw it.

# report: two
Did she?
She did, Mr. Smith.

Oh! it rained.
Then it stopped.
"""


class FakeModel:
    """What the figures need of a model; the same bytes always give the same numbers."""

    name = "fake"
    threshold = 1.5
    max_patch_length: int | None = None

    def analyse(self, data: bytes, *, top_k: int = 0) -> ByteAnalysis:
        tokens = np.array(BltTokenizer(add_eos=False).encode_bytes(data))
        draw = np.random.default_rng(len(data))
        top = np.argsort(draw.random((len(tokens), 260)), axis=1)[:, :top_k]
        return ByteAnalysis(
            tokens=tokens,
            entropies=draw.gamma(2.0, 0.8, len(tokens)).clip(0, 5.5).astype(np.float32),
            nats=draw.gamma(1.0, 1.4, len(data)).astype(np.float32),
            top_ids=top,
            top_probabilities=np.broadcast_to(
                np.float32(0.5) ** np.arange(1, top_k + 1), top.shape
            ).astype(np.float32),
        )


@dataclass
class Place:
    """A folder with what a command wrote."""

    root: Path

    @property
    def out(self) -> Path:
        return self.root / "demo_output"

    @property
    def data(self) -> Path:
        return self.root / "plot_data"

    @property
    def options(self) -> list[str]:
        return ["--out", str(self.out), "--data", str(self.data)]

    def run(self, command: PlotCommand, *words: str) -> int:
        return command.main([*words, *self.options], load=lambda _: FakeModel())

    def read(self, name: str) -> Any:
        return json.loads((self.data / name).read_text(encoding="utf-8"))

    def page(self, name: str) -> str:
        return (self.out / name).read_text(encoding="utf-8")

    def contents(self) -> dict[str, bytes]:
        files = (path for path in self.root.rglob("*") if path.is_file())
        return {str(path.relative_to(self.root)): path.read_bytes() for path in files}


@pytest.fixture
def model() -> FakeModel:
    return FakeModel()


@pytest.fixture
def no_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out PNG and PDF, which take most of a command's time."""
    monkeypatch.setattr(ArtifactWriter, "write_figure", lambda *_, **__: None)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "first")


@pytest.fixture
def second_place(tmp_path: Path) -> Place:
    return Place(tmp_path / "second")


@pytest.fixture
def metrics(tmp_path: Path) -> Path:
    """A small ``metrics.jsonl``."""
    return write_metrics(tmp_path / "run" / "metrics.jsonl")


@pytest.fixture
def calibration(metrics: Path) -> Path:
    """A small ``calibration.json``, beside the metrics."""
    path = metrics.parent / "calibration.json"
    path.write_text(json.dumps(CALIBRATION), encoding="utf-8")
    return path


@pytest.fixture
def evaluation(metrics: Path) -> Path:
    """A small ``evaluation.json``, beside the metrics."""
    path = metrics.parent / "evaluation.json"
    path.write_text(json.dumps(EVALUATION), encoding="utf-8")
    return path


@pytest.fixture
def small_sample(tmp_path: Path) -> Path:
    path = tmp_path / "sample.txt"
    path.write_text("It isn't 1 tea: été,\n\tдва слова.\r\n" * 20, encoding="utf-8")
    return path


@pytest.fixture
def sentences(tmp_path: Path) -> Path:
    """Two small documents with known sentences."""
    path = tmp_path / "sentences.txt"
    path.write_text(SENTENCES, encoding="utf-8")
    return path


@pytest.fixture
def words(
    metrics: Path, calibration: Path, evaluation: Path, small_sample: Path, sentences: Path
) -> Callable[[str], list[str]]:
    """Options that make a command quick, by its name."""
    options = {
        "entropy_histogram": ["--sample", str(small_sample)],
        "training_curve": ["--metrics", str(metrics)],
        "calibration_curve": ["--calibration", str(calibration)],
        "kinds": ["--evaluation", str(evaluation)],
        "sentence_boundaries": ["--sample", str(sentences)],
    }
    return lambda name: options.get(name, ["--text", "Some short text, again some short text."])


def write_metrics(path: Path) -> Path:
    path.parent.mkdir(parents=True)
    lines = []
    for step in range(10, 310, 10):
        loss = 2 + 30 / (step + 10)
        lines.append({"step": step, "bytes": step * 100, "loss": 1.0, "bits_per_byte": loss})
        if step % 100 == 0:
            lines.append({"step": step, "valid_bits_per_byte": loss + 0.1})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path
