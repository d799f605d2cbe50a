"""``python -m bytelatent.export MODEL``: write a model as ONNX, for use without torch.

| model            | file                                     | for                              |
|------------------|------------------------------------------|----------------------------------|
| an entropy model | ``entropy.onnx``                         | texts: measuring, cutting; byte  |
|                  |                                          | by byte beside a BLT             |
| a BLT            | ``encoder``, ``global``, ``decoder.onnx``| generating, inspecting           |
|                  | ``entropy.onnx`` of its entropy model    | likewise, where it is not yet    |

The files lie in the model's folder; with ``--out FOLDER`` in a new one, with the weights, which
``--dtype`` stores in fewer bits. Graphs hold no weights but read those in ``model.safetensors``
beside them, and are small (:mod:`bytelatent.runtime.onnx_format`).
"""

import argparse
import logging
import sys
from pathlib import Path
from typing import TypeVar

import torch

from bytelatent.command import run_command
from bytelatent.exporting.folders import DTYPES, export_blt, export_entropy
from bytelatent.files import write_json
from bytelatent.formats.find import model_folder
from bytelatent.formats.pretrained import Pretrained
from bytelatent.formats.released import MODEL_FILES
from bytelatent.formats.train_args import TRAIN_ARGS_FILE, BltTokenizerAndPatcher
from bytelatent.loading import kind_of, load_text_model, read_settings
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.runtime.model_files import load_graph
from bytelatent.runtime.onnx_format import ENTROPY_FOLDER, ENTROPY_GRAPH, WEIGHTS_FILE, EntropyShape
from bytelatent.runtime.sessions import ModelFileError
from bytelatent.transformer import LMTransformer

logger = logging.getLogger(__name__)

Model = TypeVar("Model", bound=Pretrained)


def export(name: str, out: Path | None = None, dtype: str | None = None) -> list[Path]:
    """Write the graphs of a model of either kind.

    Args:
        name: a folder, a shipped model or a repository in the released layout.
        out: a new folder, which gets the weights too. The model's own when left out.
        dtype: of the weights in the new folder: ``fp32``, ``bf16`` or ``fp16``; as they are when
            left out.

    Raises:
        ValueError: the model is missing, damaged or cannot be exported, the system refuses, or
            weights are to be converted where they are.
    """
    if dtype is not None and dtype not in DTYPES:
        raise ValueError(f"dtype: {dtype!r} is unknown; accepted: {', '.join(DTYPES)}")
    if dtype is not None and out is None:
        raise ValueError("--dtype: converts the weights of a new folder; give one with --out")
    if out is not None and out.suffix == ".onnx":
        raise ValueError(f"--out: {out} is no folder; a graph needs the weights beside it")
    stored_as = None if dtype is None else DTYPES[dtype]
    folder = model_folder(name, (*MODEL_FILES, TRAIN_ARGS_FILE, f"{ENTROPY_FOLDER}/*"))
    if kind_of(folder) is ByteLatentTransformer:
        return _export_blt(name, folder, out, stored_as)
    folder = _with_weights(folder, out, LMTransformer, stored_as)
    return [export_entropy(_computing(LMTransformer, folder), folder)]


def _export_blt(name: str, folder: Path, out: Path | None, dtype: torch.dtype | None) -> list[Path]:
    given = load_text_model(name)
    below = None if given.entropy_name is None else model_folder(given.entropy_name)
    folder = _with_weights(folder, out, ByteLatentTransformer, dtype)
    paths = export_blt(_computing(ByteLatentTransformer, folder), folder)
    if below is None:
        return paths
    if out is not None:
        below = _with_weights(below, out / ENTROPY_FOLDER, LMTransformer, dtype)
    try:
        load_graph(below / ENTROPY_GRAPH, EntropyShape, threads=1)
    except ModelFileError:  # not there yet, or of another time
        paths.append(export_entropy(_computing(LMTransformer, below), below))
    return paths


def _computing(kind: type[Model], folder: Path) -> Model:
    """The model in ``folder`` as graphs compute it: in single precision, of the stored weights."""
    return kind.from_pretrained(folder, dtype=torch.float32)


def _with_weights(
    folder: Path, out: Path | None, kind: type[Pretrained], dtype: torch.dtype | None
) -> Path:
    """The folder that graphs go to: that of the model, or ``out`` with all that loading needs."""
    if out is None or (dtype is None and out.is_dir() and folder.resolve() == out.resolve()):
        if not (folder / WEIGHTS_FILE).is_file():
            raise ValueError(
                f"{folder} has no {WEIGHTS_FILE}, which graphs read; give a new folder with --out"
            )
        return folder
    if out.is_dir() and folder.resolve() == out.resolve():
        raise ValueError(f"--dtype: converts the weights of a new folder; {out} is the model's own")
    kind.from_pretrained(folder, dtype=dtype).save_pretrained(out)
    # It names no entropy model: that lies below now.
    settings = {key: part for key, part in read_settings(folder).items() if key != "patcher_model"}
    if settings:
        write_json(out / TRAIN_ARGS_FILE, settings)
        BltTokenizerAndPatcher.from_pretrained(folder).save_pretrained(out)
    return out


def run(options: argparse.Namespace) -> None:
    """Export a model and print which files were written.

    Raises:
        ValueError: see :func:`export`.
    """
    for path in export(options.model, options.out, options.dtype):
        print(f"wrote {path} ({path.stat().st_size / 1e6:.2f} MB)")


def main(argv: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bytelatent.export", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("model", help="folder, name or repository in the released layout")
    parser.add_argument("--out", type=Path, help="new folder (default: the model's own)")
    parser.add_argument(
        "--dtype", choices=DTYPES, help="of the weights in the new folder (default: as they are)"
    )
    return run_command(run, parser.parse_args(argv), verbose=True)


if __name__ == "__main__":
    sys.exit(main())
