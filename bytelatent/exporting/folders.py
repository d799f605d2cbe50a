"""Graphs beside the weights of a model, checked against torch before they take their names."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch

from bytelatent.exporting.models import blt_graphs, blt_shape, entropy_graph, entropy_shape
from bytelatent.exporting.onnx_graph import Graph
from bytelatent.files import replacing
from bytelatent.formats.safetensors_header import StoredTensors
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.patching.entropies import entropy
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.patching.rules import PatchingMode
from bytelatent.runtime.entropy_graph import EntropyGraph
from bytelatent.runtime.model_files import load_graph
from bytelatent.runtime.onnx_format import (
    DECODER_GRAPH,
    ENCODER_GRAPH,
    ENTROPY_GRAPH,
    GLOBAL_GRAPH,
    GRAPH_KEY,
    SELF_CONTAINED_FILE,
    SHAPE_KEY,
    WEIGHTS_FILE,
    WEIGHTS_KEY,
    BltShape,
    EntropyShape,
)
from bytelatent.runtime.runtime_rows import Seen
from bytelatent.runtime.steps import Sessions, StepModel
from bytelatent.transformer import LMTransformer

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
"""What weights may be stored in."""

TOLERANCE = 1e-4
"""Of logits, as a share of the largest; nats of entropies."""

CHECKED = 300
"""Random bytes that torch and the graphs are compared on, besides a window."""

PATCH_SIZE = 5


def export_blt(model: ByteLatentTransformer, folder: Path) -> list[Path]:
    """Write the graphs of a BLT beside its ``model.safetensors``.

    Args:
        model: what the file holds, in single precision.
        folder: where the file is.

    Raises:
        ValueError: the file is missing or of another model, the model cannot generate, or the
            graphs do not reproduce it.
    """
    stored, shape = StoredTensors.read(folder / WEIGHTS_FILE), blt_shape(model.args)
    graphs = blt_graphs(model.args, stored)
    return _write(graphs, shape, folder, lambda paths: _compare_blt(model, shape, paths))


def export_entropy(model: LMTransformer, folder: Path) -> Path:
    """Write the graph of an entropy model beside its ``model.safetensors``.

    Args:
        model: what the file holds, in single precision.
        folder: where the file is.

    Raises:
        ValueError: as :func:`export_blt`.
    """
    stored, shape = StoredTensors.read(folder / WEIGHTS_FILE), entropy_shape(model.args)
    graphs = {ENTROPY_GRAPH: entropy_graph(model.args, stored)}
    (path,) = _write(graphs, shape, folder, lambda paths: _compare_entropy(model, shape, paths))
    # Of an earlier version, with weights of its own, which need not be those beside it any more.
    (folder / SELF_CONTAINED_FILE).unlink(missing_ok=True)
    return path


def _write(
    graphs: Mapping[str, Graph],
    shape: BltShape | EntropyShape,
    folder: Path,
    compare: Callable[[Mapping[str, Path]], None],
) -> list[Path]:
    """Write all graphs, or none if ``compare`` objects."""
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
    expected = model(tokens_1S, patcher.build().patch(tokens_1S)[0])[0]
    found = torch.cat([torch.from_numpy(logits_SV) for logits_SV in seen.logits])
    worst = float((found - expected).abs().max())
    if not worst <= TOLERANCE * max(1.0, float(expected.abs().max())):
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
    """More than a window of them; of the special ids none, which would begin another document."""
    random = torch.Generator().manual_seed(0)
    found: list[int] = torch.randint(
        min(4, vocab_size - 1), vocab_size, (window + CHECKED,), generator=random
    ).tolist()
    return found
