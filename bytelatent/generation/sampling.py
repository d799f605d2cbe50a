"""Sampling of the next token from logits: pure functions, and the state of each row between bytes.

The order is fixed: repetition penalty, forbidden ids, temperature, top-k, top-p, min-p. Each filter
works on what the filters before it have left. Greedy sampling (temperature 0) takes the most likely
id.

End of document (EOS) is an id like every byte. BOE, BOS and PAD are never drawn at random. Greedy
sampling without ``valid_utf8`` takes the most likely of all ids, these included, so that its text
is exactly the model's.

Legend: ``B`` rows, ``V`` vocabulary. The module needs only numpy and does not import torch, but it
accepts tensors.
"""

import sys
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
    """How the next byte is chosen; the default is greedy.

    Attributes:
        temperature: divisor of the logits. 0 is greedy: then no filter except the penalty has an
            effect.
        top_k: number of most likely ids to keep; among equally likely ids the smaller ids are kept.
        top_p: probability that the kept ids must have together; the fewest most likely ids are
            kept.
        min_p: smallest probability of a kept id, as a share of the largest probability.
        repetition_penalty: factor for ids that occurred recently: their positive logits are divided
            by it, their negative logits are multiplied (CTRL, arXiv 1909.05858, section 4.1); 1 has
            no effect.
        repetition_window: number of last bytes, of prompt and text, that count as recent. It is
            limited because a text soon contains every letter.
        seed: seed of the random numbers.
        valid_utf8: whether only bytes that continue valid UTF-8 are allowed, and EOS only between
            two characters.
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
        """Whether sampling is deterministic."""
        return self.temperature == 0


def softmax(logits_V: Floats, temperature: float) -> Floats:
    """Return probabilities at a temperature above 0; an id with logit -inf gets probability 0.

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
    """Return the logits after the repetition penalty for the ids in ``seen``."""
    logits_V, ids = logits_V.copy(), list(seen)
    seen_logits = logits_V[ids]
    logits_V[ids] = np.where(seen_logits > 0, seen_logits / penalty, seen_logits * penalty)
    return logits_V


def keep(probs_V: Floats, kept_V: Mask) -> Floats:
    """Return the probabilities of the kept ids, normalised to the sum 1; the others become 0."""
    probs_V = np.where(kept_V, probs_V, 0.0)
    return np.asarray(probs_V / probs_V.sum())


def top_k_mask(probs_V: Floats, k: int) -> Mask:
    """Return a mask of the ``k`` most likely ids; among equally likely ids the smaller are kept."""
    kept_V = np.zeros(len(probs_V), dtype=np.bool_)
    kept_V[np.argsort(-probs_V, kind="stable")[:k]] = True
    return kept_V


def top_p_mask(probs_V: Floats, p: float) -> Mask:
    """Return a mask of the fewest most likely ids with total probability ``p``, at least one id."""
    order = np.argsort(-probs_V, kind="stable")
    total_V = np.cumsum(probs_V[order])
    kept_V = np.zeros(len(probs_V), dtype=np.bool_)
    kept_V[order[: int(np.searchsorted(total_V, p, side="left")) + 1]] = True
    return kept_V


def min_p_mask(probs_V: Floats, p: float) -> Mask:
    """Return a mask of the ids with at least ``p`` times the largest probability."""
    return np.asarray(probs_V >= p * probs_V.max())


def draw(probs_V: Floats, uniform: float) -> int:
    """Return the id that a uniform number in [0, 1) selects; its probability is never 0."""
    total_V = np.cumsum(probs_V)
    return int(np.searchsorted(total_V, uniform * total_V[-1], side="right"))


def streams_of(prompts: Sequence[bytes]) -> list[int]:
    """Return for each prompt its stream number: how many equal prompts precede it.

    A stream selects the random numbers of a row. So a prompt gets the same text alone and in any
    batch, and a repeated prompt gets different texts.
    """
    seen: Counter[bytes] = Counter()
    streams = []
    for prompt in prompts:
        streams.append(seen[prompt])
        seen[prompt] += 1
    return streams


@dataclass
class _Row:
    """Sampling state of a row: UTF-8 state and recent ids of bytes."""

    rng: np.random.Generator
    utf8_state: int = utf8.BOUNDARY
    recent: deque[int] = field(default_factory=deque)


