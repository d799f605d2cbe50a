"""``python -m bytelatent.export``: write an entropy model as ONNX, for use without torch.

The graph is :meth:`bytelatent.transformer.LMTransformer.forward_chunk`: it runs a text of any
length chunk by chunk, each as ``N`` blocks of ``C`` bytes that look at themselves and at the ``P``
bytes before them.

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

from bytelatent.files import replacing
from bytelatent.model.attention_band import BandShape
from bytelatent.patching.entropies import entropy
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
        state = LMState(keys, values, documents)
        rows, blocks, block = tokens.shape
        shape = BandShape(block, blocks, reach=keys.shape[2])
        flat = tokens.reshape(rows, blocks * block)
        logits, after = self.model.forward_chunk(flat, state, shape=shape)
        return (logits, entropy(logits), *after)


def export_onnx(model: LMTransformer, path: Path) -> None:
    """Write ``model`` to ``path``, checked against torch before it takes that name.

    Raises:
        ValueError: the model has no window, or the graph does not reproduce the model.
    """
    model = model.eval().float()
    rows, past = 2, model.args.window or 0
    _, state = model.forward_chunk(_random_tokens(model, rows, past), model.initial_state(rows))
    example = (_random_tokens(model, rows, 3 * 64).reshape(rows, 3, 64), *state)
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
    inputs = (tokens[:, None], *model.initial_state(1))
    feed = {name: tensor.numpy() for name, tensor in zip(INPUTS, inputs, strict=True)}
    found = torch.from_numpy(session.run(["entropies"], feed)[0])
    worst = float((found - entropy(model(tokens))).abs().max())
    if worst > tolerance:
        raise ValueError(f"the exported graph differs from the model by {worst:.2e} nats")
    logger.info("torch and onnxruntime agree within %.1e nats", worst)


def _random_tokens(model: LMTransformer, rows: int, size: int) -> Tensor:
    return torch.randint(0, model.args.vocab_size, (rows, size))


def main(argv: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bytelatent.export", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("model", help="folder or repository in the released layout")
    parser.add_argument("--out", type=Path, help=f"file to write (default: MODEL/{ONNX_FILE})")
    options = parser.parse_args(argv)
    logging.basicConfig(format="%(message)s")
    logger.setLevel(logging.INFO)
    try:
        model = LMTransformer.from_pretrained(options.model)
        path = options.out or Path(options.model) / ONNX_FILE
        export_onnx(model, path)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"wrote {path} ({path.stat().st_size / 1e6:.1f} MB)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
