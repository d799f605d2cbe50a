"""Text generation by torch; :class:`bytelatent.runtime.BltRuntime` generates without torch."""

from collections.abc import Iterator, Sequence
from typing import cast

from bytelatent.generation.events import Event, Generated
from bytelatent.generation.run import MAX_BYTES, Options, Run, Speculate
from bytelatent.generation.sampling import SamplingArgs
from bytelatent.generation.torch_backend.incremental import Incremental
from bytelatent.generation.torch_backend.matrices import Weights, weights_kind
from bytelatent.generation.torch_backend.recorded import CudaGraphs, Recorded
from bytelatent.generation.torch_backend.torch_byte_model import TorchModel
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.transformer import LMTransformer


class Engine:
    """Text generator: a BLT, the entropy model that it needs for patching, and the patching rule.

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
            self.model = TorchModel(Recorded(*parts, recorder=CudaGraphs(device)))
        else:
            self.model = TorchModel(Incremental(*parts))

    def stream(
        self,
        prompts: Sequence[bytes],
        *,
        max_bytes: int = MAX_BYTES,
        sampling: SamplingArgs | None = None,
        stop: Sequence[bytes] = (),
        speculate: Speculate = None,
    ) -> Iterator[Event]:
        """Yield the tokens of all rows as they are generated; the rows alternate.

        The text of a row does not depend on the other rows: with greedy and with seeded sampling, a
        prompt gets the same text alone and in a batch.

        Args:
            prompts: bytes that each text continues; may be empty and need not be UTF-8.
            max_bytes: largest number of tokens of a row.
            sampling: how a token is chosen; greedy if None.
            stop: strings; a row ends before the first of them that it generates.
            speculate: number of tokens to draft at once (:mod:`bytelatent.generation.speculative`),
                or ``auto`` to adapt it to how many are accepted; a shorter window is also a limit.
                Greedy text does not change. Sampled text keeps its distribution, but a seed gives
                another text.

        Raises:
            ValueError: a number is out of range or a stop string is empty.
        """
        options = Options(max_bytes, sampling or SamplingArgs(), tuple(stop), speculate)
        return iter(Run(self.model, prompts, options))

    def generate(
        self,
        prompts: Sequence[bytes],
        *,
        max_bytes: int = MAX_BYTES,
        sampling: SamplingArgs | None = None,
        stop: Sequence[bytes] = (),
        speculate: Speculate = None,
    ) -> list[Generated]:
        """Return the whole text of every row; the arguments are those of :meth:`stream`."""
        options = Options(max_bytes, sampling or SamplingArgs(), tuple(stop), speculate)
        return Run(self.model, prompts, options).whole()
