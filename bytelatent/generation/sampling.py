"""From logits to the next token: small pure functions, and the state that rows keep between bytes.

The order is fixed: repetition penalty, ids that may not come, temperature, top-k, top-p, min-p;
each works on what the one before it has left. Greedy (temperature 0) takes the most likely id.

End of document (EOS) is an id as any byte is. BOE, BOS and PAD are never sampled; only greedy, and
only without ``valid_utf8``, takes the most likely of all ids, so that it is the model's own text.

Legend: ``B`` rows, ``V`` vocabulary. Numpy alone: this module loads no torch, but takes tensors.
"""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from bytelatent.generation import utf8
from bytelatent.tokenizers.constants import BYTE_VALUES, EOS_ID, OFFSET, VOCAB_SIZE

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


class SamplingArgs(BaseModel):
    """How the next byte is chosen; the defaults are greedy.

    Attributes:
        temperature: divides the logits; 0 is greedy, which no filter but the penalty changes.
        top_k: keep the ``k`` most likely ids; of equal ones the smaller ids.
        top_p: keep the fewest most likely ids that have this probability together.
        min_p: keep ids with at least this share of the largest probability.
        repetition_penalty: of the bytes seen lately, positive logits are divided by it and
            negative ones multiplied (CTRL, arXiv 1909.05858, section 4.1); 1 does nothing.
        repetition_window: how many bytes back, of prompt and text; a text soon has all letters.
        seed: of the random numbers.
        valid_utf8: only bytes that go on as valid UTF-8, and EOS only between characters.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    temperature: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    top_k: int | None = Field(default=None, ge=1)
    top_p: float | None = Field(default=None, gt=0, le=1)
    min_p: float | None = Field(default=None, ge=0, le=1)
    repetition_penalty: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    repetition_window: int = Field(default=64, ge=1)
    seed: int = Field(default=0, ge=0)
    valid_utf8: bool = False

    @property
    def greedy(self) -> bool:
        """Whether nothing is left to chance."""
        return self.temperature == 0


def softmax(logits_V: Floats, temperature: float) -> Floats:
    """Probabilities at a temperature above 0; ids with logit -inf get none.

    Raises:
        ValueError: no id is left, or a logit is NaN or infinite.
    """
    top = logits_V.max()
    if not np.isfinite(top):
        raise ValueError(f"logits: the largest is {top}, so no byte can be chosen")
    with np.errstate(over="ignore"):  # a tiny temperature makes -inf, and so probability 0
        probs_V = np.exp((logits_V - top) / temperature)
    return np.asarray(probs_V / probs_V.sum())


def penalised(logits_V: Floats, seen: Sequence[int], penalty: float) -> Floats:
    """Logits with those of ``seen`` ids made smaller by the factor ``penalty``."""
    logits_V, ids = logits_V.copy(), list(seen)
    found = logits_V[ids]
    logits_V[ids] = np.where(found > 0, found / penalty, found * penalty)
    return logits_V


def keep(probs_V: Floats, kept_V: Mask) -> Floats:
    """Probabilities of the ids that are kept, made to sum to 1 again."""
    probs_V = np.where(kept_V, probs_V, 0.0)
    return np.asarray(probs_V / probs_V.sum())


def top_k_mask(probs_V: Floats, k: int) -> Mask:
    """The ``k`` most likely ids; of equally likely ones the smaller ids."""
    kept_V = np.zeros(len(probs_V), dtype=np.bool_)
    kept_V[np.argsort(-probs_V, kind="stable")[:k]] = True
    return kept_V


def top_p_mask(probs_V: Floats, p: float) -> Mask:
    """The fewest most likely ids that have probability ``p`` together, at least one."""
    order = np.argsort(-probs_V, kind="stable")
    total_V = np.cumsum(probs_V[order])
    kept_V = np.zeros(len(probs_V), dtype=np.bool_)
    kept_V[order[: int(np.searchsorted(total_V, p, side="left")) + 1]] = True
    return kept_V


def min_p_mask(probs_V: Floats, p: float) -> Mask:
    """Ids with at least ``p`` times the largest probability."""
    return np.asarray(probs_V >= p * probs_V.max())


def draw(probs_V: Floats, uniform: float) -> int:
    """The id that a uniform number in [0, 1) falls on; never one without probability."""
    total_V = np.cumsum(probs_V)
    return int(np.searchsorted(total_V, uniform * total_V[-1], side="right"))


def streams_of(prompts: Sequence[bytes]) -> list[int]:
    """For each prompt how often it stood before: its stream of random numbers.

    So a prompt gets the same text alone and in any batch, and when repeated, different ones.
    """
    seen: Counter[bytes] = Counter()
    streams = []
    for prompt in prompts:
        streams.append(seen[prompt])
        seen[prompt] += 1
    return streams


@dataclass
class _Row:
    """What a row keeps: how far into a character it is, and its bytes of late, as ids."""

    rng: np.random.Generator
    utf8_state: int = utf8.BOUNDARY
    recent: deque[int] = field(default_factory=deque)


class Sampler:
    """Chooses the next token of each row of one run.

    Rows are independent: what one gets depends on the seed, its stream and its own tokens alone.

    Args:
        args: how.
        rows: how many there are.
        vocab_size: length of the logits; ids behind the bytes are never sampled.
        streams: number of each row's stream of random numbers (:func:`streams_of`); the row's
            own number when left out.
    """

    def __init__(
        self,
        args: SamplingArgs,
        rows: int,
        vocab_size: int = VOCAB_SIZE,
        *,
        streams: Sequence[int] | None = None,
    ) -> None:
        self.args = args
        streams = range(rows) if streams is None else streams
        assert len(streams) == rows
        self._rows = [
            _Row(np.random.default_rng([args.seed, n]), recent=deque(maxlen=args.repetition_window))
            for n in streams
        ]
        self._forbidden = _forbidden(vocab_size, valid_utf8=args.valid_utf8)
        # Most likely of all ids: then the rows of a batch are one call.
        self._plain = args.greedy and args.repetition_penalty == 1 and not args.valid_utf8

    def distribution(self, row: int, logits_V: Any) -> Floats:
        """Probabilities ``[V]`` that a token of ``row`` is drawn from, after all filters.

        Greedy has all of it on one id.

        Raises:
            ValueError: the logits are not finite.
        """
        logits_V = self._allowed(row, _array(logits_V))
        args = self.args
        if args.greedy:
            probs_V = np.zeros(len(logits_V))
            probs_V[_argmax(logits_V)] = 1
            return probs_V
        probs_V = softmax(logits_V, args.temperature)
        if args.top_k is not None:
            probs_V = keep(probs_V, top_k_mask(probs_V, args.top_k))
        if args.top_p is not None:
            probs_V = keep(probs_V, top_p_mask(probs_V, args.top_p))
        if args.min_p is not None:
            probs_V = keep(probs_V, min_p_mask(probs_V, args.min_p))
        return probs_V

    def sample(self, logits_BV: Any, rows: Sequence[int]) -> list[int]:
        """One token for each of ``rows``, whose logits are ``[B, V]``; nothing is accepted yet.

        Raises:
            ValueError: the logits are not finite.
        """
        logits_BV = _array(logits_BV)
        if self._plain:
            return [_argmax(logits_V) for logits_V in logits_BV]
        return [self._one(row, logits_V) for row, logits_V in zip(rows, logits_BV, strict=True)]

    def accept(self, row: int, token: int) -> None:
        """Note that ``token`` comes next in ``row``; bytes of the prompt are told here too."""
        state = self._rows[row]
        if not OFFSET <= token < VOCAB_SIZE:
            state.utf8_state = utf8.BOUNDARY
            return
        state.utf8_state = utf8.step(state.utf8_state, token - OFFSET)
        state.recent.append(token)

    def save(self, row: int) -> tuple[int, tuple[int, ...]]:
        """What :meth:`restore` takes to forget the tokens accepted since, as after a draft."""
        state = self._rows[row]
        return state.utf8_state, tuple(state.recent)

    def restore(self, row: int, saved: tuple[int, tuple[int, ...]]) -> None:
        """Go back to :meth:`save`; random numbers that were used do not come again."""
        state = self._rows[row]
        state.utf8_state = saved[0]
        state.recent.clear()
        state.recent.extend(saved[1])

    def uniform(self, row: int) -> float:
        """The row's next random number in [0, 1)."""
        return self._rows[row].rng.random()

    def _one(self, row: int, logits_V: Any) -> int:
        if self.args.greedy:
            return _argmax(self._allowed(row, logits_V))
        return draw(self.distribution(row, logits_V), self.uniform(row))

    def _allowed(self, row: int, logits_V: Any) -> Floats:
        """Logits in float64 after the penalty, -inf where nothing may be drawn."""
        logits_V, state = logits_V.astype(np.float64), self._rows[row]
        if self.args.repetition_penalty != 1 and state.recent:
            logits_V = penalised(logits_V, [*set(state.recent)], self.args.repetition_penalty)
        if self.args.valid_utf8 or not self.args.greedy:
            logits_V[self._forbidden[state.utf8_state if self.args.valid_utf8 else 0]] = -np.inf
        return np.asarray(logits_V)


def _forbidden(vocab_size: int, *, valid_utf8: bool) -> Mask:
    """Ids that may not be drawn, ``[states, V]``; without the constraint one state."""
    states = len(utf8.ALLOWED) if valid_utf8 else 1
    forbidden = np.ones((states, max(vocab_size, VOCAB_SIZE)), dtype=np.bool_)
    forbidden[utf8.BOUNDARY, EOS_ID] = False
    of_bytes = slice(OFFSET, OFFSET + BYTE_VALUES)
    forbidden[:, of_bytes] = ~utf8.ALLOWED if valid_utf8 else False
    return forbidden[:, :vocab_size]


def _argmax(logits_V: Any) -> int:
    found = int(logits_V.argmax())
    if not np.isfinite(logits_V[found]):
        raise ValueError(f"logits: the largest is {logits_V[found]}, so no byte can be chosen")
    return found


def _array(logits: Any) -> Any:
    """A numpy array of an array, or of a tensor of any type and device."""
    if isinstance(logits, np.ndarray):
        return logits
    return logits.detach().float().cpu().numpy()
