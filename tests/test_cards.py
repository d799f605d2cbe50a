"""Parts of a card, and cards of models that were released before these parts were measured."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bytelatent.config import check_args
from bytelatent.evaluation.cards import Release, card
from bytelatent.evaluation.cards.card_tables import compressors, outside, table, text
from bytelatent.evaluation.cards.training_facts import curve
from bytelatent.loading import read_settings
from bytelatent.metrics import read_metrics
from bytelatent.training.args import TrainArgs

PRETRAINED = Path(__file__).parents[1] / "bytelatent" / "pretrained"

ONE = {"bytes": 1000, "bits_per_byte": 1.5, "bytes_per_patch": 4.0}
WITH = ONE | {"compressors": {"xz -9": 2.25, "bz2 -9": 2.5}}
EVALUATION = {
    "entropy_model": None,
    "total": WITH,
    "kinds": {"prose": WITH, "code": WITH},
    "outside": {"held-dna": WITH},
}
PART = {"repeated_mean": 0.125, "repeated_worst": 0.5, "words": 90, "share_of_words": 0.95}
TEXT = {
    "prompts": 2,
    "bytes": 256,
    "window": 16,
    "temperature": 0.7,
    "greedy": PART,
    "sampled": PART,
    "prose": PART,
    "word_list": "a list 1.0, English",
    "examples": [{"prompt": "The", "greedy": " a|b\n*c*", "sampled": ""}] * 5,
}


def release(name: str) -> Release:
    """A shipped model as its card is made from it, without the corpus."""
    folder = PRETRAINED / name
    settings = read_settings(folder)
    fields = {key: value for key, value in settings.items() if key in TrainArgs.model_fields}
    fields["data"] = {
        key: value
        for key, value in settings["data"].items()
        if key not in ("patcher_args", "tokenizer_args")
    }
    return Release(
        args=check_args(TrainArgs, fields),
        out=Path("out"),
        evaluation=json.loads((folder / "evaluation.json").read_text()),
        entries={},
        metrics=read_metrics(folder / "metrics.jsonl"),
        training=settings["training"],
        entropy_training=None,
        calibration=json.loads((folder / "calibration.json").read_text()),
        dtype="fp32",
        files=[path.name for path in folder.iterdir()],
    )


def test_compressors_stand_in_columns_where_they_were_measured() -> None:
    lines = table("kind", EVALUATION, "kinds").splitlines()
    assert lines[0] == "| kind | bytes | bits per byte | bytes per patch | xz -9 | bz2 -9 |"
    assert lines[2] == "| prose | 1,000 | 1.500 | 4.00 | 2.250 | 2.500 |"
    assert lines[-1].startswith("| **all** |")
    assert len({line.count("|") for line in lines}) == 1
    plain = table("kind", EVALUATION | {"total": ONE, "kinds": {"prose": ONE}}, "kinds")
    assert "xz" not in plain and len(plain.splitlines()) == 4
    assert "one stream" in compressors(EVALUATION) and compressors({"total": ONE}) == ""


def test_texts_from_outside_the_mix_have_a_table_without_a_sum() -> None:
    assert "| held-dna | 1,000 |" in outside(EVALUATION) and "**all**" not in outside(EVALUATION)
    assert outside({"total": ONE}) == ""


def test_what_a_model_writes_stands_on_its_card_as_it_is() -> None:
    found = text({"text": TEXT})
    assert "12.5% of all runs of 16 bytes" in found and "50.0% in the worst one" in found
    assert "95.0% of 90 words are words by the list of a list 1.0, English" in found
    rows = [line for line in found.splitlines() if line.startswith("| The")]
    assert rows == ["| The |  a&#124;b ↵ &#42;c&#42; | (nothing) |"] * 3
    without = {key: value for key, value in PART.items() if "words" not in key}
    assert "words are words" not in text({"text": TEXT | {"sampled": without}})
    assert text({}) == ""


def test_the_curve_is_bars_and_a_table() -> None:
    lines = [
        {"step": step, "bytes": step * 1e6, "bits_per_byte": 8 - step / 10} for step in range(1, 51)
    ]
    lines += [{"step": step, "valid_bits_per_byte": 8 - step / 10} for step in range(5, 51, 5)]
    found = curve(replace(release("blt-mini"), metrics=lines))
    bars = next(line for line in found.splitlines() if line.startswith("    ")).split()
    assert bars[0] == "7.85" and bars[2] == "3.00"
    assert bars[1][0] == "█" and bars[1][-1] == "▁" and len(bars[1]) == 40
    assert "| MB of text | 5.0 |" in found and found.endswith("| 3.000 |")
    plain = curve(replace(release("blt-mini"), metrics=lines[:3]))
    assert plain.count("|") == 0 and "7.90" in plain
    assert curve(replace(release("blt-mini"), metrics=[])) == ""


@pytest.mark.parametrize("name", ["blt-mini", "blt-entropy-mini"])
def test_a_model_released_before_gets_a_card(name) -> None:
    made = release(name)
    found = card(made)
    for part in ("kinds", "languages", "sources"):
        assert f"| {next(iter(made.evaluation[part]))} |" in found
    assert "| MB of text |" in found
    more = card(replace(made, evaluation={**made.evaluation, "text": TEXT}))
    assert "\n## Text\n" in more and "\n## Training\n" in more
    bounded = {**made.evaluation["patcher"], "max_patch_length": 16}
    bounded_card = card(replace(made, evaluation={**made.evaluation, "patcher": bounded}))
    assert "None is longer than 16 bytes." in bounded_card
    assert ("--max-patch-length 16" in bounded_card) == (name == "blt-entropy-mini")
