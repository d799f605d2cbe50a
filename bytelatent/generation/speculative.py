"""Lossless self-speculation: the decoder drafts beyond the patch boundary, one pass verifies.

BLT-S (Fast BLT, arXiv 2605.08044, section 3.1) drafts greedily and uses one global pass before the
draft and one after it. Here the latents of the verifying pass serve the next draft, so a round has
at most one global pass, and tokens may be sampled. A round begins with committed tokens and their
exact logits:

    next token    t1 is drawn from the exact logits, so it needs no verification
    draft         encoder and decoder step over t1, t2, ... with the latent of the latest complete
                  patch, even if patches should have ended meanwhile; the encoder states are exact
    verify        one pass of the entropy model over the draft finds where patches end; one global
                  pass computes their latents; the decoder runs again from the first of them on
    accept        a drafted token x, drawn from q, is kept with probability min(1, p(x) / q(x)),
                  where p is the exact distribution; the first token that is rejected is drawn
                  again from the part of p that exceeds q. So tokens have the distribution p
                  (arXiv 2211.17192); in the greedy case p and q are one-hot
    commit        KV caches roll back to the last token that is kept

Patch boundaries are the same as without speculation: a patch ends because the patching rule says
so, never because a draft ends. An end of document may be drafted but no step runs over it: it ends
its row.

The module does not import torch: states, latents and logits have the types of the model's backend
(:mod:`bytelatent.generation.byte_model`).

Legend: ``V`` vocabulary.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Generic

import numpy as np

from bytelatent.generation.byte_model import AnyRow, ByteModel, Row
from bytelatent.generation.sampling import Floats, Sampler, draw
from bytelatent.patching.rules import BoundaryState

FIRST_LENGTH = 4
LONGEST_DRAFT = 16
"""Number of bytes that ``auto`` drafts in the first round (``FIRST_LENGTH``), and its limit."""


@dataclass
class Draft:
    """Drafted tokens of one row.

    Attributes:
        tokens: token ids. The first is certain; the model may not have stepped over the last.
        drawn_from: distribution of each token except the first, ``[V]``.
        logits: logits ``[V]`` after each token with a step; exact until a patch ends.
        states: encoder states of these tokens, as the decoder takes them.
    """

    tokens: list[int]
    drawn_from: list[Floats]
    logits: list[Any]
    states: list[Any]


@dataclass
class Verified:
    """Exact results for the tokens of a draft that the model has stepped over.

    Attributes:
        logits: logits ``[V]`` after each token.
        entropies: entropy in nats after each token, or None if the rule uses no entropy model.
        closes: whether a patch ends with the token.
        boundaries: state of the patching rule after each token.
        latents: latents of the patches that end, in order.
    """

    logits: list[Any]
    entropies: list[float | None]
    closes: list[bool]
    boundaries: list[BoundaryState]
    latents: list[Any]


@dataclass
class SpeculationRound:
    """Committed result of one round.

    Attributes:
        tokens: the first token and the drafted tokens that are kept.
        logits: logits ``[V]`` from which each token was drawn.
        entropies: entropy in nats of the prediction of each token, or None.
        starts: whether a patch starts with each token.
        instead: token that follows, if it is already decided: a replacement of a rejected token, or
            an accepted token without a step; otherwise None.
        draft: drafted tokens.
        accepted: number of drafted tokens that are accepted.
        global_ran: whether the global transformer has run, because patches have ended.
    """

    tokens: list[int]
    logits: list[Any]
    entropies: list[float | None]
    starts: list[bool]
    instead: int | None = None
    draft: list[int] = field(default_factory=list)
    accepted: int = 0
    global_ran: bool = False


class DraftLength:
    """Number of bytes that the next round drafts.

    A number is constant. ``auto`` follows acceptance: after a draft that is accepted completely,
    the length doubles; after any other draft, it is one byte more than the number accepted. It
    depends only on tokens and not on time, so that a seed gives the same text on any machine.

    Args:
        speculate: a number of bytes, or ``auto``.

    Attributes:
        value: number of bytes to draft.
    """

    def __init__(self, speculate: int | str) -> None:
        self.value = speculate if isinstance(speculate, int) else FIRST_LENGTH
        self._fixed = isinstance(speculate, int)

    def learn(self, done: SpeculationRound) -> None:
        """Adapt the length to the result of a round."""
        drafted = len(done.draft)
        if self._fixed or not drafted:
            return
        if done.accepted == drafted:
            self.value = min(max(self.value, 2 * drafted), LONGEST_DRAFT)
        else:
            self.value = min(done.accepted + 1, LONGEST_DRAFT)


class Speculation(Generic[AnyRow]):
    """Rounds of speculation in one run.

    Args:
        model: the same model as for generation without speculation.
        sampler: sampler of the run; its state contains only committed tokens between rounds.
    """

    def __init__(self, model: ByteModel[AnyRow], sampler: Sampler) -> None:
        self.model, self.sampler = model, sampler

    def round(self, row: AnyRow, number: int, first: int, length: int) -> SpeculationRound:
        """Commit ``first``, which is not EOS, and the drafted tokens that are accepted.

        Args:
            row: the row, which advances over all committed tokens.
            number: number of the row in the sampler.
            first: next token, drawn from ``row.logits_V``.
            length: largest number of tokens to draft; a shorter window is also a limit.

        Raises:
            ValueError: see :meth:`bytelatent.generation.byte_model.ByteModel.step`.
        """
        with self.model.inference_context():
            return self._round(row, number, first, length)

    def _round(self, row: AnyRow, number: int, first: int, length: int) -> SpeculationRound:
        # After an end of document the global cache is reset, which no rollback can undo.
        alone = row.open_patch.ends_document
        count = 1 if alone else min(length + 1, self.model.longest_draft)
        before = _Before.of(row, count)
        self.sampler.accept(number, first)
        saved = self.sampler.save(number)
        draft = self._draft(row, number, first, count)
        self.sampler.restore(number, saved)
        verified = self._verify(row, before, draft)
        done = SpeculationRound([first], [row.logits_V], [row.entropy], [row.starts])
        self._judge(number, draft, verified, done)
        done.global_ran = bool(verified.latents)
        self._commit(row, before, draft, verified, len(done.tokens))
        return done

    def _draft(self, row: AnyRow, number: int, first: int, count: int) -> Draft:
        """Step over at most ``count`` tokens with only the encoder and the decoder."""
        draft = Draft([first], [], [], [])
        for _ in range(count):
            state, logits_V = self.model.draft(row, draft.tokens[-1])
            draft.states.append(state)
            draft.logits.append(logits_V)
            if len(draft.states) == count:
                break
            draft.drawn_from.append(self.sampler.distribution(number, logits_V))
            draft.tokens.append(draw(draft.drawn_from[-1], self.sampler.uniform(number)))
            if draft.tokens[-1] == self.model.eos_id:
                break
            self.sampler.accept(number, draft.tokens[-1])
        return draft

    def _verify(self, row: AnyRow, before: "_Before", draft: Draft) -> Verified:
        """Compute entropies, boundaries, the latents of patches that end, and exact logits."""
        model, size = self.model, len(draft.states)
        entropies = list(model.measure(row, draft.tokens[:size], before.recent))
        state, closes, boundaries = row.boundary.copy(), [], []
        for token, nats in zip(draft.tokens, entropies, strict=False):
            closes.append(model.boundaries.push(state, token, nats))
            boundaries.append(state.copy())
        size = self._with_room(before, closes)
        closing = [index for index in range(size) if closes[index]]
        latents, logits = [], draft.logits[:size]
        if closing:
            edges = [0, *(before.open_size + index + 1 for index in closing)]
            latents = list(model.encode_patches(row, edges))
            begin = closing[0]
            row.decoder_cache.rollback(before.decoder + begin)
            patch_latents = [latents[sum(closes[: index + 1]) - 1] for index in range(begin, size)]
            exact = model.decode(row, draft.states[begin:size], patch_latents)
            logits = [*logits[:begin], *exact]
        return Verified(logits, entropies[:size], closes[:size], boundaries[:size], latents)

    def _with_room(self, before: "_Before", closes: list[bool]) -> int:
        """Return the number of tokens to verify: all, unless a patch is too long to concatenate.

        A draft that may be wrong must not raise an error; a token that is certain does in the next
        round.
        """
        room, size = self.model.patch_bytes, before.open_size
        for index, close in enumerate(closes):
            size += 1
            if close and room is not None and size > room and index:
                return index
            size = 0 if close else size
        return len(closes)

    def _judge(self, number: int, draft: Draft, verified: Verified, done: SpeculationRound) -> None:
        """Accept drafted tokens up to the first rejection and add them to ``done``."""
        done.draft = draft.tokens[1:]
        rest = zip(draft.tokens[1:], draft.drawn_from, verified.logits, strict=False)
        for index, (token, drawn_from, logits_V) in enumerate(rest):
            exact = self.sampler.distribution(number, logits_V)
            if self.sampler.uniform(number) * drawn_from[token] >= exact[token]:
                more = np.maximum(exact - drawn_from, 0.0)
                # All are zero only if rounding has rejected a token although p and q are equal.
                more = more if more.sum() > 0 else exact
                done.instead = draw(more, self.sampler.uniform(number))
                return
            done.accepted += 1
            if index + 1 == len(verified.logits):
                done.instead = token
                return
            done.tokens.append(token)
            done.logits.append(logits_V)
            done.entropies.append(verified.entropies[index])
            done.starts.append(verified.closes[index])
            self.sampler.accept(number, token)

    def _commit(
        self, row: AnyRow, before: "_Before", draft: Draft, verified: Verified, count: int
    ) -> None:
        """Set ``row`` to the state that plain steps over the first ``count`` tokens give."""
        if row.entropy_cache is not None:
            row.entropy_cache.rollback(before.entropy + count)
        row.encoder_cache.rollback(before.encoder + count)
        row.decoder_cache.rollback(before.decoder + count)
        closing = [index for index in range(count) if verified.closes[index]]
        if row.open_patch.ends_document and closing:
            row.global_cache.reset()
        else:
            row.global_cache.rollback(before.patches + len(closing))
        begin = before.open_size + closing[-1] + 1 if closing else 0
        if closing:
            row.latent = verified.latents[len(closing) - 1]
            row.open_patch.ends_document = False
        self.model.keep(row, begin, before.open_size + count)
        row.recent = deque([*before.recent, *draft.tokens[:count]], maxlen=row.recent.maxlen)
        row.boundary = verified.boundaries[count - 1]
        row.entropy, row.starts = verified.entropies[count - 1], verified.closes[count - 1]
        row.logits_V = verified.logits[count - 1]


@dataclass(frozen=True)
class _Before:
    """State of a row before a round: positions in its KV caches, and bytes in its open patch."""

    entropy: int
    encoder: int
    decoder: int
    patches: int
    open_size: int
    recent: list[int]

    @classmethod
    def of(cls, row: Row, count: int) -> "_Before":
        """Return the state of ``row`` and let its caches save ``count`` positions for rollback."""
        for cache in (row.entropy_cache, row.encoder_cache, row.decoder_cache):
            if cache is not None:
                cache.checkpoint(count)
        return cls(
            entropy=0 if row.entropy_cache is None else row.entropy_cache.count,
            encoder=row.encoder_cache.count,
            decoder=row.decoder_cache.count,
            patches=row.global_cache.count,
            open_size=row.open_patch.size,
            recent=list(row.recent),
        )
