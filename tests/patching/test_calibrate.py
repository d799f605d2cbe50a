"""Thresholds for a wanted patch size, against the rules themselves."""

import numpy as np
import pytest

from bytelatent.patching.calibrate import (
    CALIBRATED,
    patch_size_of,
    patch_sizes_of,
    start_values,
    threshold_for,
)
from bytelatent.patching.rules import PatchingMode, RuleOptions, patch_starts

RANDOM = np.random.default_rng(0)
TEXTS = [RANDOM.gamma(2, 0.8, size).astype(np.float32) for size in (1, 2, 50, 400, 3000)]


def starts_of(text, mode, threshold) -> int:
    """Patches that hold the bytes of a text, by the rule."""
    tokens = np.full((1, len(text) + 1), 9)
    entropies = np.append(text, 9.9).astype(np.float32)[None]
    starts = patch_starts(mode, tokens, entropies, RuleOptions(threshold=threshold))
    return int(starts[0, 1:-1].sum())


@pytest.mark.parametrize("mode", CALIBRATED)
@pytest.mark.parametrize("threshold", [0.0, 0.3, 1.7, 4.0])
def test_values_say_where_the_rule_starts_patches(mode, threshold) -> None:
    for text in TEXTS:
        values = start_values(text, mode)
        assert int((values > threshold).sum()) == starts_of(text, mode, threshold)
    assert np.isfinite(TEXTS[2]).all(), "the entropies themselves stay"


@pytest.mark.parametrize("mode", CALIBRATED)
@pytest.mark.parametrize("wanted", [2.5, 4.5, 8.0])
def test_the_threshold_gives_the_wanted_size_by_the_rule(mode, wanted) -> None:
    values = np.concatenate([start_values(text, mode) for text in TEXTS])
    threshold = threshold_for(values, wanted)
    patches = sum(starts_of(text, mode, threshold) for text in TEXTS)
    assert values.size / patches == pytest.approx(wanted, rel=0.01)
    assert patch_size_of(values, threshold) == values.size / patches


def test_weights_are_as_good_as_copies() -> None:
    values = RANDOM.random(300)
    copies = RANDOM.integers(1, 5, 300)
    many = np.repeat(values, copies)
    for wanted in (1.5, 3.0, 7.0):
        assert threshold_for(values, wanted, copies / 7) == threshold_for(many, wanted)
    thresholds = np.linspace(-0.1, 1.1, 30)
    expected = [patch_size_of(many, t) for t in thresholds]
    np.testing.assert_allclose(patch_sizes_of(values, thresholds, copies / 7), expected)
    assert expected[0] == 1 and np.isinf(expected[-1])


@pytest.mark.parametrize(
    ("values", "wanted", "named"),
    [
        ([], 4.5, "entropies: none given"),
        ([1.0, 2.0], 1.0, r"patch_size: 1\.0 is not more than 1 byte"),
        ([1.0, 2.0], float("nan"), "patch_size: nan is not more"),
        ([np.inf, 1, 2, np.inf, 3, 4], 4.0, r"too long for this sample: .* 3\.0 bytes each"),
        ([-1.0, -2.0, -3.0, 1.0], 1.5, r"needs a threshold below 0; 0 gives 4\.00 bytes"),
    ],
)
def test_what_no_threshold_can_give_is_refused(values, wanted, named) -> None:
    with pytest.raises(ValueError, match=named):
        threshold_for(np.array(values), wanted)


def test_other_rules_have_no_threshold_to_set() -> None:
    with pytest.raises(ValueError, match="'combined' has no threshold to set; entropy and mono"):
        start_values(TEXTS[2], PatchingMode.COMBINED)
