"""Self-speculation without loss: the decoder drafts past the boundary, one pass verifies.

BLT-S (Fast BLT, arXiv 2605.08044, section 3.1) drafts greedily and spends a global pass before the
draft and one behind it. Here the latents of the verifying pass serve the next draft, so a round has
one at most, and tokens may be sampled. A round from committed tokens with exact logits:

    next token    t1 is drawn from the exact logits: it needs no verdict
    draft         encoder and decoder step over t1, t2, ... with the latest complete patch, though
                  patches may have closed meanwhile; the encoder's states are exact already
    verify        one pass of the entropy model over the draft says where patches close; one global
                  pass over these; the decoder again, from the first of them on
    verdict       a drafted token x, drawn from q, stays with probability min(1, p(x) / q(x)), p
                  being the exact distribution; the first that does not is drawn again from what
                  p has more than q. So tokens have the distribution p (arXiv 2211.17192); greedy
                  is the case of one-hot p and q
    commit        caches go back to the last token that stayed

Boundaries are decided as always: a patch closes where the byte after it was predicted with doubt,
never because a draft ends. An end of document is drafted but not stepped over: it ends its row.

Loads no torch: states, latents and logits are the model's own affair
(:mod:`bytelatent.generation.byte_model`).

Legend: ``V`` vocabulary.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Generic

import numpy as np

from bytelatent.generation.boundaries import BoundaryState
from bytelatent.generation.byte_model import AnyRow, ByteModel, Row
from bytelatent.generation.sampling import Floats, Sampler, draw

FIRST_LENGTH = 4
LONGEST_DRAFT = 16
"""Bytes that ``auto`` drafts at first, and at most."""


@dataclass
class Draft:
    """Tokens that may come next in a row.

    Attributes:
        tokens: the first is certain; the last may not have been stepped over.
        drawn_from: distribution of each but the first.
        logits: after each token that was stepped over, ``[V]``; exact until a patch closes.
        states: of those tokens, as the decoder takes them.
    """

    tokens: list[int]
    drawn_from: list[Floats]
    logits: list[Any]
    states: list[Any]


@dataclass
class Verified:
    """What is exact about the tokens of a draft that were stepped over.

    Attributes:
        logits: after each.
        entropies: nats after each, None where the rule needs none.
        closes: whether a patch ends with it.
        boundaries: what the rule remembers after it.
        latents: of the patches that close, in order.
    """

    logits: list[Any]
    entropies: list[float | None]
    closes: list[bool]
    boundaries: list[BoundaryState]
    latents: list[Any]


@dataclass
class Round:
    """What a round has committed.

    Attributes:
        tokens: the first token and those drafted ones that stayed.
        logits: that each was drawn from, ``[V]``.
        entropies, starts: of the prediction of each; whether a patch starts with it.
        instead: what comes after them, if that is decided: drawn in place of a drafted token, or
            one that stays but was not stepped over.
        draft: tokens that were drafted.
        accepted: how many of them stay.
        global_ran: whether patches closed.
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
    """How many bytes the next round drafts.

    A number stays. ``auto`` follows acceptance: a draft that stays whole is followed by one of
    twice its length, any other by one a byte longer than what stayed. It looks at tokens alone,
    never at a clock, so that a seed gives the same text on any machine.

    Attributes:
        value: bytes.
    """

    def __init__(self, speculate: int | str) -> None:
        self.value = speculate if isinstance(speculate, int) else FIRST_LENGTH
        self._fixed = isinstance(speculate, int)

    def learn(self, done: Round) -> None:
        """See what has become of a draft."""
        drafted = len(done.draft)
        if self._fixed or not drafted:
            return
        if done.accepted == drafted:
            self.value = min(max(self.value, 2 * drafted), LONGEST_DRAFT)
        else:
            self.value = min(done.accepted + 1, LONGEST_DRAFT)


