"""Speculation changes nothing but the cost: greedy text, logits on the way, distributions."""

import copy
import itertools
import math
from collections import Counter
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from bytelatent.generation.sampling import Sampler, SamplingArgs
from bytelatent.generation.speculative import (
    FIRST_LENGTH,
    LONGEST_DRAFT,
    DraftLength,
    Speculation,
    SpeculationRound,
)
from bytelatent.generation.torch_backend.incremental import Incremental
from bytelatent.generation.torch_backend.prefill import prefill
from bytelatent.generation.torch_backend.torch_byte_model import TorchModel
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.tokenizers.constants import BOS_ID, EOS_ID, OFFSET
from bytelatent.transformer import LMTransformer
from tests.generation.random_cases import MODES, VARIANTS, RandomCase, lively, random_case
from tests.test_blt import LOCAL, tiny
from tests.test_transformer import tiny as tiny_lm

PROMPTS = [b"", b"A BLT has", b"a text that is longer than every window here"]


@pytest.fixture(scope="module")
def wide() -> RandomCase:
    """Windows that leave room for long drafts."""
    case = random_case("as released", "entropy", 5)
    local = {**LOCAL, "window": 30}
    case.blt = tiny(encoder={**local, "cross_attention": "last"}, decoder=local)
    lively(case.blt)
    case.entropy_model = tiny_lm(sliding_window=25)
    lively(case.entropy_model)
    return case


@pytest.mark.parametrize("length", range(1, 17))
def test_greedy_text_is_the_same_for_every_length(wide, length) -> None:
    engine = wide.engine()
    plain = engine.generate(PROMPTS, max_bytes=45)
    found = engine.generate(PROMPTS, max_bytes=45, speculate=length)
    for a, b in zip(plain, found, strict=True):
        assert (a.tokens, a.data, a.finish, a.patches) == (b.tokens, b.data, b.finish, b.patches)
        assert 0 <= b.accepted <= b.drafted
    assert sum(b.accepted for b in found) > 0


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("length", range(1, LONGEST_DRAFT + 1))
def test_greedy_text_is_the_same_for_every_length_variant_and_rule(length, mode) -> None:
    # The 16 lengths of a rule see all 14 variants.
    variant = list(VARIANTS)[(length + 2 * MODES.index(mode)) % len(VARIANTS)]
    case = random_case(variant, mode, 20 + length, window=30)
    engine, prompts = case.engine(), [case.data, b"ab"][: 1 + length % 2]
    plain = engine.generate(prompts, max_bytes=20)
    found = engine.generate(prompts, max_bytes=20, speculate=length)
    for a, b in zip(plain, found, strict=True):
        assert (a.tokens, a.data, a.finish, a.patches) == (b.tokens, b.data, b.finish, b.patches)
    assert sum(b.drafted for b in found) >= length


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_round_leaves_the_row_as_plain_steps_do(variant, mode) -> None:
    case = random_case(variant, mode, 8)
    model = case.incremental()
    row, tokens = prefill(model, case.tokens), list(case.tokens)
    speculation, first = Speculation(TorchModel(model), Sampler(SamplingArgs(), 1)), None
    for length in (3, 1, 8, 2, 5):
        first = int(row.logits_V.argmax()) if first is None else first
        assert first == int(row.logits_V.argmax())
        if first == EOS_ID:
            break
        done = speculation.round(row, 0, first, length)
        tokens += done.tokens
        first = done.instead
        expected = case.logits(tokens)
        torch.testing.assert_close(row.logits_V, expected[-1], atol=1e-4, rtol=0)
        drawn_from = expected[-1 - len(done.tokens) : -1]
        torch.testing.assert_close(torch.stack(done.logits), drawn_from, atol=1e-4, rtol=0)
    plain = prefill(model, tokens)
    assert row.starts == plain.starts
    assert asdict(row.boundary) == pytest.approx(asdict(plain.boundary), abs=1e-4)
    assert row.open_patch.size == plain.open_patch.size
    assert row.global_cache.count == plain.global_cache.count


