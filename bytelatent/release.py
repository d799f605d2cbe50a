"""``python -m bytelatent.release RUN OUT``: make a model folder that can be published from a run.

The command writes these files to ``OUT``: the weights (``config.json``, ``model.safetensors``), the
ONNX graphs (:mod:`bytelatent.export`), ``train_args.json`` with the threshold,
``calibration.json``, ``metrics.jsonl`` of the run, ``evaluation.json`` (bits per byte and patches
on held-out text, bits per byte of compressors on the same text, and generated text), ``NOTICE``
(sources of the training text) and ``README.md``, the model card. All content is measured or read
from the run, and no file is moved to ``OUT`` before all files are complete.

``python -m bytelatent.release OUT --card`` writes the model card again from the files of ``OUT``;
``--measure`` measures a released model again first, for example after its entropy model changed.

An entropy model gets a new threshold for ``--patch-size``; a BLT keeps the threshold of its
training.
"""

import argparse
import logging
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bytelatent.command import run_command
from bytelatent.config import check_args, load_args
from bytelatent.data.args import DataArgs
from bytelatent.data.held_out import default_split, read_entries
from bytelatent.data.notice import notice
from bytelatent.evaluation import release_facts as releasing
from bytelatent.evaluation.cards import PROSE, Release, card, measured_prose, unknown_sources
from bytelatent.evaluation.corpus import Beside, as_dict, describe, read_beside
from bytelatent.evaluation.release_facts import LIMIT
from bytelatent.evaluation.repetition import BYTES
from bytelatent.evaluation.thresholds import PATCH_SIZE
from bytelatent.exporting.folders import export_blt, export_entropy
from bytelatent.files import os_errors_as_value_error, read_json, replacing, write_json, write_text
from bytelatent.formats.file_names import (
    CALIBRATION_FILE,
    CARD_FILE,
    EVALUATION_FILE,
    MANIFEST_FILE,
    METRICS_FILE,
    RUN_CONFIG_FILE,
    TRAIN_ARGS_FILE,
    WEIGHTS_FILE,
)
from bytelatent.formats.safetensors_header import StoredTensors
from bytelatent.formats.weights import DTYPES
from bytelatent.loading import TextModel, kind_of, load_text_model, read_settings, write_settings
from bytelatent.metrics import read_metrics
from bytelatent.runtime.onnx_format import SELF_CONTAINED_FILE
from bytelatent.training.args import TrainArgs
from bytelatent.transformer import LMTransformer

logger = logging.getLogger(__name__)

NOTICE_FILE = "NOTICE"

DESCRIBED = {"licence", "note", "lang", "package", "archive", "bytes"}
"""Keys that the manifest must have for every source that it lists."""


@dataclass(frozen=True)
class ReleaseOptions:
    """Options of a release.

    Attributes:
        limit: number of bytes of each source to measure, except for the sources of :data:`PROSE`.
        prose_limit: number of bytes of each source of :data:`PROSE` to measure; all when None.
        patch_size: target mean number of bytes per patch of an entropy model.
        max_patch_length: longest patch of an entropy model in bytes; None for no limit.
        text_bytes: number of bytes of each generated text; 0 for no generated texts.
        dtype: dtype of the weights in the file.
        entropy_model: name of the entropy model of a BLT; that of the run when None.
        beside: path of a result of ``benchmarks/equal_bytes.py`` for the model card of a BLT.
    """

    limit: int = LIMIT
    prose_limit: int | None = None
    patch_size: float = PATCH_SIZE
    max_patch_length: int | None = None
    text_bytes: int = BYTES
    dtype: str = "fp32"
    entropy_model: str | None = None
    beside: Path | None = None

    def __post_init__(self) -> None:
        least = {"limit": 1, "prose_limit": 1, "max_patch_length": 1, "text_bytes": 0}
        for name, low in least.items():
            value = getattr(self, name)
            if value is not None and value < low:
                raise ValueError(f"--{name.replace('_', '-')}: {value} is not {low} or more bytes")


