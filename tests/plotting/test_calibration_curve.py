"""The figure of thresholds and patch sizes."""

import json
import re

import pytest

from bytelatent.plotting.calibration_curve import COMMAND, read_calibration
from bytelatent.plotting.style import LIGHT
from tests.plotting.conftest import CALIBRATION


def test_the_numbers_are_those_of_the_file(calibration, place) -> None:
    assert place.run(COMMAND, "--calibration", str(calibration)) == 0
    values = place.read("calibration_curve.json")
    assert values["thresholds"] == [0.0, 0.5, 1.0, 1.5]
    assert values["mix"] == CALIBRATION["curve"]["mix"]
    assert values["languages"] == CALIBRATION["curve"]["languages"]
    assert (values["threshold"], values["patch_size"]) == (1.03123, 4.49123)
    assert list(values["at_threshold"]) == ["en", "x<b>"], "longest first"
    assert values["bytes"] == 5000 and values["rule"] == "entropy"


@pytest.mark.usefixtures("no_images")
def test_the_page_shows_curves_the_place_in_use_and_a_bar_per_language(calibration, place) -> None:
    assert place.run(COMMAND, "--calibration", str(calibration)) == 0
    page = place.page("calibration_curve.html")
    content = json.loads(re.search(r'id="figure">(.*?)</script>', page, re.DOTALL)[1])["figure"]
    lines = {one["name"]: one for one in content["data"] if one["type"] == "scatter"}
    assert list(lines) == ["en", "x&lt;b&gt;", "mix", "in use"]
    assert lines["mix"]["line"]["color"] == LIGHT["blue"]
    assert (lines["in use"]["x"], lines["in use"]["y"]) == ([1.03123], [4.49123])
    (bars,) = (one for one in content["data"] if one["type"] == "bar")
    assert bars["x"] == [2.5, 6.125] and bars["y"] == ["x&lt;b&gt;", "en"]
    assert "1.031 nats" in page and "5,000 bytes" in page


def test_the_model_s_folder_is_looked_in(calibration, place) -> None:
    assert place.run(COMMAND, "--model", str(calibration.parent)) == 0
    assert place.read("calibration_curve.json")["model"] == "fake"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"curve": {}}, r"is no calibration \(KeyError\('languages'\)\)"),
        ({"rule": "static"}, r"is no calibration \(KeyError\('static'\)\)"),
        ({"bytes_per_patch": {"en": "much"}}, "is no calibration"),
        ({"curve": CALIBRATION["curve"] | {"mix": [1.0]}}, "curves of different lengths"),
        ({"curve": {"thresholds": [], "mix": [], "languages": {}}}, "curves of different lengths"),
        ({"curve": CALIBRATION["curve"] | {"mix": [1, 2, 3, float("nan")]}}, "not finite"),
    ],
)
def test_other_content_is_refused(calibration, change, named) -> None:
    calibration.write_text(json.dumps(CALIBRATION | change))
    with pytest.raises(ValueError, match=named):
        read_calibration(calibration)


def test_what_is_no_object_is_refused(calibration) -> None:
    for text, named in (("[]", "is no calibration"), ("{", "is no JSON")):
        calibration.write_text(text)
        with pytest.raises(ValueError, match=named):
            read_calibration(calibration)
