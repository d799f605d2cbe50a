"""Rows of text: where they end, what is told of them, and that they do not see one another."""

import json
from itertools import groupby

import pytest
import torch

from bytelatent.generation.events import RowText, trace
from bytelatent.generation.sampling import SamplingArgs
from bytelatent.generation.torch_backend.engine import Engine
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.tokenizers.constants import EOS_ID, OFFSET
from tests.generation.random_cases import PAIRS, random_case

PROMPTS = [b"", b"A BLT has", b"x", b"\xff\xfe and some longer prompt, beyond every window", b"x"]
SAMPLING = SamplingArgs(temperature=0.7, top_p=0.9, seed=4)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return random_case("as released", "entropy", 1).engine()


@pytest.mark.parametrize(("variant", "mode"), PAIRS)
@pytest.mark.parametrize("sampling", [SamplingArgs(), SAMPLING], ids=["greedy", "sampled"])
def test_a_batch_gives_what_its_prompts_get_alone(variant, mode, sampling) -> None:
    engine = random_case(variant, mode, 2).engine()
    together = engine.generate(PROMPTS, max_bytes=20, sampling=sampling)
    for prompt, found in zip(PROMPTS[:4], together, strict=False):
        (alone,) = engine.generate([prompt], max_bytes=20, sampling=sampling)
        assert alone.tokens == found.tokens
        assert (alone.patches, alone.finish) == (found.patches, found.finish)
    assert (together[2].tokens == together[4].tokens) == sampling.greedy


def test_same_seed_same_text(engine) -> None:
    one, same, other = (
        engine.generate([b"The"], sampling=SamplingArgs(temperature=1, seed=seed), max_bytes=20)
        for seed in (1, 1, 2)
    )
    assert one[0].data == same[0].data != other[0].data


def test_rows_end_on_their_own_and_events_add_up(engine) -> None:
    found = engine.generate(PROMPTS, max_bytes=12)
    events = list(engine.stream(PROMPTS, max_bytes=12))
    stop = bytes([next(e.byte for e in events if e.row == 1 and e.byte is not None)])
    with_stop = engine.generate(PROMPTS, max_bytes=12, stop=[stop])
    for row, whole in enumerate(found):
        own = [event for event in events if event.row == row]
        assert [event.token for event in own] == whole.tokens
        assert "".join(event.text for event in own) == whole.text
        assert bytes(e.byte for e in own if e.byte is not None) == whole.data
        assert own[-1].finish == whole.finish
        assert all(event.finish is None for event in own[:-1])
        before, there, _ = whole.data.partition(stop)
        assert with_stop[row].data == before
        assert with_stop[row].finish == ("stop" if there else whole.finish)


def test_events_tell_what_was_computed() -> None:
    case = random_case("as released", "entropy", 5)
    events = list(case.engine().stream([b"some text"], max_bytes=20))
    tokens = [1, *(byte + OFFSET for byte in b"some text")]
    for event in events:
        probs = case.logits(tokens)[-1].softmax(-1)
        assert event.probability == pytest.approx(float(probs[event.token]), abs=1e-5)
        assert event.starts_patch == (event.entropy > case.patcher.threshold)
        assert event.starts_patch <= event.global_ran
        tokens.append(event.token)
    assert len({event.starts_patch for event in events}) == 2
    assert [e.seconds for e in events] == sorted(e.seconds for e in events)
    without = PatcherArgs(patching_mode="space")
    assert next(Engine(case.blt, None, without).stream([b"a"])).entropy is None


def test_an_end_of_document_ends_a_row() -> None:
    case = random_case("as released", "space", 4)
    (whole,) = case.engine().generate([b"abc"], max_bytes=30)
    place = next(n for n, t in enumerate(whole.tokens) if n > 3 and t not in whole.tokens[:n])
    token = whole.tokens[place]
    with torch.no_grad():  # the rows of both ids change places
        weight = case.blt.local_decoder.output.weight
        weight[[EOS_ID, token]] = weight[[token, EOS_ID]]
    (found,) = case.engine().generate([b"abc"], max_bytes=30)
    assert found.finish == "eos"
    assert found.tokens == [*whole.tokens[:place], EOS_ID]


def test_no_prompts_no_bytes(engine) -> None:
    assert engine.generate([]) == []
    (found,) = engine.generate([b"abc"], max_bytes=0)
    assert (found.data, found.finish) == (b"", "length")
    assert list(engine.stream([b"abc"], max_bytes=0)) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"max_bytes": -1}, "max_bytes: -1 is not 0 or more"), ({"stop": [b""]}, "stop: an empty")],
)
def test_bad_numbers_are_refused_before_anything_runs(engine, changes, words) -> None:
    with pytest.raises(ValueError, match=words):
        engine.stream([b"abc"], **changes)


def test_traces_are_json(engine) -> None:
    events = list(engine.stream(PROMPTS[:2], max_bytes=3))
    rows = json.loads(json.dumps(trace(events)))["rows"]
    assert [row["row"] for row in rows] == [0, 1]
    kept = [event["token"] for row in rows for event in row["events"]]
    by_row = sorted(events, key=lambda event: event.row)
    assert kept == [e.token for _, own in groupby(by_row, lambda e: e.row) for e in own]


def pushed(
    data: bytes, budget: int = 99, stop: tuple[bytes, ...] = ()
) -> tuple[list[str], RowText]:
    text = RowText(budget, stop)
    shown = []
    for byte in data:
        if text.finish is None:
            shown.append(text.push(byte + OFFSET))
    return shown, text


def test_characters_come_out_whole() -> None:
    shown, text = pushed("aé€".encode(), budget=6)
    assert shown == ["a", "", "é", "", "", "€"]
    assert text.finish == "length"
    shown, _ = pushed("é€".encode(), budget=4)
    assert shown == ["", "é", "", "\N{REPLACEMENT CHARACTER}"]


def test_what_may_become_a_stop_string_is_held_back() -> None:
    shown, text = pushed(b"one END", stop=(b"END", b"!"))
    assert shown == ["o", "n", "e", " ", "", "", ""]
    assert (bytes(text.data), text.finish) == (b"one ", "stop")
    shown, text = pushed(b"EN.ENEND", stop=(b"END",))
    assert shown == ["", "", "EN.", "", "", "EN", "", ""]
    assert (bytes(text.data), text.finish) == (b"EN.EN", "stop")
    shown, text = pushed(b"aEN", budget=3, stop=(b"END",))
    assert shown == ["a", "", "EN"]