def release(run: Path, out: Path, options: ReleaseOptions | None = None) -> None:
    """Make a model folder from a finished run.

    Args:
        run: folder of the run.
        out: folder of the released model.
        options: options of the release; the defaults when None.

    Raises:
        ValueError: the run is not finished, its corpus is missing, or an option does not fit the
            model.
    """
    options = options or ReleaseOptions()
    args, training = _read_run(run, options)
    entries = _read_entries(args, training["sources"])
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as name:
        folder = Path(name)
        kind = kind_of(run / "model")
        kind.from_pretrained(run / "model", dtype=DTYPES[options.dtype]).save_pretrained(folder)
        write_settings(folder, args, training=training)
        with replacing(folder / METRICS_FILE) as temporary:
            shutil.copyfile(run / METRICS_FILE, temporary)
        if unknown := unknown_sources(training["sources"], entries):
            manifest = args.data.root_dir / MANIFEST_FILE
            logger.warning("%s does not tell the licences of %s", manifest, ", ".join(unknown))
        if text := _notice(entries, training["sources"]):
            write_text(folder / NOTICE_FILE, text)
        releasing.calibrate(folder, args, options.patch_size, options.max_patch_length)
        text_model = load_text_model(str(folder))
        if isinstance(text_model.model, LMTransformer):
            export_entropy(text_model.model, folder)
        else:
            export_blt(text_model.model, folder)
        _write_evaluation(folder, text_model, args, options)
        write_card(folder, out=out, beside=options.beside)
        _move(folder, out)


def measure_again(folder: Path, options: ReleaseOptions) -> None:
    """Measure a released model anew: ``calibration.json``, ``evaluation.json`` and the card.

    The threshold of an entropy model is found anew, that of a BLT stays.

    Raises:
        ValueError: a file is missing or damaged, or the corpus that it names is not there.
    """
    args, _ = _read_released(folder)
    releasing.calibrate(folder, args, options.patch_size, options.max_patch_length)
    _write_evaluation(folder, load_text_model(str(folder)), args, options)
    write_card(folder, beside=options.beside)


def _write_evaluation(
    folder: Path, text_model: TextModel, args: TrainArgs, options: ReleaseOptions
) -> None:
    """Measure a model on held-out text of its corpus and on what it writes."""
    split = default_split(args.data.root_dir, args.data.used_sources())
    entries = _read_entries(args, sorted(args.data.used_sources()))
    limits = _limits(args, options, split, entries)
    about = {**describe(text_model), "model": args.name, "split": split}
    evaluation = about | as_dict(releasing.measure(text_model, args, split, limits))
    if options.text_bytes:
        evaluation["text"] = releasing.measure_text(text_model, options.text_bytes)
    write_json(folder / EVALUATION_FILE, evaluation)


def _read_released(folder: Path) -> tuple[TrainArgs, dict[str, Any]]:
    """The args of the run that a released model came from, and what is said about its training.

    Raises:
        ValueError: ``train_args.json`` is missing or damaged, or does not tell of the training.
    """
    settings = read_settings(folder)
    training = settings.get("training")
    if training is None:
        raise ValueError(f"{folder / TRAIN_ARGS_FILE} does not tell of the training")
    names = {*TrainArgs.model_fields, *TrainArgs.retired_keys}
    fields = {name: value for name, value in settings.items() if name in names}
    data = {name: x for name, x in settings["data"].items() if name in DataArgs.model_fields}
    return check_args(TrainArgs, fields | {"data": data}), training


