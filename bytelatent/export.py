"""``python -m bytelatent.export MODEL``: write a model as ONNX, for use without torch.

| model            | file                                     | for                              |
|------------------|------------------------------------------|----------------------------------|
| an entropy model | ``model.onnx``                           | texts: measuring, cutting        |
|                  | ``entropy.onnx``                         | byte by byte, beside a BLT       |
| a BLT            | ``encoder``, ``global``, ``decoder.onnx``| generating, inspecting           |
|                  | ``entropy.onnx`` of its entropy model    | likewise, where it is not yet    |

The files lie in the model's folder; with ``--out FOLDER`` in a new one, with the weights. All but
``model.onnx`` read the weights in ``model.safetensors`` beside them and are small
(:mod:`bytelatent.step_graphs`).

The graph of ``model.onnx`` is :meth:`bytelatent.transformer.LMTransformer.forward_chunk`: it runs a
text of any length chunk by chunk, each as ``N`` blocks of ``C`` bytes that look at themselves and
at the ``P`` bytes before them.

| input                | shape                    | output                 | shape                |
|----------------------|--------------------------|------------------------|----------------------|
| ``tokens``           | ``[B, N, C]`` int64      | ``logits``             | ``[B, N * C, V]``    |
| ``keys``, ``values`` | ``[L, B, P, G, E]``      | ``entropies`` (nats)   | ``[B, N * C]``       |
| ``documents``        | ``[B, P]`` int64         | ``next_keys``, ...     | the last ``W`` bytes |

``B``, ``N``, ``C`` and ``P`` are free: ``P`` is 0 for the first chunk of a text and ``W`` once that
many bytes have been seen (the file's metadata holds it as ``window``). While it is less, a chunk
must be one block; from then on short blocks are best, at a cost of length x (W + C).
"""

import argparse
import logging
import sys
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bytelatent.exporting.folders import export_blt, export_entropy
from bytelatent.files import replacing, write_json
from bytelatent.hf import TRAIN_ARGS_FILE, BltTokenizerAndPatcher
from bytelatent.loading import kind_of, load_text_model, read_settings
from bytelatent.model.attention_band import BandShape
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.model.pretrained import Pretrained
from bytelatent.model.released import MODEL_FILES
from bytelatent.patching.entropies import entropy
from bytelatent.runtime.loading import load_graph
from bytelatent.runtime.sessions import ModelFileError
from bytelatent.step_graphs import ENTROPY_FOLDER, ENTROPY_GRAPH, WEIGHTS_FILE, EntropyShape
from bytelatent.storage import model_folder
from bytelatent.transformer import LMState, LMTransformer

ONNX_FILE = "model.onnx"
INPUTS = ("tokens", "keys", "values", "documents")
OUTPUTS = ("logits", "entropies", "next_keys", "next_values", "next_documents")
OPSET = 20
WINDOW_KEY = "window"
"""Of the file's metadata."""

logger = logging.getLogger(__name__)


class ChunkGraph(nn.Module):
    """One chunk of a text as a function of tensors alone, the form that ONNX can hold."""

    def __init__(self, model: LMTransformer) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, tokens: Tensor, keys: Tensor, values: Tensor, documents: Tensor
    ) -> tuple[Tensor, ...]:
        """Logits, entropies and the next state."""
        state = LMState(keys, values, documents, documents[:, :0])
        rows, blocks, block = tokens.shape
        shape = BandShape(block, blocks, reach=keys.shape[2])
        flat = tokens.reshape(rows, blocks * block)
        logits, after = self.model.forward_chunk(flat, state, shape=shape)
        return (logits, entropy(logits), *after[:3])


def export_onnx(model: LMTransformer, path: Path) -> None:
    """Write ``model`` to ``path``, checked against torch before it takes that name.

    Raises:
        ValueError: the model has no window, or the graph does not reproduce the model.
    """
    if model.args.hashes is not None:
        raise ValueError(f"hashes: {ONNX_FILE} cannot hold hash n-grams; accepted: null")
    model = model.eval().float()
    rows, past = 2, model.args.window or 0
    _, state = model.forward_chunk(_random_tokens(model, rows, past), model.initial_state(rows))
    example = (_random_tokens(model, rows, 3 * 64).reshape(rows, 3, 64), *state[:3])
    row, seen = torch.export.Dim("rows"), torch.export.Dim("past")
    tokens_shape = {0: row, 1: torch.export.Dim("blocks"), 2: torch.export.Dim("block")}
    state_shape = ({1: row, 2: seen}, {1: row, 2: seen}, {0: row, 1: seen})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own internals
        program = torch.onnx.export(
            ChunkGraph(model).eval(),
            example,
            dynamo=True,
            input_names=INPUTS,
            output_names=OUTPUTS,
            dynamic_shapes=(tokens_shape, *state_shape),
            opset_version=OPSET,
            optimize=True,
            verbose=False,
        )
    assert program is not None
    _forget_origin(program.model)
    program.model.metadata_props[WINDOW_KEY] = str(past)
    with replacing(path) as temporary:
        program.save(str(temporary), include_initializers=True, external_data=False)
        _compare(model, temporary)


