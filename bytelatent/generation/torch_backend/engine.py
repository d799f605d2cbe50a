"""Text generation by torch; :class:`bytelatent.runtime.BltRuntime` generates without torch."""

from typing import cast

from bytelatent.generation.text_generator import TextGenerator
from bytelatent.generation.torch_backend.incremental import Incremental
from bytelatent.generation.torch_backend.matrices import Weights, weights_kind
from bytelatent.generation.torch_backend.recorded import CudaGraphs, Recorded
from bytelatent.generation.torch_backend.rows import TorchRow
from bytelatent.generation.torch_backend.torch_byte_model import TorchModel
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.transformer import LMTransformer


class Engine(TextGenerator[TorchRow]):
    """Text generator by torch: a BLT, its entropy model and its patching rule.

    The weights of the local models and of the entropy model are copied to another layout: create a
    new engine after the weights have changed. Calls are independent of one another.

    Args:
        blt: the model that generates the text.
        entropy_model: entropy model; some patching rules need it.
        patcher_args: the patching rule; a rule that uses later bytes (top-k) is not possible.
        weights: storage of the weights for steps; with fewer bits (``fp16``, ``int8``) single
            precision on a CPU is faster and no longer exact. See
            :func:`bytelatent.generation.torch_backend.matrices.matrix_of`.
        cuda_graphs: whether steps run as CUDA graphs (:class:`.recorded.Recorded`). If None, they
            do on a CUDA device.

    Raises:
        ValueError: these parts cannot generate together, the weights cannot be stored as
            ``weights`` says, or CUDA graphs are chosen for another device.
    """

    model: TorchModel

    def __init__(
        self,
        blt: ByteLatentTransformer,
        entropy_model: LMTransformer | None,
        patcher_args: PatcherArgs,
        *,
        weights: Weights = "native",
        cuda_graphs: bool | None = None,
    ) -> None:
        device = next(blt.parameters()).device
        if cuda_graphs and device.type != "cuda":
            raise ValueError(f"cuda_graphs: the model is on {device.type}, they need CUDA")
        parts = blt, entropy_model, patcher_args, cast(Weights, weights_kind(weights))
        if cuda_graphs or (cuda_graphs is None and device.type == "cuda"):
            steps: Incremental = Recorded(*parts, recorder=CudaGraphs(device))
        else:
            steps = Incremental(*parts)
        super().__init__(TorchModel(steps))
