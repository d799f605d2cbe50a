"""From text to the page, by the commands that the documents name, on a small corpus."""

import json
from pathlib import Path

import pytest
import torch
import yaml

from app import create_app
from app.settings import Settings
from bytelatent.cli import main
from bytelatent.data.formats import read_shard
from bytelatent.hf import BltTokenizerAndPatcher
from bytelatent.loading import load_text_model
from bytelatent.metrics import read_metrics
from tests import tiny

TEXT = "7 green bottles are hanging on the wall, né."


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("end_to_end")
    tiny.write_corpus(root / "corpus", documents=40)
    return root


def run(*words: object) -> None:
    assert main([str(word) for word in words]) == 0


def write_config(path: Path, **settings: object) -> Path:
    path.write_text(yaml.safe_dump(settings))
    return path


def train(root: Path, name: str, **settings: object) -> Path:
    """Train by the command and return the folder of the run."""
    common = {"name": name, "dump_dir": str(root / name), "dtype": "fp32", "compile": False}
    evaluation = {"eval": {"every": 20, "batches": 1}, "checkpoint": {"every": 20}, "log_every": 5}
    optim = {"optim": {"lr": 1e-2, "warmup": 5}}
    config = write_config(root / f"{name}.yaml", **common, **evaluation, **optim, **settings)
    run("train", f"config={config}")
    return root / name


@pytest.mark.slow
def test_from_text_to_the_page(root, capsys) -> None:
    sources = {"songs": 2, "vers": 1, "programs": 1}
    data = {"sources": sources, "seq_len": 64, "batch_size": 8}

    # An entropy model, released: with a threshold, and as a graph.
    shape = tiny.LM | {"sliding_window": 32}
    corpus = {"root_dir": str(root / "corpus")} | data
    lm_run = train(root, "lm-run", steps=40, data=corpus, entropy_model=shape)
    run("release", lm_run, root / "lm", "--patch-size", 3, "--limit", 200)
    threshold = BltTokenizerAndPatcher.from_pretrained(root / "lm").patcher_args.threshold

    # Entropies ahead of time, into Arrow shards.
    entropies = root / "entropies"
    run("preprocess", f"input={root / 'corpus'}", f"output={entropies}", f"entropy_model={root}/lm")
    document = next(iter(read_shard(entropies / "train" / "songs.arrow")))
    assert len(document.entropies) == len(document.data) + 2

    # A BLT, from rows packed by patches, which are cut by those entropies.
    packed = data | {"root_dir": str(entropies), "pack_by": "patches", "max_patches": 16}
    patcher = {"threshold": threshold, "patch_size": 3}
    blt_run = train(root, "blt-run", steps=40, data=packed, blt=tiny.BLT, patcher=patcher)
    logged = [line for line in read_metrics(blt_run / "metrics.jsonl") if "loss" in line]
    assert logged[-1]["bits_per_byte"] < 0.7 * logged[0]["bits_per_byte"]
    assert 2 < logged[-1]["bytes_per_patch"] < 5

    # Measured on text that it has not seen, and released beside its entropy model.
    run("release", blt_run, root / "blt", "--entropy-model", root / "lm", "--limit", 200)
    out = root / "eval.json"
    settings = [f"data.root_dir={root / 'corpus'}", f"out={out}", "generate.bytes=4"]
    run("eval", f"model={root / 'blt'}", *settings)
    result = json.loads(out.read_text())
    assert set(result["sources"]) == set(sources)
    assert result["total"]["bits_per_byte"] < 4, "random weights have 8"
    assert result["total"]["entropy_model_bits_per_byte"] < 4
    run("calibrate", root / "blt", "--data", root / "corpus", "--patch-size", 3)

    # The page cuts the patches that the BLT was trained on.
    settings = Settings(
        model_folder=root / "lm", demo_output=root / "figures", plot_data=root / "numbers"
    )
    with create_app(settings).test_client() as client:
        answer = client.post("/api/patches", json={"text": TEXT})
    assert answer.status_code == 200, answer.text
    assert answer.json["threshold"] == threshold
    tokens = torch.tensor([[1, *(byte + 4 for byte in TEXT.encode())]])
    blt = load_text_model(str(root / "blt"))
    lengths, _ = blt.patcher.patch(tokens, include_next_token=False)
    assert answer.json["patch_lengths"] == lengths[0].tolist()
    assert len(answer.json["patches"]) == lengths.shape[1] - 1 > 3
    assert "wrote" in capsys.readouterr().out
