"""Descriptions of the models of this server, read from the files in their folders."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from app.models.own_models import LARGEST_JSON, Kind
from app.schemas.model import (
    CalibratedRule,
    CalibrationSummary,
    ModelConfig,
    ModelDescription,
    ModelFile,
    ModelPart,
)
from bytelatent.architecture.args import LMTransformerArgs
from bytelatent.architecture.blt_args import ByteLatentTransformerArgs
from bytelatent.architecture.parameters import blt_parameters, entropy_parameters
from bytelatent.files import open_regular, read_json
from bytelatent.formats.file_names import CALIBRATION_FILE, CARD_FILE, TRAIN_ARGS_FILE
from bytelatent.formats.released import LM_KIND, find_checkpoint
from bytelatent.formats.released_blt import BLT_KIND
from bytelatent.runtime.model_files import is_calibrated, model_name

CARD_LIMIT = 1_000_000
"""Number of characters after which a model card is cut off."""

_LICENCE = re.compile(r"\A---\n(?:.*\n)*?license:[ \t]*([^\s#]{1,100})[ \t]*\n(?:.*\n)*?---\n")


@dataclass(frozen=True)
class ModelState:
    """Whether a model is loaded.

    Attributes:
        loaded: whether the model is loaded.
        reason: why the model is not loaded.
        threshold: entropy threshold of the loaded model, in nats.
    """

    loaded: bool
    reason: str | None = None
    threshold: float | None = None


@dataclass(frozen=True)
class DescribedModel:
    """Description of a model for the API, with its model card."""

    description: ModelDescription
    card: str | None


def describe(folder: Path, kind: Kind, state: ModelState) -> DescribedModel:
    """Return the description of the model in ``folder``; missing and damaged parts are left out."""
    card = _card(folder / CARD_FILE)
    shape, parameters = _shape(folder, kind)
    patcher = _patcher(folder)
    threshold = state.threshold if state.threshold is not None else patcher.get("threshold")
    known = _number(threshold)
    files = _files(folder)
    licence = _LICENCE.match(card) if card else None
    mode = patcher.get("patching_mode")
    description = ModelDescription(
        name=model_name(folder),
        kind=kind,
        loaded=state.loaded,
        reason=state.reason,
        parameters=parameters,
        config=shape,
        patching_mode=mode if isinstance(mode, str) else None,
        threshold=known,
        calibrated=None if known is None else is_calibrated(folder, known),
        calibration=_calibration(folder / CALIBRATION_FILE),
        bytes=sum(file.bytes for file in files),
        files=files,
        licence=licence[1] if licence else None,
        card=f"/api/model/{kind}/card" if card else None,
    )
    return DescribedModel(description, card)


def _shape(folder: Path, kind: Kind) -> tuple[ModelConfig | None, int | None]:
    try:
        if kind == "blt":
            blt = find_checkpoint(folder, BLT_KIND).args
            return _blt_config(blt), blt_parameters(blt).total
        lm = find_checkpoint(folder, LM_KIND).args
        return _lm_config(lm), entropy_parameters(lm)
    except (ValueError, OSError):
        return None, None


def _lm_config(args: LMTransformerArgs) -> ModelConfig:
    part = ModelPart(
        name="transformer",
        layers=args.n_layers,
        width=args.dim,
        heads=args.n_heads,
        window=args.window,
    )
    return ModelConfig(vocabulary=args.vocab_size, parts=[part])


def _blt_config(args: ByteLatentTransformerArgs) -> ModelConfig:
    stacks = {
        "local encoder": (args.encoder, args.encoder.window),
        "global transformer": (args.global_model, None),
        "local decoder": (args.decoder, args.decoder.window),
    }
    parts = [
        ModelPart(
            name=name, layers=stack.n_layers, width=stack.dim, heads=stack.n_heads, window=window
        )
        for name, (stack, window) in stacks.items()
    ]
    return ModelConfig(vocabulary=args.vocab_size, parts=parts)


def _calibration(path: Path) -> CalibrationSummary | None:
    calibration = _object(path)
    sizes = _mapping(calibration.get("bytes"))
    rules = []
    for name, rule in _mapping(calibration.get("rules")).items():
        threshold = _number(_mapping(rule).get("threshold"))
        mean = _number(_mapping(rule).get("bytes_per_patch"))
        if threshold is not None and mean is not None:
            rules.append(CalibratedRule(rule=name, threshold=threshold, bytes_per_patch=mean))
    total = sizes.get("mix")
    if not rules and not sizes:
        return None
    return CalibrationSummary(
        bytes=total if isinstance(total, int) else None,
        languages=sorted(name for name in sizes if name != "mix"),
        rules=rules,
    )


def _patcher(folder: Path) -> Mapping[str, Any]:
    data = _mapping(_object(folder / TRAIN_ARGS_FILE).get("data"))
    return _mapping(data.get("patcher_args"))


def _files(folder: Path) -> list[ModelFile]:
    try:
        paths = sorted(path for path in folder.iterdir() if path.is_file())
        return [ModelFile(name=path.name, bytes=path.stat().st_size) for path in paths]
    except OSError:
        return []


def _card(path: Path) -> str | None:
    try:
        with TextIOWrapper(open_regular(path), encoding="utf-8", errors="replace") as file:
            return file.read(CARD_LIMIT)
    except (OSError, ValueError):
        return None


def _object(path: Path) -> Mapping[str, Any]:
    try:
        return _mapping(read_json(path, limit=LARGEST_JSON))
    except (ValueError, OSError):
        return {}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    return float(value) if known else None
