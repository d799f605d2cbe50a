"""The exported entropy model: entropies and predictions of the next byte for texts of any length.

Legend: ``N`` bytes of a text, ``S = N + 1`` tokens (BOS first), ``V`` vocabulary.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from bytelatent.files import read_json
from bytelatent.formats.file_names import TRAIN_ARGS_FILE
from bytelatent.formats.find import local_folder
from bytelatent.metrics import bits_per_byte
from bytelatent.patching.patcher import DEFAULT_THRESHOLD
from bytelatent.runtime.ahead import Ahead
from bytelatent.runtime.entropy_graph import EntropyGraph, Reading
from bytelatent.runtime.model_files import load_graph, model_name
from bytelatent.runtime.onnx_format import ENTROPY_GRAPH, SELF_CONTAINED_FILE, EntropyShape
from bytelatent.runtime.prefixes import KEPT_TOP, Known, Output, Prefixes, chunk_keys
from bytelatent.runtime.scores import log_softmax
from bytelatent.runtime.self_contained import SelfContained
from bytelatent.runtime.sessions import ModelFileError
from bytelatent.tokenizers.blt_tokenizer import BltTokenizer
from bytelatent.tokenizers.constants import VOCAB_SIZE

DEFAULT_CHUNK = 128
"""Number of bytes of one call; it limits memory and does not change results."""

_ENCODE = BltTokenizer(add_bos=True, add_eos=False).encode_bytes


@dataclass(frozen=True)
class ByteAnalysis:
    """Outputs of the entropy model for a text of ``N`` bytes; ``S = N + 1``.

    In the analysis of a part of a text, ``nats`` has a value for the byte after the part too, if
    there is one.

    Attributes:
        tokens: token ids ``[S]``, BOS first.
        entropies: entropies in nats ``[S]``; ``entropies[i]`` belongs to the prediction of token
            ``i + 1``, so the last one belongs to the byte that would come next.
        nats: surprisal ``-ln p`` of every byte in nats, ``[N]``.
        top_ids, top_probabilities: most likely next tokens and their probabilities, ``[S, k]``, in
            descending order.
    """

    tokens: NDArray[np.int64]
    entropies: NDArray[np.float32]
    nats: NDArray[np.float32]
    top_ids: NDArray[np.int64]
    top_probabilities: NDArray[np.float32]

    @classmethod
    def joined(cls, parts: Sequence["ByteAnalysis"]) -> "ByteAnalysis":
        """Return the analysis of a text from those of its parts, in order; there must be one."""
        names = (field.name for field in fields(cls))
        return cls(**{n: np.concatenate([getattr(part, n) for part in parts]) for n in names})

    @property
    def bits_per_byte(self) -> float | None:
        """Cross-entropy in bits per byte; None for an empty text."""
        size = len(self.nats)
        return bits_per_byte(float(self.nats.sum(dtype=np.float64)), size) if size else None


class ByteAnalyser(Protocol):
    """Interface of :class:`EntropyRuntime` for modules that measure a text with any byte model.

    Attributes:
        name: name of the model.
        threshold: entropy in nats above which a byte starts a patch.
        max_patch_length: largest number of bytes of a patch; None for no limit.
    """

    name: str
    threshold: float
    max_patch_length: int | None

    def analyse(self, data: bytes, *, top_k: int = 0) -> ByteAnalysis:
        """Return entropies, surprisals and the ``top_k`` most probable next tokens."""
        ...


class EntropyRuntime:
    """An exported entropy model with the threshold for patches.

    Args:
        model: the loaded graph.
        name: name of the model.
        threshold: calibrated entropy threshold in nats.
        max_patch_length: largest number of bytes of a patch, longer patches are split; None for no
            limit.
        prefixes: cache for the beginnings of recent texts; None for no cache.
    """

    def __init__(
        self,
        model: EntropyGraph | SelfContained,
        *,
        name: str,
        threshold: float,
        max_patch_length: int | None = None,
        prefixes: Prefixes | None = None,
    ) -> None:
        self.model, self.name, self.threshold = model, name, threshold
        self.max_patch_length, self._prefixes = max_patch_length, prefixes
        self.reach = model.reach
        """Largest number of bytes before a position that its entropy may depend on."""

    @classmethod
    def load(
        cls, folder: str | Path, *, threads: int = 2, prefixes: Prefixes | None = None
    ) -> Self:
        """Load the graph in ``folder``, and the patching rule in ``folder/train_args.json``.

        The graph is ``entropy.onnx``, which uses ``model.safetensors`` in the same folder. Folders
        of earlier versions may instead contain a ``model.onnx`` with the weights.

        Args:
            folder: folder to which :mod:`bytelatent.export` has written the model, or the name of
                a shipped model.
            threads: number of cores that one text may use.
            prefixes: cache for the beginnings of recent texts; None for no cache.

        Raises:
            ModelFileError: a file is missing, damaged or of another kind.
        """
        folder = local_folder(folder)
        model = _load_model(folder, threads)
        threshold, longest = _patcher(folder)
        return cls(
            model,
            name=model_name(folder),
            threshold=threshold,
            max_patch_length=longest,
            prefixes=prefixes,
        )

    def analyse(
        self,
        data: bytes,
        *,
        top_k: int = 0,
        chunk: int = DEFAULT_CHUNK,
        between: Callable[[], None] | None = None,
        cores: int = 1,
    ) -> ByteAnalysis:
        """Return entropies, surprisals and predictions for any bytes, valid UTF-8 or not.

        Args:
            data: the text, ``N`` bytes; may be empty.
            top_k: number of most likely next tokens to return for every position.
            chunk: number of bytes of one call.
            between: function that is called before each chunk, in any thread; an exception in it
                ends the analysis.
            cores: number of cores for a long text, 1 or 2. With 2, a second thread measures its
                second half, :attr:`.EntropyGraph.reach` bytes of which are measured twice.
        """
        parts = self.analyse_parts(data, top_k=top_k, chunk=chunk, between=between, cores=cores)
        return ByteAnalysis.joined(list(parts))

    def analyse_parts(
        self,
        data: bytes,
        *,
        top_k: int = 0,
        chunk: int = DEFAULT_CHUNK,
        between: Callable[[], None] | None = None,
        cores: int = 1,
    ) -> Iterator[ByteAnalysis]:
        """Yield the analysis of one chunk of tokens after the other, as soon as it is computed.

        :meth:`ByteAnalysis.joined` makes them the result of :meth:`analyse`, which takes the same
        arguments.
        """
        tokens = np.array(_ENCODE(data), dtype=np.int64)
        top_k = min(top_k, VOCAB_SIZE)
        for first, output in self._outputs(tokens, chunk, top_k, between, cores):
            yield ByteAnalysis(
                tokens=tokens[first : first + chunk],
                entropies=np.maximum(output.entropies, 0),
                nats=-output.log_p_of(tokens[first + 1 : first + 1 + chunk]),
                top_ids=output.top_ids[:, :top_k].astype(np.int64),
                top_probabilities=output.top_probabilities[:, :top_k],
            )

    def _outputs(
        self,
        tokens: NDArray[np.int64],
        chunk: int,
        top_k: int,
        between: Callable[[], None] | None,
        cores: int,
    ) -> Iterator[tuple[int, Output]]:
        """Yield the position and the output of each chunk; cached chunks are not run."""
        prefixes = self._prefixes if top_k <= KEPT_TOP else None
        keys = chunk_keys(tokens, chunk) if prefixes else []
        known = prefixes.known(keys) if prefixes else Known([], None, 0)
        yield from zip(range(0, len(tokens), chunk), known.outputs, strict=False)
        reading = known.state.copy() if known.state else self.model.begin()
        whole, count = len(tokens) // chunk, -(-len(tokens) // chunk)
        # Where the next text will probably begin to differ: where this one does, or at its end.
        resumable = {known.common - 1, whole - 2, whole - 1}
        chunks = _Chunks(tokens, chunk, top_k, between, prefixes, keys, resumable)
        begun = len(known.outputs)
        halves = self._halves(begun, count, chunk) if cores > 1 else None
        if halves is None or not isinstance(self.model, EntropyGraph):
            yield from chunks.run(reading, begun, count)
            return
        first, middle = halves
        state = self.model.begin_at(first * chunk, tokens[: first * chunk].tolist())
        with closing(Ahead(chunks.run(state, middle, count, lead=middle - first))) as second:
            yield from chunks.run(reading, begun, middle)
            yield from second

    def _halves(self, begun: int, count: int, chunk: int) -> tuple[int, int] | None:
        """Return the chunks at which a second thread begins to run and to be exact, or None.

        It is None for texts whose part to be measured twice would be long, or whose model needs
        all bytes before a position.

        Args:
            begun: number of chunks that need not be run.
            count: number of all chunks.
            chunk: number of bytes of a chunk.
        """
        if not isinstance(self.model, EntropyGraph) or self.model.shape.stack.window is None:
            return None
        window, lead = self.model.shape.stack.window, -(-self.model.reach // chunk)
        step = window // chunk if window % chunk == 0 else 1
        middle = begun + (count - begun + lead) // 2
        first = (middle - lead) // step * step
        return (first, middle) if first - begun > lead else None


@dataclass(frozen=True)
class _Chunks:
    """The chunks of one text.

    Attributes:
        tokens: all tokens.
        size: number of tokens of a chunk.
        top_k, between: as for :meth:`EntropyRuntime.analyse`.
        prefixes: cache of outputs; None to cache nothing.
        keys: key of each chunk in the cache.
        resumable: numbers of the chunks after which the state of the model is cached.
    """

    tokens: NDArray[np.int64]
    size: int
    top_k: int
    between: Callable[[], None] | None
    prefixes: Prefixes | None
    keys: Sequence[bytes]
    resumable: set[int]

    def run(
        self, state: Reading, begin: int, end: int, *, lead: int = 0
    ) -> Iterator[tuple[int, Output]]:
        """Yield position and output of the chunks ``begin`` to ``end`` (exclusive).

        Args:
            state: state before them; it is advanced.
            begin, end: numbers of chunks.
            lead: number of chunks before ``begin`` that the state runs over first.
        """
        for number in range(begin - lead, end):
            if self.between is not None:
                self.between()
            part = self.tokens[number * self.size : (number + 1) * self.size]
            logits, nats = state.advance(part)
            if number >= begin:
                output = Output.of(part, log_softmax(logits), nats, self.top_k)
                self._keep(number, output, state)
                yield number * self.size, output

    def _keep(self, number: int, output: Output, state: Reading) -> None:
        if self.prefixes is not None:
            is_whole = len(output.entropies) == self.size
            after = state.copy() if number in self.resumable and is_whole else None
            self.prefixes.keep(self.keys[number], output, after)


def _load_model(folder: Path, threads: int) -> EntropyGraph | SelfContained:
    """Load the graph without weights; if that fails, load an older file with its own weights."""
    try:
        graph = load_graph(folder / ENTROPY_GRAPH, EntropyShape, threads=threads)
    except ModelFileError:
        older = folder / SELF_CONTAINED_FILE
        if not older.is_file():
            raise
        return SelfContained.load(older, threads=threads)
    return EntropyGraph(graph.session, graph.shape)


def _patcher(folder: Path) -> tuple[float, int | None]:
    """Return the threshold and the largest patch length that are stored with the model.

    Without stored values, the threshold is that of the released checkpoints and the length has no
    limit.
    """
    path = folder / TRAIN_ARGS_FILE
    if not path.is_file():
        return DEFAULT_THRESHOLD, None
    try:
        patcher_args = read_json(path)["data"]["patcher_args"]
        threshold, longest = float(patcher_args["threshold"]), patcher_args.get("max_patch_length")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelFileError(f"{path} holds no data.patcher_args.threshold ({error})") from None
    if longest is not None and not (type(longest) is int and longest >= 1):
        raise ModelFileError(
            f"{path}: data.patcher_args.max_patch_length: {longest!r} is not null or 1 or more"
        )
    return threshold, longest
