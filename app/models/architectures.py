"""The architecture of each known model: widths, layers, parameters and FLOPs per byte of its parts.

All numbers are computed from a model's config, so the app can describe the paper's models without
their weights.
"""

import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from app.requests.compressed import KeptBody
from app.schemas.architecture import Architecture, ArchitecturePart, PartKey
from app.settings import Settings
from bytelatent.architecture import published
from bytelatent.architecture.args import LMTransformerArgs
from bytelatent.architecture.blt_args import ByteLatentTransformerArgs
from bytelatent.architecture.flops_per_byte import flops_per_byte
from bytelatent.architecture.parameters import blt_parameters, entropy_parameters
from bytelatent.files import read_json
from bytelatent.formats.file_names import CALIBRATION_FILE, TRAIN_ARGS_FILE
from bytelatent.formats.released import LM_KIND, find_checkpoint
from bytelatent.formats.released_blt import BLT_KIND
from bytelatent.patching.rules import ENTROPY_MODES, PatchingMode
from bytelatent.runtime.model_files import entropy_folder, model_name

logger = logging.getLogger(__name__)

CONTEXT = 8192
"""Context length in bytes that the FLOPs are counted for, as in the paper."""

PATCH_SIZES = tuple(tenths / 10 for tenths in range(10, 161))
"""Patch sizes that a visitor may choose, in bytes per patch."""

TITLES: dict[PartKey, str] = {
    "entropy_model": "Entropy model",
    "embeddings": "Byte and n-gram embeddings",
    "encoder": "Local encoder",
    "encoder_cross": "Encoder cross-attention",
    "global_model": "Global transformer",
    "decoder_cross": "Decoder cross-attention",
    "decoder": "Local decoder",
}
"""Titles of the parts, in the order of a forward pass."""


@dataclass(frozen=True)
class Subject:
    """Model that is described.

    Attributes:
        name: name that the API and the page use.
        args, entropy_model: shape of the BLT, and shape of the entropy model that sets its patch
            boundaries.
        patch_size: mean number of bytes per patch.
        threshold: entropy threshold in nats, or None if it is unknown.
        loaded: whether this server has loaded the model.
    """

    name: str
    args: ByteLatentTransformerArgs
    entropy_model: LMTransformerArgs | None
    patch_size: float = published.PATCH_SIZE
    threshold: float | None = None
    loaded: bool = False


class Shape(NamedTuple):
    """Layers, width, heads and window of a part, as in :class:`ArchitecturePart`."""

    layers: int | None
    width: int
    heads: int | None
    sees: int | None


class Architectures:
    """Descriptions of all known models: the loaded model first, then the models of the paper."""

    def __init__(self, settings: Settings) -> None:
        loaded = _loaded(settings)
        known = [loaded] if loaded else []
        known += [
            Subject("blt-1b", published.BLT_1B, published.ENTROPY_MODEL),
            Subject("blt-8b", published.BLT_8B, published.ENTROPY_MODEL),
        ]
        subjects = {subject.name: subject for subject in reversed(known)}
        self.first = known[0].name
        names = sorted(subjects, key=[subject.name for subject in known].index)
        self.by_name = {name: architecture(subjects[name], names) for name in names}
        self._bodies = {
            name: KeptBody(shape.model_dump_json().encode()) for name, shape in self.by_name.items()
        }

    def body(self, name: str) -> KeptBody:
        """Return the API's response body that describes a model."""
        return self._bodies[name]


