"""``python -m bytelatent.export MODEL``: write a model as ONNX, for use without torch.

| model         | file                                      | purpose                            |
|---------------|-------------------------------------------|------------------------------------|
| entropy model | ``entropy.onnx``                          | measuring entropies, cutting texts |
| BLT           | ``encoder``, ``global``, ``decoder.onnx`` | generating, inspecting             |
| BLT           | ``entropy.onnx`` of its entropy model, if | cutting patches while generating   |
|               | that model has none yet                   |                                    |

The files are written to the folder of the model. With ``--out FOLDER`` they are written to a new
folder together with the weights, which ``--dtype`` stores in fewer bits. ONNX graphs contain no
weights: they read ``model.safetensors`` in the same folder, so they are small
(:mod:`bytelatent.runtime.onnx_format`).
"""

import argparse
import logging
import sys
from pathlib import Path
from typing import TypeVar

import torch

from bytelatent.command import run_command
from bytelatent.exporting.folders import export_blt, export_entropy
from bytelatent.files import write_json
from bytelatent.formats.file_names import (
    ENTROPY_FOLDER,
    MODEL_FILES,
    MODEL_NEEDS,
    TRAIN_ARGS_FILE,
    WEIGHTS_FILE,
)
from bytelatent.formats.find import model_folder
from bytelatent.formats.pretrained import Pretrained
from bytelatent.formats.train_args import BltTokenizerAndPatcher
from bytelatent.formats.weights import DTYPES
from bytelatent.loading import kind_of, load_text_model, read_settings
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.runtime.model_files import load_graph
from bytelatent.runtime.onnx_format import ENTROPY_GRAPH, EntropyShape
from bytelatent.runtime.sessions import ModelFileError
from bytelatent.transformer import LMTransformer

logger = logging.getLogger(__name__)

Model = TypeVar("Model", bound=Pretrained)


def export(name: str, out: Path | None = None, dtype: str | None = None) -> list[Path]:
    """Write the ONNX graphs of an entropy model or of a BLT and return their paths.

    Args:
        name: a folder, a shipped model or a repository in the released layout.
        out: new folder for the graphs and the weights; the folder of the model when None.
        dtype: dtype of the weights in the new folder, ``fp32``, ``bf16`` or ``fp16``; the stored
            dtype when None.

    Raises:
        ValueError: the model is missing, damaged or cannot be exported, the system refuses to
            write, or ``dtype`` is unknown or passed without a new folder.
    """
    if dtype is not None and dtype not in DTYPES:
        raise ValueError(f"dtype: {dtype!r} is unknown; accepted: {', '.join(DTYPES)}")
    if dtype is not None and out is None:
        raise ValueError("--dtype: converts the weights of a new folder; give one with --out")
    if out is not None and out.suffix == ".onnx":
        raise ValueError(f"--out: {out} is no folder; a graph needs the weights beside it")
    stored_as = None if dtype is None else DTYPES[dtype]
    files = (*MODEL_FILES, TRAIN_ARGS_FILE, f"{ENTROPY_FOLDER}/*")
    folder = model_folder(name, files, needed=MODEL_NEEDS)
    if kind_of(folder) is ByteLatentTransformer:
        return _export_blt(name, folder, out, stored_as)
    folder = _with_weights(folder, out, LMTransformer, stored_as)
    return [export_entropy(_computing(LMTransformer, folder), folder)]


def _export_blt(name: str, folder: Path, out: Path | None, dtype: torch.dtype | None) -> list[Path]:
    entropy_name = load_text_model(name).entropy_name
    entropy_folder = None if entropy_name is None else model_folder(entropy_name)
    folder = _with_weights(folder, out, ByteLatentTransformer, dtype)
    paths = export_blt(_computing(ByteLatentTransformer, folder), folder)
    if entropy_folder is None:
        return paths
    if out is not None:
        entropy_folder = _with_weights(entropy_folder, out / ENTROPY_FOLDER, LMTransformer, dtype)
    try:
        load_graph(entropy_folder / ENTROPY_GRAPH, EntropyShape, threads=1)
    except ModelFileError:  # the graph is missing or of an older format
        paths.append(export_entropy(_computing(LMTransformer, entropy_folder), entropy_folder))
    return paths


def _computing(kind: type[Model], folder: Path) -> Model:
    """Load the model in ``folder`` in single precision, the precision in which graphs compute."""
    return kind.from_pretrained(folder, dtype=torch.float32)


def _with_weights(
    folder: Path, out: Path | None, kind: type[Pretrained], dtype: torch.dtype | None
) -> Path:
    """Return the folder for the graphs: that of the model, or ``out`` with all files of a model."""
    if out is None or (dtype is None and out.is_dir() and folder.resolve() == out.resolve()):
        if not (folder / WEIGHTS_FILE).is_file():
            raise ValueError(
                f"{folder} has no {WEIGHTS_FILE}, which graphs read; give a new folder with --out"
            )
        return folder
    if out.is_dir() and folder.resolve() == out.resolve():
        raise ValueError(f"--dtype: converts the weights of a new folder; {out} is the model's own")
    kind.from_pretrained(folder, dtype=dtype).save_pretrained(out)
    # The new settings name no entropy model: it is in a subfolder now.
    settings = {key: part for key, part in read_settings(folder).items() if key != "patcher_model"}
    if settings:
        write_json(out / TRAIN_ARGS_FILE, settings)
        BltTokenizerAndPatcher.from_pretrained(folder).save_pretrained(out)
    return out


def run(options: argparse.Namespace) -> None:
    """Export a model and print the paths of the written files.

    Raises:
        ValueError: the model cannot be exported, or an option is wrong.
    """
    for path in export(options.model, options.out, options.dtype):
        print(f"wrote {path} ({path.stat().st_size / 1e6:.2f} MB)")


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m bytelatent.export", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("model", help="folder, name or repository in the released layout")
    parser.add_argument("--out", type=Path, help="new folder (default: the model's own)")
    parser.add_argument(
        "--dtype", choices=DTYPES, help="dtype of the weights in the new folder (default: stored)"
    )
    return run_command(run, parser.parse_args(argv), verbose=True)


if __name__ == "__main__":
    sys.exit(main())