class Sampler:
    """Sampler of the next token of each row of one run.

    Rows are independent: the tokens of a row depend only on the seed, its stream and its own
    tokens.

    Args:
        args: how tokens are chosen.
        rows: number of rows.
        vocab_size: number of logits; ids after those of the bytes are never drawn at random.
        streams: stream number of each row (:func:`streams_of`); the number of the row if None.
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
        window = min(args.repetition_window, sys.maxsize)  # a deque takes no larger number
        self._rows = [
            _Row(np.random.default_rng([args.seed, n]), recent=deque(maxlen=window))
            for n in streams
        ]
        self._forbidden = _forbidden(vocab_size, valid_utf8=args.valid_utf8)
        # Whether a token is simply the most likely of all ids.
        self._plain = args.greedy and args.repetition_penalty == 1 and not args.valid_utf8

    def distribution(self, row: int, logits_V: Any) -> Floats:
        """Return the distribution ``[V]`` after all filters that a token of ``row`` is drawn from.

        With greedy sampling one id has probability 1.

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
        """Return one token for each of ``rows``; :meth:`accept` is not called.

        Args:
            logits_BV: logits of these rows.
            rows: numbers of the rows.

        Raises:
            ValueError: the logits are not finite.
        """
        logits_BV = _array(logits_BV)
        if self._plain:
            return [_argmax(logits_V) for logits_V in logits_BV]
        return [self._one(row, logits_V) for row, logits_V in zip(rows, logits_BV, strict=True)]

    def accept(self, row: int, token: int) -> None:
        """Append ``token``, of the prompt or generated, to the state of ``row``."""
        state = self._rows[row]
        if not OFFSET <= token < VOCAB_SIZE:
            state.utf8_state = utf8.BOUNDARY
            return
        state.utf8_state = utf8.step(state.utf8_state, token - OFFSET)
        state.recent.append(token)

    def save(self, row: int) -> tuple[int, tuple[int, ...]]:
        """Return the state of ``row``; :meth:`restore` goes back to it after a draft."""
        state = self._rows[row]
        return state.utf8_state, tuple(state.recent)

    def restore(self, row: int, saved: tuple[int, tuple[int, ...]]) -> None:
        """Restore a state from :meth:`save`; random numbers that were used are not used again."""
        state = self._rows[row]
        state.utf8_state = saved[0]
        state.recent.clear()
        state.recent.extend(saved[1])

    def uniform(self, row: int) -> float:
        """Return the next random number of ``row`` in [0, 1)."""
        return self._rows[row].rng.random()

    def _one(self, row: int, logits_V: Any) -> int:
        if self.args.greedy:
            return _argmax(self._allowed(row, logits_V))
        return draw(self.distribution(row, logits_V), self.uniform(row))

    def _allowed(self, row: int, logits_V: Any) -> Floats:
        """Return the logits in float64 after the penalty, with -inf for forbidden ids."""
        logits_V, state = logits_V.astype(np.float64), self._rows[row]
        if self.args.repetition_penalty != 1 and state.recent:
            logits_V = penalised(logits_V, [*set(state.recent)], self.args.repetition_penalty)
        if self.args.valid_utf8 or not self.args.greedy:
            logits_V[self._forbidden[state.utf8_state if self.args.valid_utf8 else 0]] = -np.inf
        return np.asarray(logits_V)


def _forbidden(vocab_size: int, *, valid_utf8: bool) -> Mask:
    """Return a mask of the forbidden ids, ``[states, V]``; one state without ``valid_utf8``."""
    states = len(utf8.ALLOWED) if valid_utf8 else 1
    forbidden = np.ones((states, max(vocab_size, VOCAB_SIZE)), dtype=np.bool_)
    forbidden[utf8.BOUNDARY, EOS_ID] = False
    of_bytes = slice(OFFSET, OFFSET + BYTE_VALUES)
    forbidden[:, of_bytes] = ~utf8.ALLOWED if valid_utf8 else False
    return forbidden[:, :vocab_size]


def _argmax(logits_V: Any) -> int:
    index = int(logits_V.argmax())
    if not np.isfinite(logits_V[index]):
        raise ValueError(f"logits: the largest is {logits_V[index]}, so no byte can be chosen")
    return index


def _array(logits: Any) -> Any:
    """Convert an array, or a tensor of any type and device, to a numpy array."""
    if isinstance(logits, np.ndarray):
        return logits
    return logits.detach().float().cpu().numpy()
