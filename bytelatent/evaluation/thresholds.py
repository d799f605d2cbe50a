"""Calibration: the threshold of a patching rule for a mean patch size, and the curve around it."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytelatent.data.held_out import HeldOut, held_out, source_names
from bytelatent.evaluation.scoring import score
from bytelatent.files import os_errors_as_value_error, write_json
from bytelatent.formats.file_names import CALIBRATION_FILE, TRAIN_ARGS_FILE
from bytelatent.formats.find import model_folder
from bytelatent.formats.train_args import BltTokenizerAndPatcher
from bytelatent.loading import TextModel
from bytelatent.patching.calibrate import (
    CALIBRATED,
    Floats,
    patch_size_of,
    patch_sizes_of,
    start_values,
    threshold_for,
)
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.patching.rules import PatchingMode
from bytelatent.tokenizers.build import TokenizerArgs

logger = logging.getLogger(__name__)

PATCH_SIZE = 4.5
"""Default patch size in bytes per patch, as in the paper's main runs."""

LIMIT = 20_000
"""Number of bytes of each source to measure."""

STEP = 0.05
"""Distance in nats between two points of the curve."""

LONGEST = 24.0
"""Patch size in bytes at which the curve ends."""


@dataclass(frozen=True)
class Sample:
    """Entropies of the held-out text of one source.

    Attributes:
        language: language of the source.
        share: share of the mix that the source stands for.
        texts: entropies in nats of the prediction of every byte, one array per text.
    """

    language: str
    share: float
    texts: list[NDArray[np.float32]]

    def values(self, mode: PatchingMode) -> Floats:
        """Return the values that ``mode`` compares with its threshold, for all texts together."""
        return np.concatenate([start_values(text, mode) for text in self.texts])


def measure(
    text_model: TextModel, corpus: Iterable[HeldOut], shares: Mapping[str, float] | None = None
) -> list[Sample]:
    """Measure the entropies of documents.

    Args:
        text_model: text model whose entropy model measures.
        corpus: held-out text.
        shares: shares of the sources in the mix; None weights sources by their bytes.

    Raises:
        ValueError: the model has no entropy model.
    """
    if text_model.entropy_model is None:
        raise ValueError(f"{text_model.name} cuts its patches without entropies")
    measuring = replace(text_model, model=text_model.entropy_model, patcher=None)
    samples = []
    for source in corpus:
        scores = score(measuring, source.documents)
        texts = [
            text_scores.entropies_N for text_scores in scores if text_scores.entropies_N is not None
        ]
        share = float(sum(map(len, texts))) if shares is None else shares[source.source]
        samples.append(Sample(source.language, share, texts))
    return samples


def calibrate(
    samples: Sequence[Sample],
    patch_size: float,
    mode: PatchingMode = PatchingMode.ENTROPY,
    *,
    threshold: float | None = None,
    longest: int | None = None,
) -> dict[str, Any]:
    """Find the thresholds for ``patch_size`` bytes per patch, and the curve of the rule ``mode``.

    Args:
        samples: entropies of held-out text.
        patch_size: wanted mean length of a patch in bytes.
        mode: patching rule of the model.
        threshold: fixed threshold of the model in nats; its patch size replaces ``patch_size``.
        longest: largest patch length in bytes; longer patches are split. None sets no limit.

    Returns:
        The content of ``calibration.json``. ``rules`` also contains the other rules for which a
        threshold gives this patch size; ``curve`` contains the bytes per patch at every threshold,
        for the mix and for each language.

    Raises:
        ValueError: no threshold gives this patch size, or the rule has no threshold.
    """
    values, weights = _joined(samples, mode)
    if threshold is not None:
        patch_size = patch_size_of(values, threshold, weights, longest=longest)
    rules = {}
    for rule in dict.fromkeys((mode, *CALIBRATED)):
        own, own_weights = _joined(samples, rule)
        rule_threshold = threshold if rule is mode else None
        try:
            if rule_threshold is None:
                rule_threshold = threshold_for(own, patch_size, own_weights, longest=longest)
        except ValueError:
            if rule is mode:
                raise
            continue
        size = patch_size_of(own, rule_threshold, own_weights, longest=longest)
        rules[rule.value] = {"threshold": rule_threshold, "bytes_per_patch": size}
    languages = {
        name: [sample for sample in samples if sample.language == name]
        for name in sorted({sample.language for sample in samples})
    }
    threshold = rules[mode.value]["threshold"]
    return {
        "unit": "nats",
        "patch_size": patch_size,
        "max_patch_length": longest,
        "rule": mode.value,
        "rules": rules,
        "bytes": {name: _size(group) for name, group in {"mix": samples, **languages}.items()},
        "bytes_per_patch": {
            name: patch_size_of(values, threshold, weights, longest=longest)
            for name, group in languages.items()
            for values, weights in [_joined(group, mode)]
        },
        "curve": _curve(samples, languages, mode, longest),
    }


