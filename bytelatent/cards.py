"""The text of a released model's card. Everything in it is measured, or read off the run."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bytelatent.args import TrainArgs
from bytelatent.evaluation import BYTE_MODEL, COUNTING, MAX_BYTES, Beside
from bytelatent.model.parameters import blt_parameters
from bytelatent.patching.patcher import PatcherArgs

PACKAGE = Path(__file__).parent
TEMPLATES, CONFIGS = PACKAGE / "templates", PACKAGE / "configs"

PROSE = {
    "austen": "Jane Austen's *Persuasion*",
    "sotu": "State of the Union addresses since 2016",
}
"""Sources whose test split is English prose of which no training document holds a part."""

HELD_OUT = {
    "test": "Held-out documents of the test split",
    "valid": (
        "The corpus has no test split: documents of the validation split, which was watched while "
        "the model was trained"
    ),
}
"""What was measured, by the split of the corpus."""

EQUAL = 0.01
"""Share by which training bytes may differ that are called equal."""

FILES = {
    "config.json": "shape, in the released layout",
    "model.safetensors": "weights, {dtype}",
    "model.onnx": "the same as a graph for onnxruntime, without torch",
    "entropy.onnx": "a graph for onnxruntime, without torch; reads `model.safetensors`",
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
        evaluation: content of ``evaluation.json``: the model, and how it did on held-out documents.
        entries: of the corpus manifest, by source; empty without one.
        metrics: lines of ``metrics.jsonl``.
        training: steps and bytes, and where it started (see :mod:`bytelatent.release`).
        entropy_training: the same of the entropy model of a BLT; None if it is not known.
        calibration: content of ``calibration.json``; None if there is none.
        dtype: of the weights in the file.
        files: names of the other files.
        beside: a comparison at equal training bytes; None for none.
    """

    args: TrainArgs
    out: Path
    evaluation: Mapping[str, Any]
    entries: Mapping[str, Mapping[str, Any]]
    metrics: Sequence[Mapping[str, Any]]
    training: Mapping[str, Any]
    entropy_training: Mapping[str, Any] | None
    calibration: Mapping[str, Any] | None
    dtype: str
    files: Iterable[str]
    beside: Beside | None = None


def card(release: Release) -> str:
    """The card in Markdown.

    Raises:
        ValueError: the comparison is not one at equal training bytes.
    """
    fields = _common(release)
    if release.evaluation["kind"] == BYTE_MODEL:
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
    args, evaluation = release.args, release.evaluation
    files = {name for name in release.files if name in FILES}
    counting = COUNTING[evaluation["kind"]]
    known = not unknown_sources(release.training["sources"], release.entries)
    return {
        "name": args.name,
        "parameters": evaluation["parameters"],
        "files": "\n".join(
            f"| `{name}` | {what.format(dtype=release.dtype)} |"
            for name, what in FILES.items()
            if name in files
        ),
        "held_out": HELD_OUT[evaluation["split"]],
        "counting": counting.replace("max_bytes", f"{MAX_BYTES:,} bytes"),
        "prose": _prose(release),
        "languages": _rows(evaluation["languages"], evaluation["total"]),
        "sources": _rows(evaluation["sources"], evaluation["total"]),
        "training": _training(release),
        "commands": "\n".join(f"    {line}" for line in _commands(release)),
        "licence": "apache-2.0" if known else "unknown",
        "licences": _licences(release),
        "data": _data(release),
    }


def _blt(release: Release) -> dict[str, Any]:
    assert release.args.blt is not None
    total, name = release.evaluation["total"], release.evaluation["entropy_model"]
    measured = "entropy_model_bits_per_byte" in total
    dtype = f"The weights are stored in {release.dtype}"
    if release.dtype != "fp32":
        dtype += ", to halve the file, and `from_pretrained` keeps the dtype of the file: ask for "
        dtype += "`dtype=torch.float32` to compute on a CPU. All figures are those of the stored "
        dtype += "weights, computed with in fp32"
    return {
        "shape": release.args.blt,
        "hash_parameters": blt_parameters(release.args.blt).hashes,
        "dtype": f"{dtype}.",
        "and_entropy_model": f" and `{name}`" if measured else "",
        "equal": (_equal(release) if measured else "") + _beside(release),
        "entropy_heading": f"`{name}` | " if measured else "",
        "entropy_rule": "---|" if measured else "",
        "patches": _patches(release),
    }


