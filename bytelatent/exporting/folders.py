"""Export of graphs to a model's folder, with a comparison with torch before the files are named."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch

from bytelatent.exporting.models import blt_graphs, blt_shape, entropy_graph, entropy_shape
from bytelatent.exporting.onnx_graph import Graph
from bytelatent.files import replacing
from bytelatent.formats.file_names import WEIGHTS_FILE
from bytelatent.formats.safetensors_header import StoredTensors
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.patching.entropies import entropy
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.patching.rules import PatchingMode
from bytelatent.runtime.entropy_graph import EntropyGraph
from bytelatent.runtime.model_files import load_graph
from bytelatent.runtime.numpy_rows import Seen
from bytelatent.runtime.onnx_format import (
    DECODER_GRAPH,
    ENCODER_GRAPH,
    ENTROPY_GRAPH,
    GLOBAL_GRAPH,
    GRAPH_KEY,
    SELF_CONTAINED_FILE,
    SHAPE_KEY,
    WEIGHTS_KEY,
    BltShape,
    EntropyShape,
)
from bytelatent.runtime.steps import Sessions, StepModel
from bytelatent.transformer import LMTransformer

TOLERANCE = 1e-4
"""Largest difference of logits, as a share of the largest logit, and of entropies in nats."""

CHECKED = 300
"""Number of random bytes, in addition to a window, on which torch and the graphs are compared."""

PATCH_SIZE = 5


def export_blt(model: ByteLatentTransformer, folder: Path) -> list[Path]:
    """Write the graphs of a BLT next to its ``model.safetensors``; return their files.

    Args:
        model: the model in the file, in single precision.
        folder: folder of the file.

    Raises:
        ValueError: the file is missing or of another model, the model cannot generate, or the
            graphs differ from it.
    """
    stored, shape = StoredTensors.read(folder / WEIGHTS_FILE), blt_shape(model.args)
    graphs = blt_graphs(model.args, stored)
    return _write(graphs, shape, folder, lambda paths: _compare_blt(model, shape, paths))


def export_entropy(model: LMTransformer, folder: Path) -> Path:
    """Write the graph of an entropy model next to its ``model.safetensors``; return its file.

    Args:
        model: the model in the file, in single precision.
        folder: folder of the file.

    Raises:
        ValueError: the file is missing or of another model, or the graph differs from the model.
    """
    stored, shape = StoredTensors.read(folder / WEIGHTS_FILE), entropy_shape(model.args)
    graphs = {ENTROPY_GRAPH: entropy_graph(model.args, stored)}
    (path,) = _write(graphs, shape, folder, lambda paths: _compare_entropy(model, shape, paths))
    # An earlier version wrote this file with its own weights, which may now differ.
    (folder / SELF_CONTAINED_FILE).unlink(missing_ok=True)
    return path


def _write(
    graphs: Mapping[str, Graph],
    shape: BltShape | EntropyShape,
    folder: Path,
    compare: Callable[[Mapping[str, Path]], None],
) -> list[Path]:
    """Write all graphs, or none if ``compare`` raises an error."""
    with ExitStack() as stack:
        paths = {name: stack.enter_context(replacing(folder / name)) for name in graphs}
        for name, graph in graphs.items():
            notes = {GRAPH_KEY: name, SHAPE_KEY: shape.model_dump_json()}
            graph.save(paths[name], notes | {WEIGHTS_KEY: graph.stored.fingerprint})
        compare(paths)
    return [folder / name for name in graphs]


@torch.inference_mode()
def _compare_blt(model: ByteLatentTransformer, shape: BltShape, paths: Mapping[str, Path]) -> None:
    encoder, globals_, decoder = (
        load_graph(paths[name], BltShape, threads=1, name=name).session
        for name in (ENCODER_GRAPH, GLOBAL_GRAPH, DECODER_GRAPH)
    )
    size = min(PATCH_SIZE, shape.patch_bytes or PATCH_SIZE)
    patcher = PatcherArgs(patching_mode=PatchingMode.STATIC, patch_size=size)
    steps = StepModel(Sessions(encoder, globals_, decoder, None), shape, None, patcher)
    tokens = _random_tokens(shape.vocab_size, model.args.encoder.window)
    row, seen = steps.begin(), Seen()
    for chunk in steps.chunks(tokens):
        steps.advance(row, chunk, seen)
    tokens_1S = torch.tensor([tokens])
    expected_SV = model(tokens_1S, patcher.build().patch(tokens_1S)[0])[0]
    exported_SV = torch.cat([torch.from_numpy(logits_SV) for logits_SV in seen.logits])
    worst = float((exported_SV - expected_SV).abs().max())
    if not worst <= TOLERANCE * max(1.0, float(expected_SV.abs().max())):
        raise ValueError(f"the exported graphs differ from the model by {worst:.2e} in a logit")


@torch.inference_mode()
def _compare_entropy(model: LMTransformer, shape: EntropyShape, paths: Mapping[str, Path]) -> None:
    path = paths[ENTROPY_GRAPH]
    session = load_graph(path, EntropyShape, threads=1, name=ENTROPY_GRAPH).session
    tokens = _random_tokens(shape.vocab_size, model.args.window or 0)
    _, nats_S = EntropyGraph(session, shape).begin().advance(np.array(tokens))
    expected_S = entropy(model(torch.tensor([tokens])))[0]
    worst = float((torch.from_numpy(nats_S) - expected_S).abs().max())
    if not worst <= TOLERANCE:
        raise ValueError(f"the exported graph differs from the model by {worst:.2e} nats")


def _random_tokens(vocab_size: int, window: int) -> list[int]:
    """Return random tokens, more than a window, without special ids, which could end a document."""
    random = torch.Generator().manual_seed(0)
    tokens: list[int] = torch.randint(
        min(4, vocab_size - 1), vocab_size, (window + CHECKED,), generator=random
    ).tolist()
    return tokens