def _curve(
    samples: Sequence[Sample],
    languages: Mapping[str, Sequence[Sample]],
    mode: PatchingMode,
    longest: int | None,
) -> dict[str, Any]:
    """Compute bytes per patch at every threshold."""
    values, weights = _joined(samples, mode)
    most = float(values[np.isfinite(values)].max(initial=0))
    thresholds = np.arange(0, most, STEP).round(6)
    mix = patch_sizes_of(values, thresholds, weights, longest=longest)
    thresholds, mix = thresholds[mix <= LONGEST], mix[mix <= LONGEST]
    return {
        "thresholds": thresholds.tolist(),
        "mix": _rounded(mix),
        "languages": {
            name: _rounded(patch_sizes_of(values, thresholds, weights, longest=longest))
            for name, group in languages.items()
            for values, weights in [_joined(group, mode)]
        },
    }


def shares_of(settings: Mapping[str, Any]) -> dict[str, float] | None:
    """Return the shares of the sources in a training mix; None if the settings lack them."""
    data = settings.get("data")
    sources = data.get("sources") if isinstance(data, dict) else None
    if not isinstance(sources, dict):
        return None
    total = sum(sources.values())
    return {name: weight / total for name, weight in sources.items() if weight > 0}


def choose_sources(
    root: Path, split: str, shares: Mapping[str, float] | None
) -> tuple[list[str], dict[str, float] | None]:
    """Choose the sources of a split for calibration; return them with their shares.

    The shares are None if all bytes have equal weight.

    Args:
        root: folder of the corpus.
        split: split of the corpus.
        shares: shares of the sources in the training mix; None if they are unknown. Sources that
            the split lacks are left out. If the split lacks all of them, all sources of the split
            are chosen.

    Raises:
        ValueError: the split contains no source.
    """
    available = source_names(root / split)
    if shares is None:
        return available, None
    present = {name: share for name, share in shares.items() if name in available}
    if not present:
        logger.warning(
            "%s holds no source of the training mix; all bytes of %s count alike",
            root / split,
            ", ".join(available),
        )
        return available, None
    if missing := sorted(shares.keys() - present.keys()):
        logger.warning("%s lacks %s of the training mix", root / split, ", ".join(missing))
    total = sum(present.values())
    return list(present), {name: share / total for name, share in present.items()}


def _joined(samples: Sequence[Sample], mode: PatchingMode) -> tuple[Floats, Floats]:
    """Return the values of all samples and the weight of each byte."""
    values = [sample.values(mode) for sample in samples]
    weights = [
        np.full(len(own), sample.share / len(own))
        for own, sample in zip(values, samples, strict=True)
    ]
    return np.concatenate(values), np.concatenate(weights)


def _size(samples: Iterable[Sample]) -> int:
    return sum(len(text) for sample in samples for text in sample.texts)


def _rounded(sizes: Floats) -> list[float]:
    return [round(float(size), 4) for size in sizes]


def read_corpus(
    paths: Sequence[Path], split: str, shares: Mapping[str, float] | None, limit: int
) -> tuple[list[HeldOut], dict[str, float] | None]:
    """Read held-out text from a corpus folder or from text files, and the shares of its sources.

    Args:
        paths: folder of a corpus, or text files.
        split: split of the corpus.
        shares: shares of the sources in the training mix; None if they are unknown.
        limit: largest number of bytes of each source or file.

    Raises:
        ValueError: a path is missing or empty.
    """
    if len(paths) == 1 and paths[0].is_dir():
        names, mix_shares = choose_sources(paths[0], split, shares)
        return held_out(paths[0], split, names, limit=limit), mix_shares
    sources = []
    for path in paths:
        with os_errors_as_value_error(path, "read"):
            data = path.read_bytes()
        if not data:
            raise ValueError(f"{path} is empty")
        sources.append(HeldOut(path.name, "unknown", "unknown", [data[:limit]]))
    return sources, None


def write(name: str, result: Mapping[str, Any]) -> Path:
    """Write threshold, largest patch length and curve to the folder of a model; return the folder.

    Raises:
        ValueError: the model does not exist, or the folder cannot be written.
    """
    folder = model_folder(name, (TRAIN_ARGS_FILE,))
    stored = BltTokenizerAndPatcher(TokenizerArgs(), PatcherArgs())
    if (folder / TRAIN_ARGS_FILE).is_file():
        stored = BltTokenizerAndPatcher.from_pretrained(folder)
    patcher = stored.patcher_args.model_copy(
        update={
            "threshold": result["rules"][result["rule"]]["threshold"],
            "patch_size": result["patch_size"],
            "max_patch_length": result["max_patch_length"],
        }
    )
    replace(stored, patcher_args=patcher).save_pretrained(folder)
    write_json(folder / CALIBRATION_FILE, result, indent=None)
    return folder


def lines(result: Mapping[str, Any]) -> list[str]:
    """Format a result of :func:`calibrate` as lines for a terminal."""
    rows = [f"{'rule':12}{'threshold':>12}{'bytes/patch':>14}"]
    for rule, numbers in result["rules"].items():
        threshold, size = numbers["threshold"], numbers["bytes_per_patch"]
        rows.append(f"{rule:12}{threshold:>12.6f}{size:>14.3f}")
    rows += ["", f"{'language':12}{'bytes':>12}{'bytes/patch':>14}  by {result['rule']}"]
    for language, size in result["bytes_per_patch"].items():
        rows.append(f"{language:12}{result['bytes'][language]:>12,}{size:>14.3f}")
    return rows