def architecture(subject: Subject, names: list[str]) -> Architecture:
    """Return the description of a model; ``names`` are the names of all models."""
    args = subject.args
    counts = asdict(blt_parameters(args))
    if subject.entropy_model is not None:
        counts["entropy_model"] = entropy_parameters(subject.entropy_model)
    flops = _flops(subject)
    parts = [
        ArchitecturePart(
            key=key,
            title=title,
            layers=shape.layers,
            width=shape.width,
            heads=shape.heads,
            sees=shape.sees,
            parameters=counts[key] + (counts["hashes"] if key == "embeddings" else 0),
            flops=flops[key],
        )
        for key, title in TITLES.items()
        if counts.get(key)
        for shape in [_shape(subject, key)]
    ]
    return Architecture(
        model=subject.name,
        models=names,
        loaded=subject.loaded,
        bytes_per_patch=subject.patch_size,
        threshold=subject.threshold,
        context=CONTEXT,
        vocabulary=args.vocab_size,
        patch_vectors=args.patch_vectors,
        hash_sizes=list(args.hashes.sizes),
        hash_functions=args.hashes.functions,
        hash_buckets=args.hashes.buckets,
        parameters=blt_parameters(args).total,
        patch_sizes=list(PATCH_SIZES),
        parts=parts,
    )


def _shape(subject: Subject, key: PartKey) -> Shape:
    """Return the layers, width, heads and window of a part."""
    args, dim = subject.args, subject.args.encoder.dim
    if key == "embeddings":
        return Shape(None, dim, None, None)
    if key == "encoder_cross":
        return Shape(len(args.encoder.cross_layers), dim, args.cross_heads, None)
    if key == "decoder_cross":
        return Shape(len(args.decoder.cross_layers), dim, args.cross_heads, args.patch_vectors)
    part = getattr(subject if key == "entropy_model" else args, key)
    return Shape(part.n_layers, part.dim, part.n_heads, getattr(part, "window", None))


def _flops(subject: Subject) -> dict[str, list[float]]:
    """Return the FLOPs per byte of each part, at every patch size."""
    rows = [
        flops_per_byte(
            subject.args, patch_size=size, context=CONTEXT, entropy_model=subject.entropy_model
        )
        for size in PATCH_SIZES
    ]
    columns: dict[str, list[float]] = {"embeddings": [0.0] * len(rows)}
    for row in rows:
        for key, value in asdict(row).items():
            columns.setdefault(key, []).append(round(value or 0.0, 1))
    return columns


def _loaded(settings: Settings) -> Subject | None:
    """Return the BLT of the settings, or None if its folder does not describe it."""
    folder = settings.blt_folder
    if not folder.is_dir():
        return None
    try:
        args = find_checkpoint(folder, BLT_KIND).args
        trained = _optional(folder / TRAIN_ARGS_FILE)
        entropy_model = _cutter(folder, trained)
        patch_size, threshold = _calibrated(trained, _optional(folder / CALIBRATION_FILE))
    except ValueError as error:
        logger.warning("%s; the page on the architecture shows models of the paper", error)
        return None
    return Subject(model_name(folder), args, entropy_model, patch_size, threshold, loaded=True)


def _cutter(folder: Path, trained: dict[str, Any]) -> LMTransformerArgs | None:
    """Return the shape of the entropy model for the BLT in ``folder``, or None without one."""
    if _patcher(trained).get("patching_mode", PatchingMode.ENTROPY) not in ENTROPY_MODES:
        return None
    return find_checkpoint(entropy_folder(folder, trained, None), LM_KIND).args


def _patcher(trained: dict[str, Any]) -> dict[str, Any]:
    return (trained.get("data") or {}).get("patcher_args") or {}


def _calibrated(trained: dict[str, Any], measured: dict[str, Any]) -> tuple[float, float | None]:
    """Return the mean bytes per patch and the threshold from the files beside a model."""
    patcher = _patcher(trained)
    rule = measured.get("rules", {}).get(patcher.get("patching_mode"), {})
    size = rule.get("bytes_per_patch") or patcher.get("patch_size") or published.PATCH_SIZE
    threshold = patcher.get("threshold")
    return max(1.0, round(float(size), 2)), None if threshold is None else float(threshold)


def _optional(path: Path) -> dict[str, Any]:
    value = read_json(path) if path.is_file() else {}
    if not isinstance(value, dict):
        raise ValueError(f"{path} holds no object")
    return value