class Speculation(Generic[AnyRow]):
    """Rounds of a run.

    Args:
        model: as for plain generation.
        sampler: of the run; sees committed tokens only.
    """

    def __init__(self, model: ByteModel[AnyRow], sampler: Sampler) -> None:
        self.model, self.sampler = model, sampler

    def round(self, row: AnyRow, number: int, first: int, length: int) -> Round:
        """Commit ``first``, which is not EOS, and what can be had of ``length`` drafted tokens.

        Args:
            row: advances over all that is committed.
            number: of the row in the sampler.
            first: the next token, drawn from ``row.logits_V``.
            length: tokens to draft at most; windows shorter than that set a limit too.

        Raises:
            ValueError: see :meth:`bytelatent.generation.byte_model.ByteModel.step`.
        """
        with self.model.inference_context():
            return self._round(row, number, first, length)

    def _round(self, row: AnyRow, number: int, first: int, length: int) -> Round:
        # Behind an end of document the global cache begins anew, which cannot be taken back.
        alone = row.open_patch.ends_document
        count = 1 if alone else min(length + 1, self.model.longest_draft)
        before = _Before.of(row, count)
        self.sampler.accept(number, first)
        saved = self.sampler.save(number)
        draft = self._draft(row, number, first, count)
        self.sampler.restore(number, saved)
        found = self._verify(row, before, draft)
        done = Round([first], [row.logits_V], [row.entropy], [row.starts])
        self._judge(number, draft, found, done)
        done.global_ran = bool(found.latents)
        self._commit(row, before, draft, found, len(done.tokens))
        return done

    def _draft(self, row: AnyRow, number: int, first: int, count: int) -> Draft:
        """Step over at most ``count`` tokens by encoder and decoder alone."""
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
        """Entropies, boundaries, the patches that close, and exact logits."""
        model, size = self.model, len(draft.states)
        entropies = list(model.measure(row, draft.tokens[:size], before.recent))
        state, closes, boundaries = row.boundary.copy(), [], []
        for token, nats in zip(draft.tokens, entropies, strict=False):
            closes.append(model.boundaries.push(state, token, nats))
            boundaries.append(state.copy())
        size = self._with_room(before, closes)
        closing = [place for place in range(size) if closes[place]]
        latents, logits = [], draft.logits[:size]
        if closing:
            edges = [0, *(before.open_size + place + 1 for place in closing)]
            latents = list(model.encode_patches(row, edges))
            begin = closing[0]
            row.decoder_cache.rollback(before.decoder + begin)
            read = [latents[sum(closes[: place + 1]) - 1] for place in range(begin, size)]
            exact = model.decode(row, draft.states[begin:size], read)
            logits = [*logits[:begin], *exact]
        return Verified(logits, entropies[:size], closes[:size], boundaries[:size], latents)

    def _with_room(self, before: "_Before", closes: list[bool]) -> int:
        """How many tokens can be verified: all, unless bytes side by side lack room.

        A draft that may be wrong must not fail for it; what is certain fails in the next round.
        """
        room, size = self.model.patch_bytes, before.open_size
        for place, close in enumerate(closes):
            size += 1
            if close and room is not None and size > room and place:
                return place
            size = 0 if close else size
        return len(closes)

    def _judge(self, number: int, draft: Draft, found: Verified, done: Round) -> None:
        """Accept drafted tokens as long as they stay."""
        done.draft = draft.tokens[1:]
        rest = zip(draft.tokens[1:], draft.drawn_from, found.logits, strict=False)
        for place, (token, drawn_from, logits_V) in enumerate(rest):
            exact = self.sampler.distribution(number, logits_V)
            if self.sampler.uniform(number) * drawn_from[token] >= exact[token]:
                more = np.maximum(exact - drawn_from, 0.0)
                # All zero only if rounding has made of equal ones a refusal.
                more = more if more.sum() > 0 else exact
                done.instead = draw(more, self.sampler.uniform(number))
                return
            done.accepted += 1
            if place + 1 == len(found.logits):
                done.instead = token
                return
            done.tokens.append(token)
            done.logits.append(logits_V)
            done.entropies.append(found.entropies[place])
            done.starts.append(found.closes[place])
            self.sampler.accept(number, token)

    def _commit(
        self, row: AnyRow, before: "_Before", draft: Draft, found: Verified, count: int
    ) -> None:
        """Leave ``row`` as plain steps over the first ``count`` tokens would."""
        if row.entropy_cache is not None:
            row.entropy_cache.rollback(before.entropy + count)
        row.encoder_cache.rollback(before.encoder + count)
        row.decoder_cache.rollback(before.decoder + count)
        closing = [place for place in range(count) if found.closes[place]]
        if row.open_patch.ends_document and closing:
            row.global_cache.reset()
        else:
            row.global_cache.rollback(before.patches + len(closing))
        begin = before.open_size + closing[-1] + 1 if closing else 0
        if closing:
            row.latent = found.latents[len(closing) - 1]
            row.open_patch.ends_document = False
        self.model.keep(row, begin, before.open_size + count)
        row.recent = deque([*before.recent, *draft.tokens[:count]], maxlen=row.recent.maxlen)
        row.boundary = found.boundaries[count - 1]
        row.entropy, row.starts = found.entropies[count - 1], found.closes[count - 1]
        row.logits_V = found.logits[count - 1]


@dataclass(frozen=True)
class _Before:
    """Where a row stood before a round: positions in its caches, bytes of its open patch."""

    entropy: int
    encoder: int
    decoder: int
    patches: int
    open_size: int
    recent: list[int]

    @classmethod
    def of(cls, row: Row, count: int) -> "_Before":
        """Of ``row``, whose caches are told that ``count`` positions may be taken back."""
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
