"""``python -m bytelatent.release RUN OUT``: make a model folder that can be shipped from a run.

``OUT`` gets the weights (``config.json``, ``model.safetensors``), its graphs for onnxruntime
(:mod:`bytelatent.export`), ``train_args.json`` with the threshold, ``calibration.json``, the run's
``metrics.jsonl``, ``evaluation.json`` (bits per byte and patches on text it never saw), ``NOTICE``
(whose text it learned from) and ``README.md``, the model card. All of it is measured or read off
the run, and nothing is moved to ``OUT`` before everything is made.

An entropy model gets a new threshold for ``--patch-size``; a BLT keeps the one it was trained with.
"""

import argparse
import logging
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from bytelatent import calibration
from bytelatent.args import TrainArgs
from bytelatent.cards import PROSE, Release, card
from bytelatent.config import load_args
from bytelatent.data.held_out import HeldOut, held_out, source_names
from bytelatent.data.notice import notice
from bytelatent.evaluation import SourceScore, as_dict, describe, evaluate
from bytelatent.export import ONNX_FILE, export_onnx
from bytelatent.exporting.folders import export_blt, export_entropy
from bytelatent.files import naming, read_json, replacing, write_json, write_text
from bytelatent.loading import TextModel, kind_of, load_text_model, read_settings, write_settings
from bytelatent.metrics import read_metrics
from bytelatent.patching.calibrate import CALIBRATED
from bytelatent.storage import model_folder
from bytelatent.transformer import LMTransformer

logger = logging.getLogger(__name__)

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}

LIMIT = 12_000
"""Bytes of each source that are measured; with some forty sources two minutes on two cores."""

CALIBRATION_LIMIT = 4_000
"""Bytes of each source that the threshold is found on."""


@dataclass(frozen=True)
class Options:
    """How to release.

    Attributes:
        limit: bytes of each source to measure; those of :data:`PROSE` are measured whole.
        prose_limit: bytes of those; all when None.
        patch_size: wanted bytes per patch of an entropy model.
        dtype: of the weights in the file.
        entropy_model: name of the one that ships beside a BLT, if it is not the run's.
    """

    limit: int = LIMIT
    prose_limit: int | None = None
    patch_size: float = calibration.PATCH_SIZE
    dtype: str = "fp32"
    entropy_model: str | None = None

    def __post_init__(self) -> None:
        for name in ("limit", "prose_limit"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"--{name.replace('_', '-')}: {value} is not 1 or more bytes")


def release(run: Path, out: Path, options: Options | None = None) -> None:
    """Fill ``out`` from ``run``.

    Raises:
        ValueError: the run is not finished, the corpus it names is not there, or an option does
            not fit the model.
    """
    options = options or Options()
    args, training = _read_run(run, options)
    manifest = read_json(args.data.root_dir / "manifest.json")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as name:
        folder = Path(name)
        kind = kind_of(run / "model")
        kind.from_pretrained(run / "model", dtype=DTYPES[options.dtype]).save_pretrained(folder)
        write_settings(folder, args, training=training)
        with replacing(folder / "metrics.jsonl") as temporary:
            shutil.copyfile(run / "metrics.jsonl", temporary)
        write_text(folder / "NOTICE", notice(manifest, training["sources"]))
        calibrated = _calibrate(folder, args, options)
        text_model = load_text_model(str(folder))
        if isinstance(text_model.model, LMTransformer):
            export_onnx(text_model.model, folder / ONNX_FILE)
            export_entropy(text_model.model, folder)
        else:
            export_blt(text_model.model, folder)
        scores = _measure(text_model, args, options)
        about = {**describe(text_model), "model": args.name, "split": "test"}
        write_json(folder / "evaluation.json", about | as_dict(scores))
        text = card(
            Release(
                args=args,
                out=out,
                text_model=text_model,
                scores=scores,
                manifest=manifest,
                metrics=read_metrics(run / "metrics.jsonl"),
                training=training,
                entropy_training=None if args.blt is None else _entropy_training(text_model),
                calibration=calibrated,
                dtype=options.dtype,
                files=[path.name for path in folder.iterdir()],
            )
        )
        write_text(folder / "README.md", text)
        _move(folder, out)


def _read_run(run: Path, options: Options) -> tuple[TrainArgs, dict[str, Any]]:
    """The args of a finished run, and what is said about its training."""
    args = load_args(TrainArgs, [f"config={run / 'config.yaml'}"])
    if not (run / "model").is_dir():
        raise ValueError(f"{run / 'model'} does not exist: the run is not finished")
    if args.blt is None and options.dtype != "fp32":
        raise ValueError(f"--dtype: {options.dtype} is for a BLT; an entropy model stays in fp32")
    if args.blt is None and options.entropy_model is not None:
        raise ValueError("--entropy-model: an entropy model needs no other")
    if options.entropy_model is not None:
        args = args.model_copy(update={"patcher_model": options.entropy_model})
    lines = [line for line in read_metrics(run / "metrics.jsonl") if "bytes" in line]
    if not lines:
        raise ValueError(f"{run / 'metrics.jsonl'} has no line with the bytes of the training")
    start = None if args.init_from is None else _start(args)
    sources = {*args.data.used_sources(), *(start["sources"] if start else ())}
    return args, {
        "steps": lines[-1]["step"],
        "bytes": lines[-1]["bytes"],
        "sources": sorted(sources),
        "start": start,
    }