def test_greedy_text_of_the_reference(case) -> None:
    model = Incremental(
        ByteLatentTransformer.from_pretrained(case.blt),
        LMTransformer.from_pretrained(case.entropy),
        PatcherArgs(threshold=float(case.expected["threshold"])),
    )
    greedy, size = case.expected["greedy"][0].tolist(), int(case.expected["prompt_len"])
    row, tokens, first = prefill(model, greedy[:size]), greedy[:size], None
    speculation = Speculation(TorchModel(model), Sampler(SamplingArgs(), 1))
    while len(tokens) < len(greedy):
        first = int(row.logits_V.argmax()) if first is None else first
        done = speculation.round(row, 0, first, 8)
        tokens, first = [*tokens, *done.tokens], done.instead
    assert tokens[: len(greedy)] == greedy


def test_a_row_ends_where_it_would(wide) -> None:
    plain = wide.engine().generate([b"abc"], max_bytes=40)[0]
    place = next(n for n, t in enumerate(plain.tokens) if n > 5 and t not in plain.tokens[:n])
    token = plain.tokens[place]
    stop = bytes([token - OFFSET])
    for budget in (1, 2, place, 40):
        for length in (1, 4, 9):
            found = wide.engine().generate(
                [b"abc"], max_bytes=budget, stop=[stop], speculate=length
            )[0]
            assert found.tokens == plain.tokens[: min(budget, place + 1)]
            assert found.finish == ("stop" if budget > place else "length")
    changed = copy.deepcopy(wide)
    with torch.no_grad():  # the rows of both ids change places
        weight = changed.blt.local_decoder.output.weight
        weight[[EOS_ID, token]] = weight[[token, EOS_ID]]
    for length in range(1, 10):
        found = changed.engine().generate([b"abc"], max_bytes=40, speculate=length)[0]
        assert found.finish == "eos"
        assert found.tokens == [*plain.tokens[:place], EOS_ID]


def test_a_batch_gives_what_its_prompts_get_alone(wide) -> None:
    engine, sampling = wide.engine(), SamplingArgs(temperature=0.8, seed=3)
    together = engine.generate(PROMPTS, max_bytes=30, sampling=sampling, speculate=4)
    for prompt, found in zip(PROMPTS, together, strict=True):
        (alone,) = engine.generate([prompt], max_bytes=30, sampling=sampling, speculate=4)
        assert alone.tokens == found.tokens


def test_auto_follows_acceptance_and_changes_no_greedy_text(wide) -> None:
    engine = wide.engine()
    plain = engine.generate(PROMPTS, max_bytes=60)
    found = engine.generate(PROMPTS, max_bytes=60, speculate="auto")
    assert [one.tokens for one in found] == [one.tokens for one in plain]
    events = list(engine.stream([b"abc"], max_bytes=90, speculate="auto"))
    rounds = [event for event in events if event.drafted]
    assert rounds[0].drafted == FIRST_LENGTH
    for now, after in itertools.pairwise(rounds[:-1]):
        whole = now.accepted == now.drafted
        expected = 2 * now.drafted if whole else now.accepted + 1
        assert after.drafted == min(expected, LONGEST_DRAFT)
    assert len({event.drafted for event in rounds[:-1]}) > 2


def drafted(length: int, accepted: int) -> SpeculationRound:
    return SpeculationRound([9], [None], [None], [False], draft=[9] * length, accepted=accepted)


def test_the_length_of_drafts() -> None:
    length, seen = DraftLength("auto"), []
    for made, stay in ((4, 4), (8, 8), (16, 16), (16, 5), (6, 0), (1, 1), (2, 2), (4, 3)):
        length.learn(drafted(made, stay))
        seen.append(length.value)
    assert seen == [8, 16, 16, 6, 1, 2, 4, 4]
    # A round cut short by the budget or an end of document says nothing about longer ones.
    length.value = 16
    length.learn(drafted(3, 3))
    length.learn(drafted(0, 0))
    assert length.value == 16
    fixed = DraftLength(7)
    fixed.learn(drafted(7, 0))
    assert fixed.value == 7


def test_rounds_are_counted(wide) -> None:
    events = list(wide.engine().stream([b"abc"], max_bytes=60, speculate=6))
    rounds = [event for event in events if event.drafted]
    committed = sum(1 + event.accepted for event in rounds)
    # A token drawn in place of a drafted one begins the next round.
    assert len(events) - 6 <= committed <= len(events) + 6
    assert sum(event.global_ran for event in events) <= len(rounds) + 2
    with pytest.raises(ValueError, match="speculate: 0 is not 1 or more"):
        wide.engine().stream([b"abc"], speculate=0)


