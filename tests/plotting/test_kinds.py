"""The figure of bits per byte by kind of text."""

import json

import pytest

from bytelatent.plotting.kinds import COMMAND, read_kinds


def test_kinds_come_first_then_texts_from_outside_the_mix(evaluation):
    found = read_kinds([evaluation])
    assert found.groups == ["prose", "x<b>", "held-dna"]
    assert found.outside == 1
    assert found.bits == {
        "fake": [1.8712345678, 2.0, 3.5],
        "xz -9": [2.5, None, 2.3],
        "bz2 -9": [2.25, None, None],
    }
    assert found.bytes == [3000, 1000, 500]


def test_a_second_model_stands_beside_the_first(evaluation, tmp_path):
    other = json.loads(evaluation.read_text()) | {"model": "other"}
    del other["outside"], other["kinds"]["x<b>"]
    (tmp_path / "other.json").write_text(json.dumps(other))
    found = read_kinds([evaluation, tmp_path / "other.json"])
    assert found.models == ["fake", "other"]
    assert found.bits["other"] == [1.8712345678, None, None]


@pytest.mark.usefixtures("no_images")
def test_markup_in_names_is_text(place, evaluation):
    assert place.run(COMMAND, "--evaluation", str(evaluation)) == 0
    page = place.page("kinds.html")
    assert "<b>" not in page.split('id="figure">')[1].split("</script>")[0]
    assert place.read("kinds.json")["outside"] == ["held-dna"]


@pytest.mark.usefixtures("no_images")
def test_without_a_model_both_shipped_ones_are_drawn(place):
    assert place.run(COMMAND) == 0
    values = place.read("kinds.json")
    assert values["models"] == ["blt-entropy-mini", "blt-mini"]
    assert "prose" in values["groups"]


@pytest.mark.parametrize("content", ["[]", "{}", '{"model": "a", "kinds": {}}', "no JSON"])
def test_what_is_no_evaluation_is_named(content, place, tmp_path, capsys):
    path = tmp_path / "evaluation.json"
    path.write_text(content)
    assert place.run(COMMAND, "--evaluation", str(path)) == 1
    error = capsys.readouterr().err
    assert str(path) in error and error.count("\n") == 1