def _start(args: TrainArgs) -> dict[str, Any]:
    """What is known of the training of the model that a run began with."""
    assert args.init_from is not None
    folder = model_folder(args.init_from)
    settings = read_settings(folder)
    found = settings.get("training")
    if found and settings.get("dump_dir") == str(args.dump_dir):
        # This very run has been released under the name of the model that it began with.
        start: dict[str, Any] | None = found["start"]
        if start is not None:
            return start
    return {"name": args.init_from, **(found or trained(folder))}


def trained(folder: Path) -> dict[str, Any]:
    """Steps, bytes and sources of the training of a model, as far as its folder knows."""
    settings = read_settings(folder)
    if isinstance(settings.get("training"), dict):
        return dict(settings["training"])
    # The model folder of a run lies beside the curve.
    places = (folder / "metrics.jsonl", folder.parent / "metrics.jsonl")
    path = next((path for path in places if path.is_file()), None)
    lines = [line for line in read_metrics(path) if "bytes" in line] if path else []
    sources = settings.get("data", {}).get("sources") or {}
    return {
        "steps": lines[-1]["step"] if lines else None,
        "bytes": lines[-1]["bytes"] if lines else None,
        "sources": sorted(name for name, weight in sources.items() if weight > 0),
        "start": None,
    }


def _entropy_training(text_model: TextModel) -> dict[str, Any] | None:
    if text_model.entropy_name is None:
        return None
    found = trained(model_folder(text_model.entropy_name))
    return None if found["bytes"] is None else found


def _calibrate(folder: Path, args: TrainArgs, options: Options) -> dict[str, Any] | None:
    """Find the threshold of an entropy model, or only the curve around that of a BLT; write it."""
    text_model = load_text_model(str(folder))
    assert text_model.patcher is not None
    mode, threshold = text_model.patcher.mode, text_model.patcher.args.threshold
    if args.blt is not None and (mode not in CALIBRATED or threshold is None):
        return None
    shares = args.data.used_sources()
    corpus = held_out(
        args.data.root_dir,
        "valid",
        shares,
        limit=CALIBRATION_LIMIT,
        text_key=args.data.text_key,
    )
    result = calibration.calibrate(
        calibration.measure(text_model, corpus, shares),
        options.patch_size,
        mode,
        threshold=None if args.blt is None else threshold,
    )
    found = result["rules"][mode.value]
    logger.info("%.6f nats: %.3f bytes per patch", found["threshold"], found["bytes_per_patch"])
    about = {"model": args.name, "entropy_model": args.patcher_model or args.name}
    if args.blt is None:
        calibration.write(str(folder), about | result)
    else:
        write_json(folder / calibration.CALIBRATION_FILE, about | result, indent=None)
    return result


def _measure(text_model: TextModel, args: TrainArgs, options: Options) -> list[SourceScore]:
    """Bits per byte and patches on test documents of every source of the run, and of the prose."""
    root, key = args.data.root_dir, args.data.text_key
    there = source_names(root / "test")
    wanted: dict[str, int | None] = dict.fromkeys(args.data.used_sources(), options.limit)
    wanted |= {name: options.prose_limit for name in PROSE if name in there}
    corpus: list[HeldOut] = []
    for name, limit in wanted.items():
        if name in there:
            corpus += held_out(root, "test", [name], limit=limit, text_key=key)
        else:
            logger.warning("%s has no test documents and is not measured", name)
    scores = []
    for one in evaluate(text_model, corpus):
        rate, size = one.score.bits_per_byte, one.score.size
        logger.info("%s: %.3f bits per byte on %d bytes", one.source, rate, size)
        scores.append(one)
    return scores


def _move(folder: Path, out: Path) -> None:
    """Put finished files into place; those of before that have no successor stay."""
    for path in sorted(folder.iterdir()):
        with naming(out / path.name, "written"):
            out.mkdir(exist_ok=True)
            path.replace(out / path.name)


def main(argv: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bytelatent.release", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    defaults, add = Options(), parser.add_argument
    add("run", type=Path, help="dump_dir of a finished run")
    add("out", type=Path, help="folder to fill; its name is the model's")
    add(
        "--limit",
        type=int,
        default=defaults.limit,
        metavar="BYTES",
        help=f"of each source to measure (default: {defaults.limit})",
    )
    add("--prose-limit", type=int, metavar="BYTES", help=f"of {', '.join(PROSE)} (default: all)")
    add(
        "--patch-size",
        type=float,
        default=defaults.patch_size,
        metavar="BYTES",
        help=f"wanted of an entropy model (default: {defaults.patch_size})",
    )
    add("--dtype", choices=DTYPES, default=defaults.dtype, help="of the weights of a BLT")
    add("--entropy-model", metavar="NAME", help="of a BLT, if not the run's patcher_model")
    words = vars(parser.parse_args(argv))
    logging.basicConfig(format="%(message)s")
    logging.getLogger("bytelatent").setLevel(logging.INFO)
    run, out = words.pop("run"), words.pop("out")
    try:
        release(run, out, Options(**words))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"wrote {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
