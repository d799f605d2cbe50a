"""Text from prompts by torch; :class:`bytelatent.runtime.BltRuntime` is its twin without torch."""

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
    """Generates with a BLT, the entropy model that cuts its patches, and their rule.

    The weights of the local models and of the entropy model are laid out anew here: make another
    engine when they have changed. Calls do not disturb one another.

    Args:
        blt: makes the text.
        entropy_model: needed by some patching rules.
        patcher_args: the rule; one that looks at later bytes (top-k) cannot be used.
        weights: how they are kept for steps; in fewer bits (``fp16``, ``int8``) single precision on
            a CPU is faster and no longer exact. See
            :func:`bytelatent.generation.torch_backend.matrices.matrix_of`.
        cuda_graphs: whether steps are recorded and run again (:class:`.recorded.Recorded`); where
            left out, on a GPU of CUDA.

    Raises:
        ValueError: these cannot generate together, weights cannot be kept that way, or CUDA graphs
            are asked for on another device.
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
        """The tokens of all rows as they come; rows take turns.

        A row's text does not depend on the rows beside it: to greedy and to seeded sampling a batch
        gives what its prompts get alone.

        Args:
            prompts: bytes that texts go on from; may be empty and need not be UTF-8.
            max_bytes: tokens of a row at most.
            sampling: how a token is chosen; greedy when left out.
            stop: a row ends in front of the first of these strings.
            speculate: tokens to draft in one go (:mod:`bytelatent.generation.speculative`), or
                ``auto`` to follow how many of them stay; windows shorter than that set a limit too.
                Greedy text is the same with and without; sampled text has the same distribution,
                but a seed gives another one.

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
        """The whole text of every row; see :meth:`stream`."""
        options = Options(max_bytes, sampling or SamplingArgs(), tuple(stop), speculate)
        return Run(self.model, prompts, options).whole()