def test_the_drafts_are_told(wide) -> None:
    events = list(wide.engine().stream([b"abc"], max_bytes=60, speculate=6))
    tokens, refused = [event.token for event in events], 0
    for place, event in enumerate(events, 1):
        assert len(event.draft) == event.drafted
        stay, follow = event.draft[: event.accepted], tokens[place : place + event.accepted]
        assert list(stay[: len(follow)]) == follow
        after = tokens[place + event.accepted : place + event.accepted + 1]
        if after and event.accepted < event.drafted:
            assert event.draft[event.accepted] != after[0]
            refused += 1
    assert refused > 0


def test_a_draft_that_lacks_room_does_not_fail_for_it() -> None:
    case = random_case("bytes side by side", "static", 0)
    case.patcher = PatcherArgs(patching_mode="static", patch_size=6)
    plain = case.engine().generate([b"abcd"], max_bytes=20)
    assert case.engine().generate([b"abcd"], max_bytes=20, speculate=8)[0].data == plain[0].data


class Small:
    """Four bytes and the special ids: so few that every text of three tokens can be listed."""

    LENGTH = 3

    def __init__(self) -> None:
        blt = tiny(vocab_size=8)
        lively(blt)
        self.model = Incremental(blt, None, PatcherArgs(patching_mode="byte"))
        self.row = prefill(self.model, [BOS_ID, 5, 4])

    def expected(self, args: SamplingArgs) -> dict[tuple[int, ...], float]:
        """Probability of every text, by plain steps."""
        sampler, found = Sampler(args, 1, 8), {}
        for text in itertools.product([EOS_ID, 4, 5, 6, 7], repeat=self.LENGTH):
            row, chance, tokens = copy.deepcopy(self.row), 1.0, []
            for token in text:
                chance *= sampler.distribution(0, row.logits_V)[token]
                tokens.append(token)
                if token == EOS_ID or not chance:
                    break
                self.model.step([row], [token])
            found[tuple(tokens)] = chance
        return found

    def drawn(self, speculation: Speculation) -> tuple[int, ...]:
        """A text by rounds of speculation."""
        row, tokens, first = copy.deepcopy(self.row), [], None
        while len(tokens) < self.LENGTH:
            if first is None:
                (first,) = speculation.sampler.sample(row.logits_V[None], [0])
            if first == EOS_ID:
                return (*tokens, EOS_ID)
            done = speculation.round(row, 0, first, 3)
            tokens, first = [*tokens, *done.tokens], done.instead
        return tuple(tokens[: self.LENGTH])


def surprise(found: Counter, expected: dict, count: int) -> float:
    """Pearson's chi-square, in standard deviations above what chance gives; rare texts as one."""
    often = {text for text, chance in expected.items() if chance * count >= 5}
    pairs = [(found[text], expected[text] * count) for text in often]
    pairs.append((count - sum(n for n, _ in pairs), count - sum(m for _, m in pairs)))
    pairs = [(n, m) for n, m in pairs if m > 1]
    freedom = len(pairs) - 1
    return (sum((n - m) ** 2 / m for n, m in pairs) - freedom) / math.sqrt(2 * freedom)


class Credulous(Speculation):
    """Takes drafted tokens for drawn from the exact distribution, which would be a mistake."""

    def _judge(self, number, draft, found, done) -> None:
        nothing = [np.zeros_like(probs) for probs in draft.drawn_from]
        super()._judge(number, replace(draft, drawn_from=nothing), found, done)


@torch.inference_mode()
def test_sampled_text_has_the_distribution_of_the_model() -> None:
    small, args, count = Small(), SamplingArgs(temperature=1.5, min_p=0.02, seed=1), 1000
    expected = small.expected(args)
    assert sum(expected.values()) == pytest.approx(1)
    for kind in (Speculation, Credulous):
        speculation = kind(TorchModel(small.model), Sampler(args, 1, 8))
        found = Counter(small.drawn(speculation) for _ in range(count))
        assert (surprise(found, expected, count) < 4) == (kind is Speculation)