def write_card(folder: Path, *, out: Path | None = None, beside: Path | None = None) -> None:
    """Write ``README.md``, the model card of a released model, from the other files of its folder.

    Args:
        folder: folder with the files that :func:`release` writes.
        out: final folder of the model; ``folder`` when None.
        beside: path of a result of ``benchmarks/equal_bytes.py``, for a BLT.

    Raises:
        ValueError: a file is missing or damaged, the comparison does not fit, or there is a
            ``NOTICE`` but no manifest of the corpus.
    """
    (args, training), evaluation = _read_released(folder), read_json(folder / EVALUATION_FILE)
    compared = _read_beside(args, beside)
    entries = _read_entries(args, training["sources"])
    if (folder / NOTICE_FILE).is_file() and not entries:
        raise ValueError(
            f"{args.data.root_dir / MANIFEST_FILE} does not exist or is empty; the card needs what "
            f"it says of the sources in {folder / NOTICE_FILE}"
        )
    curve = folder / CALIBRATION_FILE
    text = card(
        Release(
            args=args,
            out=out or folder,
            evaluation=evaluation,
            entries=entries,
            metrics=read_metrics(folder / METRICS_FILE),
            training=training,
            entropy_training=releasing.entropy_training(evaluation["entropy_model"]),
            calibration=read_json(curve) if curve.is_file() else None,
            dtype=_dtype(folder),
            files=[path.name for path in folder.iterdir()],
            beside=compared,
        )
    )
    write_text(folder / CARD_FILE, text)


def _limits(
    args: TrainArgs, options: ReleaseOptions, split: str, entries: Mapping[str, Mapping[str, Any]]
) -> dict[str, int | None]:
    """Return the number of bytes to measure of each source: of the run, outside the mix, prose."""
    names = [*args.data.used_sources(), *releasing.outside_sources(entries)]
    limits: dict[str, int | None] = dict.fromkeys(names, options.limit)
    return limits | dict.fromkeys(measured_prose(split, entries), options.prose_limit)


def _read_beside(args: TrainArgs, path: Path | None) -> Beside | None:
    """Read the comparison for the model card of a BLT; None without a path.

    Raises:
        ValueError: the file is not a comparison, or the model is not a BLT.
    """
    if path is None:
        return None
    if args.blt is None:
        raise ValueError("--beside: is for a BLT; an entropy model has none beside it")
    return read_beside(path)


def _dtype(folder: Path) -> str:
    """Return the dtype of the weights in the file of weights."""
    tensors = StoredTensors.read(folder / WEIGHTS_FILE).tensors
    stored = {tensor.dtype for tensor in tensors.values()}
    names = {"BF16": "bf16", "F16": "fp16"}
    return next((short for name, short in names.items() if name in stored), "fp32")


