"""Text of a released model's card. Every figure in it is measured or read from the run."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from bytelatent.architecture.parameters import blt_parameters
from bytelatent.evaluation.cards import card_tables as tables
from bytelatent.evaluation.cards.facts import (
    PROSE,
    Release,
    all_bytes,
    measured_prose,
    shown,
    unknown_sources,
)
from bytelatent.evaluation.cards.training_facts import commands, curve, training
from bytelatent.evaluation.corpus import BYTE_MODEL, COUNTING, MAX_BYTES
from bytelatent.formats.file_names import (
    CALIBRATION_FILE,
    CONFIG_FILE,
    EVALUATION_FILE,
    METRICS_FILE,
    TRAIN_ARGS_FILE,
    WEIGHTS_FILE,
)
from bytelatent.formats.hub import TEMPLATES
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.runtime.onnx_format import DECODER_GRAPH, ENCODER_GRAPH, ENTROPY_GRAPH, GLOBAL_GRAPH

HELD_OUT = {
    "test": "Held-out documents of the test split",
    "valid": (
        "The corpus has no test split: documents of the validation split, which was watched while "
        "the model was trained"
    ),
}
"""Description of the measured text by split of the corpus."""


EQUAL = 0.01
"""Largest relative difference of training bytes that counts as equal."""


FILES = {
    CONFIG_FILE: "shape, in the released layout",
    WEIGHTS_FILE: "weights, {dtype}",
    ENTROPY_GRAPH: "a graph for onnxruntime, without torch; reads `model.safetensors`",
    ENCODER_GRAPH: "bytes to byte states, as a graph for onnxruntime; reads `model.safetensors`",
    GLOBAL_GRAPH: "patches to latents, as a graph for onnxruntime; reads `model.safetensors`",
    DECODER_GRAPH: "byte states to logits, as a graph for onnxruntime; reads `model.safetensors`",
    TRAIN_ARGS_FILE: "the run, with tokenizer and patcher",
    CALIBRATION_FILE: "bytes per patch by threshold, for the mix and each language",
    EVALUATION_FILE: "the tables below, and patch lengths",
    METRICS_FILE: "the curve of the run",
    "NOTICE": "whose texts it learned from, with licences",
}


def card(release: Release) -> str:
    """Write the model card in Markdown.

    Raises:
        ValueError: the comparison in the release is not a comparison at equal training bytes.
    """
    fields = _common(release)
    if release.evaluation["kind"] == BYTE_MODEL:
        name = "entropy_model_card.md"
        assert release.calibration is not None
        calibrated = release.calibration["rules"][release.calibration["rule"]]
        fields |= {
            "shape": release.args.entropy_model,
            "threshold": calibrated["threshold"],
            "patch_size": calibrated["bytes_per_patch"],
            "longest": _longest(release),
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
        "kinds": tables.table("kind", evaluation, "kinds"),
        "languages": tables.table("language", evaluation, "languages"),
        "sources": tables.table("source", evaluation, "sources"),
        "outside": tables.outside(evaluation),
        "compressors": tables.compressors(evaluation),
        "text": tables.text(evaluation),
        "training": training(release),
        "curve": curve(release),
        "commands": "\n".join(f"    {line}" for line in commands(release)),
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
        "patches": _patches(release),
    }


def _prose(release: Release) -> str:
    sources = release.evaluation["sources"]
    prose = measured_prose(release.evaluation["split"], release.entries)
    names = [name for name in sources if name in prose]
    if not names:
        return ""
    scores = [sources[name] for name in names]
    size, titles = sum(score["bytes"] for score in scores), ", ".join(PROSE[name] for name in names)
    text = f"On English prose of which no training document holds a part ({titles}; "
    text += f"{size:,} bytes): **{_mean(scores, 'bits_per_byte'):.3f}**"
    if all("entropy_model_bits_per_byte" in score for score in scores):
        text += f", the entropy model {_mean(scores, 'entropy_model_bits_per_byte'):.3f}"
    return text + "."


def _mean(scores: Iterable[Mapping[str, Any]], key: str) -> float:
    """Average the rate ``key`` of several scores, weighted by their bytes."""
    sums = np.array([(score[key] * score["bytes"], score["bytes"]) for score in scores]).sum(axis=0)
    return float(sums[0] / sums[1])


def _equal(release: Release) -> str:
    """Compare the BLT with its entropy model, and say how much text each was trained on."""
    total, name = release.evaluation["total"], release.evaluation["entropy_model"]
    text = f" On all documents together: {total['bits_per_byte']:.3f}, and "
    text += f"{total['entropy_model_bits_per_byte']:.3f} by the entropy model, `{name}`, on the "
    text += "same pieces."
    if release.entropy_training is not None:
        text += f" It was trained on {all_bytes(release.training) / 1e6:.1f} MB of text, the "
        text += f"entropy model on {all_bytes(release.entropy_training) / 1e6:.1f} MB."
    return text


def _beside(release: Release) -> str:
    """Compare the BLT with a byte model that was trained on the same number of bytes."""
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
    figures = beside.prose_bytes / 1e3, *beside.prose, *beside.total
    return text.format(*figures, shown(beside.path))


def _patches(release: Release) -> str:
    rule = PatcherArgs.model_validate(release.evaluation["patcher"]).mode().value
    text = f"Patches are cut by the rule `{rule}`"
    if release.calibration is None:
        mean = release.evaluation["total"]["bytes_per_patch"]
        return f"{text}: {mean:.2f} bytes each on these documents. {_longest(release)}".rstrip()
    calibrated = release.calibration["rules"][release.calibration["rule"]]
    text += f" with the threshold {calibrated['threshold']:.6f} nats, as in training: "
    text += f"{calibrated['bytes_per_patch']:.2f} bytes each on held-out documents of the "
    text += "training mix. "
    return f"{text}{_longest(release)}`calibration.json` has other thresholds."


def _longest(release: Release) -> str:
    """Write a sentence on the largest patch length; empty without a limit."""
    longest = release.evaluation["patcher"].get("max_patch_length")
    return "" if longest is None else f"None is longer than {longest} bytes. "


def _licences(release: Release) -> str:
    """Explain which licences the table of sources contains, and which are unknown."""
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
    """Write a table row for every source of the run and of the model that the run started from."""
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