def _forget_origin(model: Any) -> None:
    """Drop the exporter's notes, which quote source lines and paths of the machine it ran on."""
    model.graph.metadata_props.clear()
    for node in model.graph.all_nodes():
        node.metadata_props.clear()
        for value in node.outputs:
            value.metadata_props.clear()
    for value in (*model.graph.inputs, *model.graph.initializers.values()):
        value.metadata_props.clear()


@torch.inference_mode()
def _compare(model: LMTransformer, path: Path, tolerance: float = 1e-4) -> None:
    """Entropies of the file and of torch must agree, at another shape than the example's."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    tokens = _random_tokens(model, 1, 777)
    inputs = (tokens[:, None], *model.initial_state(1)[:3])
    feed = {name: tensor.numpy() for name, tensor in zip(INPUTS, inputs, strict=True)}
    found = torch.from_numpy(session.run(["entropies"], feed)[0])
    worst = float((found - entropy(model(tokens))).abs().max())
    if worst > tolerance:
        raise ValueError(f"the exported graph differs from the model by {worst:.2e} nats")
    logger.info("torch and onnxruntime agree within %.1e nats", worst)


def _random_tokens(model: LMTransformer, rows: int, size: int) -> Tensor:
    return torch.randint(0, model.args.vocab_size, (rows, size))


def export(name: str, out: Path | None = None) -> list[Path]:
    """Write the graphs of a model of either kind.

    Args:
        name: a folder, a shipped model or a repository in the released layout.
        out: a new folder, which gets the weights too; of an entropy model also a file, which gets
            ``model.onnx``. The model's own folder when left out.

    Raises:
        ValueError: the model is missing, damaged or cannot be exported, or the system refuses.
    """
    folder = model_folder(name, (*MODEL_FILES, TRAIN_ARGS_FILE, f"{ENTROPY_FOLDER}/*"))
    if kind_of(folder) is ByteLatentTransformer:
        return _export_blt(name, folder, out)
    model = LMTransformer.from_pretrained(folder)
    if out is not None and out.suffix == Path(ONNX_FILE).suffix:
        export_onnx(model, out)
        return [out]
    folder = _with_weights(folder, out, model)
    export_onnx(model, folder / ONNX_FILE)
    return [folder / ONNX_FILE, export_entropy(model, folder)]


def _export_blt(name: str, folder: Path, out: Path | None) -> list[Path]:
    given = load_text_model(name)
    assert isinstance(given.model, ByteLatentTransformer)
    lm = given.entropy_model
    below = None if given.entropy_name is None else model_folder(given.entropy_name)
    stored = ByteLatentTransformer.from_pretrained(folder)
    folder = _with_weights(folder, out, stored)
    paths = export_blt(given.model, folder)
    if lm is None or below is None:
        return paths
    if out is not None:
        below = _with_weights(below, out / ENTROPY_FOLDER, lm)
    try:
        load_graph(below / ENTROPY_GRAPH, EntropyShape, threads=1)
    except ModelFileError:  # not there yet, or of another time
        paths.append(export_entropy(lm, below))
    return paths


def _with_weights(folder: Path, out: Path | None, model: Pretrained) -> Path:
    """The folder that graphs go to: that of the model, or ``out`` with all that loading needs."""
    if out is None or (out.is_dir() and folder.resolve() == out.resolve()):
        if not (folder / WEIGHTS_FILE).is_file():
            raise ValueError(
                f"{folder} has no {WEIGHTS_FILE}, which graphs read; give a new folder with --out"
            )
        return folder
    model.save_pretrained(out)
    # It names no entropy model: that lies below now.
    settings = {key: part for key, part in read_settings(folder).items() if key != "patcher_model"}
    if settings:
        write_json(out / TRAIN_ARGS_FILE, settings)
        BltTokenizerAndPatcher.from_pretrained(folder).save_pretrained(out)
    return out


def main(argv: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bytelatent.export", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("model", help="folder, name or repository in the released layout")
    parser.add_argument("--out", type=Path, help="new folder (default: the model's own)")
    options = parser.parse_args(argv)
    logging.basicConfig(format="%(message)s")
    logger.setLevel(logging.INFO)
    try:
        paths = export(options.model, options.out)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for path in paths:
        print(f"wrote {path} ({path.stat().st_size / 1e6:.2f} MB)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