def measured_prose(split: str, entries: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The sources of :data:`PROSE` that a corpus has; only its manifest tells them from others."""
    return [name for name in PROSE if name in entries] if split == "test" else []


def _prose(release: Release) -> str:
    sources = release.evaluation["sources"]
    prose = measured_prose(release.evaluation["split"], release.entries)
    names = [name for name in sources if name in prose]
    if not names:
        return ""
    found = [sources[name] for name in names]
    size, titles = sum(one["bytes"] for one in found), ", ".join(PROSE[name] for name in names)
    text = f"On English prose of which no training document holds a part ({titles}; "
    text += f"{size:,} bytes): **{_mean(found, 'bits_per_byte'):.3f}**"
    if all("entropy_model_bits_per_byte" in one for one in found):
        text += f", the entropy model {_mean(found, 'entropy_model_bits_per_byte'):.3f}"
    return text + "."


def _mean(scores: Iterable[Mapping[str, Any]], key: str) -> float:
    """Of rates, by bytes."""
    sums = np.array([(one[key] * one["bytes"], one["bytes"]) for one in scores]).sum(axis=0)
    return float(sums[0] / sums[1])


def _equal(release: Release) -> str:
    """The BLT beside its entropy model, and how much text each has seen."""
    total, name = release.evaluation["total"], release.evaluation["entropy_model"]
    text = f" On all documents together: {total['bits_per_byte']:.3f}, and "
    text += f"{total['entropy_model_bits_per_byte']:.3f} by the entropy model, `{name}`, on the "
    text += "same pieces."
    if release.entropy_training is not None:
        text += f" It was trained on {all_bytes(release.training) / 1e6:.1f} MB of text, the "
        text += f"entropy model on {all_bytes(release.entropy_training) / 1e6:.1f} MB."
    return text


def _beside(release: Release) -> str:
    """A paragraph on the BLT and a byte model that has learned from as many bytes."""
    beside = release.beside
    if beside is None:
        return ""
    own = all_bytes(release.training)
    if abs(beside.trained_bytes - own) > EQUAL * own:
        raise ValueError(
            f"--beside: the byte model of {beside.path} has learned from "
            f"{beside.trained_bytes:,} bytes and this model from {own:,}; they must be equal "
            f"within {EQUAL:.0%}"
        )
    text = "\n\nBeside a byte model that has learned from the same mix and from as many bytes "
    text += f"({own / 1e6:.1f} MB each), both measured on the same pieces, in bits per byte: "
    text += "on {:.0f} kB of that prose {:.3f}, the byte model {:.3f}; on all sources "
    text += "{:.3f}, the byte model {:.3f} (`{}`, by `benchmarks/equal_bytes.py`)."
    shown = _shown(beside.path)
    return text.format(beside.prose_bytes / 1e3, *beside.prose, *beside.total, shown)


def _patches(release: Release) -> str:
    rule = PatcherArgs.model_validate(release.evaluation["patcher"]).mode().value
    text = f"Patches are cut by the rule `{rule}`"
    if release.calibration is None:
        mean = release.evaluation["total"]["bytes_per_patch"]
        return f"{text}: {mean:.2f} bytes each on these documents."
    found = release.calibration["rules"][release.calibration["rule"]]
    text += f" with the threshold {found['threshold']:.6f} nats, as in training: "
    text += f"{found['bytes_per_patch']:.2f} bytes each on held-out documents of the training mix. "
    return f"{text}`calibration.json` has other thresholds."


def _rows(scores: Mapping[str, Mapping[str, Any]], total: Mapping[str, Any]) -> str:
    """Rows of a table, the sum of all last."""
    return "\n".join(_row(name, one) for name, one in [*scores.items(), ("**all**", total)])


def _row(name: str, one: Mapping[str, Any]) -> str:
    cells = [name, f"{one['bytes']:,}", f"{one['bits_per_byte']:.3f}"]
    if "entropy_model_bits_per_byte" in one:
        cells.append(f"{one['entropy_model_bits_per_byte']:.3f}")
    cells.append(f"{one['bytes_per_patch']:.2f}" if "bytes_per_patch" in one else "-")
    return f"| {' | '.join(cells)} |"


def _training(release: Release) -> str:
    args, training = release.args, release.training
    data, start = args.data, training["start"]
    speed = np.median([m["bytes_per_second"] for m in release.metrics if "bytes" in m]) / 1e3
    text = f"{training['steps']:,} steps of {data.batch_size} rows of at most {data.seq_len} bytes,"
    text += f" {training['bytes'] / 1e6:.1f} MB in all, in {args.dtype} on `{args.device}` (median "
    text += f"{speed:.1f} kB/s). {_rounds_told(release)}"
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


@dataclass(frozen=True)
class Round:
    """A part of a run in which the learning rate does not rise after the warm-up.

    Attributes:
        first, last: steps of its first and last line.
        first_lr, last_lr: learning rates there.
    """

    first: int
    first_lr: float
    last: int
    last_lr: float


def find_rounds(metrics: Iterable[Mapping[str, Any]], warmup: int) -> list[Round]:
    """The rounds of a run: it was finished, given more steps and started again.

    Args:
        metrics: lines of ``metrics.jsonl``; of two of a step the later one counts.
        warmup: steps in which the learning rate rises in any case.
    """
    rates = {line["step"]: line["lr"] for line in metrics if "lr" in line}
    found: list[Round] = []
    for step, lr in sorted(rates.items()):
        last = found[-1] if found else None
        if last is None or (last.last >= warmup and lr > last.last_lr):
            found.append(Round(step, lr, step, lr))
        else:
            found[-1] = replace(last, last=step, last_lr=lr)
    return found


def _rounds(release: Release) -> list[Round]:
    return find_rounds(release.metrics, release.args.optim.warmup)


def _rounds_told(release: Release) -> str:
    """A sentence on the rounds; empty for a single one."""
    found = _rounds(release)
    if len(found) < 2:
        return ""
    text = f"The steps were made in {len(found)} rounds, each with a fall of the learning rate of "
    text += f"its own: to {found[0].last_lr:.2e} at step {found[0].last:,}"
    for one in found[1:]:
        text += f"; begun again with {one.first_lr:.2e} at step {one.first:,}, to "
        text += f"{one.last_lr:.2e} at step {one.last:,}"
    return f"{text}. One run to the last step gives other weights. "


def _commands(release: Release) -> list[str]:
    """What makes the model anew."""
    args, rounds = release.args, _rounds(release)
    training = f"python -m bytelatent.train config={_config(args)}"
    steps = [f" steps={one.last}" for one in rounds] if len(rounds) > 1 else [""]
    options = "" if release.dtype == "fp32" else f" --dtype {release.dtype}"
    if release.beside is not None:
        options += f" --beside {_shown(release.beside.path)}"
    run, out = _shown(args.dump_dir), _shown(release.out)
    return [
        *(["python setup/build_corpus.py"] if release.entries else []),
        *(training + more for more in steps),
        f"python -m bytelatent.release {run} {out}{options}",
    ]


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


def unknown_sources(sources: Iterable[str], entries: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The sources of which the corpus manifest says nothing."""
    return [name for name in sources if name not in entries]


def _licences(release: Release) -> str:
    """What the table of sources tells, and what it does not."""
    unknown = unknown_sources(release.training["sources"], release.entries)
    if not unknown:
        return (
            "The weights are under Apache-2.0. They were trained on these texts, taken from "
            "packages; the share\nis that of the rows of the run. `NOTICE` has each with its "
            "attribution."
        )
    text = f"The licences of {', '.join(unknown)} are unknown: the corpus has no manifest that "
    text += "says them. So that of the weights is unknown too: it is up to whoever made them, who "
    text += "should replace `unknown` above and below. The share is that of the rows of the run."
    if len(unknown) < len(release.training["sources"]):
        text += " `NOTICE` has the known ones with their attribution."
    return text


def _data(release: Release) -> str:
    """A row for every source of the run and of the model it started from."""
    shares, entries = release.args.data.used_sources(), release.entries
    names = [name for name in entries if name in release.training["sources"]]
    rows = []
    for name in [*names, *unknown_sources(release.training["sources"], entries)]:
        share = f"{shares[name]:.1%}" if name in shares else "at the start"
        about = ["unknown", "unknown", "-", share, ""]
        if entry := entries.get(name):
            size = f"{entry['bytes'].get('train', 0) / 1e6:.1f}"
            about = [entry["package"], entry["licence"], size, share, entry["note"]]
        rows.append(f"| {' | '.join([name, *about])} |")
    return "\n".join(rows)
