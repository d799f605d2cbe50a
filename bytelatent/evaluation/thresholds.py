"""Calibration: the threshold of a patching rule for a wanted mean patch size, and its curve."""

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
from bytelatent.formats.find import model_folder
from bytelatent.formats.train_args import TRAIN_ARGS_FILE, BltTokenizerAndPatcher
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

CALIBRATION_FILE = "calibration.json"
PATCH_SIZE = 4.5
"""Bytes per patch, as in the paper's main runs."""

LIMIT = 20_000
"""Bytes of each source that are measured."""

STEP = 0.05
"""Nats between points of the curve."""

LONGEST = 24.0
"""Bytes per patch at which the curve ends."""


@dataclass(frozen=True)
class Sample:
    """Entropies of a source.

    Attributes:
        language: of the source.
        share: of the mix that the source stands for.
        texts: nats of the prediction of every byte, one array per text.
    """

    language: str
    share: float
    texts: list[NDArray[np.float32]]

    def values(self, mode: PatchingMode) -> Floats:
        """What ``mode`` compares with its threshold, all texts together."""
        return np.concatenate([start_values(text, mode) for text in self.texts])


def measure(
    text_model: TextModel, corpus: Iterable[HeldOut], shares: Mapping[str, float] | None = None
) -> list[Sample]:
    """Entropies of the documents.

    Args:
        text_model: its entropy model measures.
        corpus: held-out text.
        shares: of the sources in the mix; in proportion to their bytes when None.

    Raises:
        ValueError: the model has no entropy model.
    """
    if text_model.entropy_model is None:
        raise ValueError(f"{text_model.name} cuts its patches without entropies")
    measuring = replace(text_model, model=text_model.entropy_model, patcher=None)
    samples = []
    for source in corpus:
        scores = score(measuring, source.documents)
        texts = [one.entropies_N for one in scores if one.entropies_N is not None]
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
    """Thresholds for ``patch_size`` bytes per patch, and the curve of the rule ``mode``.

    Args:
        samples: entropies of held-out text.
        patch_size: wanted mean length in bytes.
        mode: the rule of the model.
        threshold: nats; of a model whose threshold is given. The wanted length is then what it
            gives, in place of ``patch_size``.
        longest: bytes; longer patches are split, whatever the rule. None for no limit.

    Returns:
        What ``calibration.json`` holds. ``rules`` has those others too for which a threshold gives
        that size; ``curve`` has bytes per patch at every threshold, for the mix and each language.

    Raises:
        ValueError: no threshold gives that size, or the rule has none.
    """
    values, weights = _joined(samples, mode)
    if threshold is not None:
        patch_size = patch_size_of(values, threshold, weights, longest=longest)
    rules = {}
    for rule in dict.fromkeys((mode, *CALIBRATED)):
        own, own_weights = _joined(samples, rule)
        found = threshold if rule is mode else None
        try:
            if found is None:
                found = threshold_for(own, patch_size, own_weights, longest=longest)
        except ValueError:
            if rule is mode:
                raise
            continue
        size = patch_size_of(own, found, own_weights, longest=longest)
        rules[rule.value] = {"threshold": found, "bytes_per_patch": size}
    languages = {
        name: [one for one in samples if one.language == name]
        for name in sorted({one.language for one in samples})
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
    """Bytes per patch at every threshold."""
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
    """Shares of the sources in the mix that a model was trained on; None if it does not say."""
    data = settings.get("data")
    sources = data.get("sources") if isinstance(data, dict) else None
    if not isinstance(sources, dict):
        return None
    total = sum(sources.values())
    return {name: weight / total for name, weight in sources.items() if weight > 0}


def choose_sources(
    root: Path, split: str, shares: Mapping[str, float] | None
) -> tuple[list[str], dict[str, float] | None]:
    """The sources of a split to calibrate on, and their shares; None for all bytes alike.

    Args:
        root: folder of the corpus.
        split: of it.
        shares: of the sources in the training mix, as far as it is known. Those that are not there
            are left out; if none of them is there, all that is there is taken.

    Raises:
        ValueError: the split holds no source.
    """
    there = source_names(root / split)
    if shares is None:
        return there, None
    found = {name: share for name, share in shares.items() if name in there}
    if not found:
        logger.warning(
            "%s holds no source of the training mix; all bytes of %s count alike",
            root / split,
            ", ".join(there),
        )
        return there, None
    if missing := sorted(shares.keys() - found.keys()):
        logger.warning("%s lacks %s of the training mix", root / split, ", ".join(missing))
    total = sum(found.values())
    return list(found), {name: share / total for name, share in found.items()}


def _joined(samples: Sequence[Sample], mode: PatchingMode) -> tuple[Floats, Floats]:
    """Values of all samples, and how much each byte counts."""
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
    """Held-out text, of a corpus folder or of text files, and the shares of its sources.

    Raises:
        ValueError: a path is missing or empty.
    """
    if len(paths) == 1 and paths[0].is_dir():
        names, found_shares = choose_sources(paths[0], split, shares)
        return held_out(paths[0], split, names, limit=limit), found_shares
    found = []
    for path in paths:
        with os_errors_as_value_error(path, "read"):
            data = path.read_bytes()
        if not data:
            raise ValueError(f"{path} is empty")
        found.append(HeldOut(path.name, "unknown", "unknown", [data[:limit]]))
    return found, None


def write(name: str, result: Mapping[str, Any]) -> Path:
    """Put threshold, longest length and curve into the folder of a model, and return it.

    Raises:
        ValueError: the model is not there, or the system refuses to write.
    """
    folder = model_folder(name, (TRAIN_ARGS_FILE,))
    found = BltTokenizerAndPatcher(TokenizerArgs(), PatcherArgs())
    if (folder / TRAIN_ARGS_FILE).is_file():
        found = BltTokenizerAndPatcher.from_pretrained(folder)
    patcher = found.patcher_args.model_copy(
        update={
            "threshold": result["rules"][result["rule"]]["threshold"],
            "patch_size": result["patch_size"],
            "max_patch_length": result["max_patch_length"],
        }
    )
    replace(found, patcher_args=patcher).save_pretrained(folder)
    write_json(folder / CALIBRATION_FILE, result, indent=None)
    return folder


def lines(result: Mapping[str, Any]) -> list[str]:
    """The result for a terminal."""
    found = [f"{'rule':12}{'threshold':>12}{'bytes/patch':>14}"]
    for rule, numbers in result["rules"].items():
        threshold, size = numbers["threshold"], numbers["bytes_per_patch"]
        found.append(f"{rule:12}{threshold:>12.6f}{size:>14.3f}")
    found += ["", f"{'language':12}{'bytes':>12}{'bytes/patch':>14}  by {result['rule']}"]
    for language, size in result["bytes_per_patch"].items():
        found.append(f"{language:12}{result['bytes'][language]:>12,}{size:>14.3f}")
    return found
