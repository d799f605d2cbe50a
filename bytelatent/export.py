"""``python -m bytelatent.export``: write an entropy model as ONNX, for use without torch.

The graph is :meth:`bytelatent.transformer.LMTransformer.forward_chunk` with attention along the
band, so its cost grows with length x window and a text of any length runs chunk by chunk:

| input                | shape                    | output                 | shape                |
|----------------------|--------------------------|------------------------|----------------------|
| ``tokens``           | ``[B, S]`` int64         | ``logits``             | ``[B, S, V]``        |
| ``keys``, ``values`` | ``[L, B, W, G, E]``      | ``entropies`` (nats)   | ``[B, S]``           |
| ``documents``        | ``[B, W]`` int64         | ``next_keys``, ...     | as the inputs        |

``B`` and ``S`` are free. The state before the first byte is zeros, and ``-1`` for documents.
"""

import argparse
import logging
import sys
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from bytelatent.files import replacing
from bytelatent.patching.entropies import entropy
from bytelatent.transformer import LMState, LMTransformer

ONNX_FILE = "model.onnx"
INPUTS = ("tokens", "keys", "values", "documents")
OUTPUTS = ("logits", "entropies", "next_keys", "next_values", "next_documents")
OPSET = 20

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
        logits, after = self.model.forward_chunk(tokens, state, impl="banded")
        return (logits, entropy(logits), *after)


def export_onnx(model: LMTransformer, path: Path) -> None:
    """Write ``model`` to ``path``, checked against torch before it takes that name.

    Raises:
        ValueError: the model has no window, or the graph does not reproduce the model.
    """
    model = model.eval().float()
    rows, length = 2, 300
    tokens = torch.randint(0, model.args.vocab_size, (rows, length))
    example = (tokens, *model.initial_state(rows))
    row, byte = torch.export.Dim("rows"), torch.export.Dim("bytes")
    state_rows = ({1: row}, {1: row}, {0: row})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own internals
        program = torch.onnx.export(
            ChunkGraph(model).eval(),
            example,
            dynamo=True,
            input_names=INPUTS,
            output_names=OUTPUTS,
            dynamic_shapes=({0: row, 1: byte}, *state_rows),
            opset_version=OPSET,
            optimize=True,
            verbose=False,
        )
    assert program is not None
    with replacing(path) as temporary:
        program.save(str(temporary), include_initializers=True, external_data=False)
        _compare(model, temporary)


@torch.inference_mode()
def _compare(model: LMTransformer, path: Path, tolerance: float = 1e-4) -> None:
    """Entropies of the file and of torch must agree, at another shape than the example's."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    tokens = torch.randint(0, model.args.vocab_size, (1, 777))
    inputs = (tokens, *model.initial_state(1))
    feed = {name: tensor.numpy() for name, tensor in zip(INPUTS, inputs, strict=True)}
    found = torch.from_numpy(session.run(["entropies"], feed)[0])
    worst = float((found - entropy(model(tokens))).abs().max())
    if worst > tolerance:
        raise ValueError(f"the exported graph differs from the model by {worst:.2e} nats")
    logger.info("torch and onnxruntime agree within %.1e nats", worst)


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