def _read_entries(args: TrainArgs, sources: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """Read the entries of the corpus manifest by source; empty without a manifest.

    Raises:
        ValueError: the manifest is damaged, or an entry lacks a key.
    """
    path = args.data.root_dir / MANIFEST_FILE
    entries = read_entries(args.data.root_dir)
    for name in sources:
        if lacking := DESCRIBED - set(entries.get(name, DESCRIBED)):
            raise ValueError(f"{path}: source {name!r} lacks {', '.join(sorted(lacking))}")
    return entries


def _notice(entries: Mapping[str, Mapping[str, Any]], sources: Sequence[str]) -> str | None:
    """Return the NOTICE on the sources in the manifest; None if the manifest has none of them."""
    unknown = unknown_sources(sources, entries)
    if len(unknown) == len(sources):
        return None
    text = notice({"sources": list(entries.values())}, set(sources) - set(unknown))
    if unknown:
        text += f"\nThe licences of other texts are unknown: {', '.join(unknown)}.\n"
    return text


def _read_run(run: Path, options: ReleaseOptions) -> tuple[TrainArgs, dict[str, Any]]:
    """Return the settings of a finished run and the facts about its training."""
    args = load_args(TrainArgs, [f"config={run / RUN_CONFIG_FILE}"])
    if not (run / "model").is_dir():
        raise ValueError(f"{run / 'model'} does not exist: the run is not finished")
    if args.blt is not None and options.max_patch_length is not None:
        raise ValueError(
            "--max-patch-length: is for an entropy model; a BLT keeps what it was trained with"
        )
    if args.blt is None and options.entropy_model is not None:
        raise ValueError("--entropy-model: an entropy model needs no other")
    _read_beside(args, options.beside)
    if options.entropy_model is not None:
        args = args.model_copy(update={"patcher_model": options.entropy_model})
    lines = [line for line in read_metrics(run / METRICS_FILE) if "bytes" in line]
    if not lines:
        raise ValueError(f"{run / METRICS_FILE} has no line with the bytes of the training")
    start = None if args.init_from is None else releasing.start_of(args)
    sources = {*args.data.used_sources(), *(start["sources"] if start else ())}
    return args, {
        "steps": lines[-1]["step"],
        "bytes": lines[-1]["bytes"],
        "sources": sorted(sources),
        "start": start,
    }


def _move(folder: Path, out: Path) -> None:
    """Move complete files to ``out``; older files there without a new version are kept."""
    for path in sorted(folder.iterdir()):
        with os_errors_as_value_error(out / path.name, "written"):
            out.mkdir(exist_ok=True)
            path.replace(out / path.name)
    with os_errors_as_value_error(out / SELF_CONTAINED_FILE, "removed"):
        (out / SELF_CONTAINED_FILE).unlink(missing_ok=True)  # it contains the old weights


def run(options: argparse.Namespace) -> None:
    """Release a run, or write the model card of a released model again.

    Raises:
        ValueError: the run or an option cannot be used, or the system refuses to write.
    """
    words = vars(options)
    folder, out = words.pop("run"), words.pop("out")
    only_card, again = words.pop("card"), words.pop("measure")
    out = out or folder
    settings = ReleaseOptions(**words)
    if again:
        measure_again(folder, settings)
    elif not only_card:
        release(folder, out, settings)
    elif replace(settings, beside=None) != ReleaseOptions():
        raise ValueError("--card: takes --beside alone; nothing is measured anew")
    else:
        write_card(out, beside=settings.beside)
    print(f"wrote {out}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m bytelatent.release", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    defaults, add = ReleaseOptions(), parser.add_argument
    add("run", type=Path, help="dump_dir of a finished run; with --card a released model")
    add("out", type=Path, nargs="?", help="folder to fill; its name is the model's")
    add(
        "--limit",
        type=int,
        default=defaults.limit,
        metavar="BYTES",
        help=f"bytes to measure of each source (default: {defaults.limit})",
    )
    prose = f"bytes to measure of {', '.join(PROSE)} (default: all)"
    add("--prose-limit", type=int, metavar="BYTES", help=prose)
    add(
        "--patch-size",
        type=float,
        default=defaults.patch_size,
        metavar="BYTES",
        help=f"target mean patch size of an entropy model (default: {defaults.patch_size})",
    )
    longest = "longest patch of an entropy model (default: no limit)"
    add("--max-patch-length", type=int, metavar="BYTES", help=longest)
    add(
        "--text-bytes",
        type=int,
        default=defaults.text_bytes,
        metavar="BYTES",
        help=f"bytes of each generated text; 0 for none (default: {defaults.text_bytes})",
    )
    add("--dtype", choices=DTYPES, default=defaults.dtype, help="dtype of the weights in the file")
    entropy_model = "entropy model of a BLT (default: patcher_model of the run)"
    add("--entropy-model", metavar="NAME", help=entropy_model)
    beside = "result of benchmarks/equal_bytes.py for the model card of a BLT"
    add("--beside", type=Path, metavar="FILE", help=beside)
    add("--card", action="store_true", help="write only README.md, from the other files")
    add("--measure", action="store_true", help="measure a released model anew, and write its card")
    options = parser.parse_args(argv)
    if (options.out is None) != (options.card or options.measure):
        parser.error("give RUN and OUT, or a released model and --card or --measure")
    return run_command(run, options, verbose=True)


if __name__ == "__main__":
    sys.exit(main())
