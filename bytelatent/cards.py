"""The text of a released model's card. Everything in it is measured, or read off the run."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bytelatent.args import TrainArgs
from bytelatent.evaluation import (
    COUNTING,
    MAX_BYTES,
    Score,
    SourceScore,
    combined,
    kind_name,
    overall,
)
from bytelatent.loading import TextModel
from bytelatent.model.blt import ByteLatentTransformer

PACKAGE = Path(__file__).parent
TEMPLATES, CONFIGS = PACKAGE / "templates", PACKAGE / "configs"

PROSE = {
    "austen": "Jane Austen's *Persuasion*",
    "sotu": "State of the Union addresses since 2016",
}
"""Sources whose test split is English prose of which no training document holds a part."""

FILES = {
    "config.json": "shape, in the released layout",
    "model.safetensors": "weights, {dtype}",
    "model.onnx": "the same as a graph for onnxruntime, without torch",
    "entropy.onnx": "a graph that runs it byte by byte; reads `model.safetensors`",
    "encoder.onnx": "bytes to byte states, as a graph for onnxruntime; reads `model.safetensors`",
    "global.onnx": "patches to what bytes read of them, likewise",
    "decoder.onnx": "byte states to logits, likewise",
    "train_args.json": "the run, with tokenizer and patcher",
    "calibration.json": "bytes per patch by threshold, for the mix and each language",
    "evaluation.json": "the tables below, and patch lengths",
    "metrics.jsonl": "the curve of the run",
    "NOTICE": "whose texts it learned from, with licences",
}


@dataclass(frozen=True)
class Release:
    """What a card is made from.

    Attributes:
        args: the run.
        out: where the model goes.
        text_model: as it is shipped.
        scores: on held-out documents.
        manifest: of the corpus.
        metrics: lines of ``metrics.jsonl``.
        training: steps and bytes, and where it started (see :mod:`bytelatent.release`).
        entropy_training: the same of the entropy model of a BLT; None if it is not known.
        calibration: content of ``calibration.json``; None if there is none.
        dtype: of the weights in the file.
        files: names of the other files.
    """

    args: TrainArgs
    out: Path
    text_model: TextModel
    scores: Sequence[SourceScore]
    manifest: Mapping[str, Any]
    metrics: Sequence[Mapping[str, Any]]
    training: Mapping[str, Any]
    entropy_training: Mapping[str, Any] | None
    calibration: Mapping[str, Any] | None
    dtype: str
    files: Iterable[str]


def card(release: Release) -> str:
    """The card in Markdown."""
    fields = _common(release)
    if release.text_model.is_byte_model:
        name = "entropy_model_card.md"
        assert release.calibration is not None
        found = release.calibration["rules"][release.calibration["rule"]]
        fields |= {
            "shape": release.args.entropy_model,
            "threshold": found["threshold"],
            "patch_size": found["bytes_per_patch"],
        }
    else:
        name, fields = "blt_card.md", fields | _blt(release)
    return (TEMPLATES / name).read_text(encoding="utf-8").format(**fields)


def _common(release: Release) -> dict[str, Any]:
    args = release.args
    files = {name for name in release.files if name in FILES}
    counting = COUNTING[kind_name(release.text_model)]
    return {
        "name": args.name,
        "parameters": sum(p.numel() for p in release.text_model.model.parameters()),
        "files": "\n".join(
            f"| `{name}` | {what.format(dtype=release.dtype)} |"
            for name, what in FILES.items()
            if name in files
        ),
        "counting": counting.replace("max_bytes", f"{MAX_BYTES:,} bytes"),
        "prose": _prose(release.scores),
        "languages": _rows(combined(release.scores, "language")),
        "sources": _rows({one.source: one.score for one in release.scores}),
        "training": _training(release),
        "config": _config(args),
        "run": _shown(args.dump_dir),
        "out": _shown(release.out),
        "data": _data(release),
    }


def _blt(release: Release) -> dict[str, Any]:
    model, patcher = release.text_model.model, release.text_model.patcher
    assert isinstance(model, ByteLatentTransformer) and patcher is not None
    measured = overall(release.scores).entropy_nats is not None
    name, own = release.text_model.entropy_name, release.args.patcher_model
    dtype = f"The weights are stored in {release.dtype}"
    if release.dtype != "fp32":
        dtype += ", to halve the file, and `from_pretrained` keeps the dtype of the file: ask for "
        dtype += "`dtype=torch.float32` to compute on a CPU. All figures are those of the stored "
        dtype += "weights, computed with in fp32"
    options = "" if release.dtype == "fp32" else f" --dtype {release.dtype}"
    return {
        "shape": release.args.blt,
        "hash_parameters": sum(p.numel() for p in model.encoder_hash_tok_embedding.parameters()),
        "dtype": f"{dtype}.",
        "and_entropy_model": f" and `{name}`" if measured else "",
        "equal": _equal(release) if measured else "",
        "entropy_heading": f"`{name}` | " if measured else "",
        "entropy_rule": "---|" if measured else "",
        "patches": _patches(release),
        "release_options": options + (f" --entropy-model {name}" if name != own else ""),
    }


def _prose(scores: Sequence[SourceScore]) -> str:
    found = [one for one in scores if one.source in PROSE]
    if not found:
        return ""
    total, names = overall(found), ", ".join(PROSE[one.source] for one in found)
    text = f"On English prose of which no training document holds a part ({names}; "
    text += f"{total.size:,} bytes): **{total.bits_per_byte:.3f}**"
    if total.entropy_bits_per_byte is not None:
        text += f", the entropy model {total.entropy_bits_per_byte:.3f}"
    return text + "."


def _equal(release: Release) -> str:
    """The BLT beside its entropy model, and how much text each has seen."""
    total, name = overall(release.scores), release.text_model.entropy_name
    assert total.entropy_bits_per_byte is not None
    text = f" On all documents together: {total.bits_per_byte:.3f}, and "
    text += f"{total.entropy_bits_per_byte:.3f} by the entropy model, `{name}`, on the same pieces."
    if release.entropy_training is not None:
        text += f" It was trained on {all_bytes(release.training) / 1e6:.1f} MB of text, the "
        text += f"entropy model on {all_bytes(release.entropy_training) / 1e6:.1f} MB."
    return text


def _patches(release: Release) -> str:
    patcher, mean = release.text_model.patcher, overall(release.scores).bytes_per_patch
    assert patcher is not None
    text = f"Patches are cut by the rule `{patcher.mode.value}`"
    if release.calibration is None:
        return f"{text}: {mean:.2f} bytes each on these documents."
    found = release.calibration["rules"][release.calibration["rule"]]
    text += f" with the threshold {found['threshold']:.6f} nats, as in training: "
    text += f"{found['bytes_per_patch']:.2f} bytes each on held-out documents of the training mix. "
    return f"{text}`calibration.json` has other thresholds."


def _rows(scores: Mapping[str, Score]) -> str:
    """Rows of a table, the sum of all last."""
    total = Score()
    for one in scores.values():
        total.add(one)
    return "\n".join(_row(name, one) for name, one in [*scores.items(), ("**all**", total)])


def _row(name: str, one: Score) -> str:
    cells = [name, f"{one.size:,}", f"{one.bits_per_byte:.3f}"]
    if one.entropy_bits_per_byte is not None:
        cells.append(f"{one.entropy_bits_per_byte:.3f}")
    cells.append("-" if one.bytes_per_patch is None else f"{one.bytes_per_patch:.2f}")
    return f"| {' | '.join(cells)} |"


def _training(release: Release) -> str:
    args, training = release.args, release.training
    data, start = args.data, training["start"]
    speed = np.median([m["bytes_per_second"] for m in release.metrics if "bytes" in m]) / 1e3
    text = f"{training['steps']:,} steps of {data.batch_size} rows of at most {data.seq_len} bytes,"
    text += f" {training['bytes'] / 1e6:.1f} MB in all, in {args.dtype} on `{args.device}` (median "
    text += f"{speed:.1f} kB/s). "
    if args.init_from is None:
        return f"{text}The weights were drawn with seed {args.seed}."
    whose = (
        "an earlier model of this name" if args.init_from == args.name else f"`{args.init_from}`"
    )
    text += f"The run did not begin with fresh weights but with those of {whose}"
    if start is None or start["bytes"] is None:
        return f"{text}; how much text that had seen is not known."
    text += f", which {start['steps']:,} steps and {start['bytes'] / 1e6:.1f} MB had made"
    text += " from fresh ones" if start["start"] is None else " from those of yet another"
    return f"{text}: {all_bytes(training) / 1e6:.1f} MB in all."


def all_bytes(training: Mapping[str, Any]) -> int:
    """Bytes of text that a model has learned from, its beginnings included."""
    start = training["start"]
    return int(training["bytes"] or 0) + (0 if start is None else all_bytes(start))


def _config(args: TrainArgs) -> str:
    """The shipped configuration of that name, or the one that the run has kept."""
    for path in sorted(CONFIGS.glob("*.yaml")):
        if re.search(rf"^name: {re.escape(args.name)}$", path.read_text("utf-8"), re.MULTILINE):
            return f"bytelatent/configs/{path.name}"
    return f"{_shown(args.dump_dir)}/config.yaml"


def _shown(path: Path) -> str:
    """A path for others to read: no folders of this machine."""
    return path.name if path.is_absolute() else path.as_posix()


def _data(release: Release) -> str:
    """A row for every source of the run and of the model it started from."""
    shares = release.args.data.used_sources()
    rows = []
    for entry in release.manifest["sources"]:
        name = entry["source"]
        if name not in release.training["sources"]:
            continue
        share = f"{shares[name]:.1%}" if name in shares else "at the start"
        rows.append(
            f"| {name} | {entry['package']} | {entry['licence']} "
            f"| {entry['bytes'].get('train', 0) / 1e6:.1f} | {share} | {entry['note']} |"
        )
    return "\n".join(rows)
