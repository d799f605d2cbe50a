"""Power laws: known exponents come back, bands hold the truth, files say what was fitted."""

import json

import numpy as np
import pytest

from bytelatent.scaling.args import FitArgs
from bytelatent.scaling.collecting import FITS, collect_records, write_fits
from bytelatent.scaling.fitting import PowerLaw, bootstrap, fit_offset, fit_power, gap

BUDGETS = np.array([2e12, 2e12, 7e12, 7e12, 2.2e13, 7e13])


def test_known_exponents_come_back() -> None:
    power = fit_power(BUDGETS, 40 * BUDGETS**-0.1)
    assert power.b == pytest.approx(0.1)
    assert power.at(np.array([1e14]))[0] == pytest.approx(40 * 1e14**-0.1)
    truth = PowerLaw(a=1.5, b=0.31, c=0.9, unit=1e13)
    found = fit_offset(BUDGETS, truth.at(BUDGETS))
    assert (found.b, found.c) == pytest.approx((0.31, 0.9), abs=2e-3)
    np.testing.assert_allclose(found.at(BUDGETS), truth.at(BUDGETS), rtol=1e-5)


def test_without_an_offset_there_is_none() -> None:
    found = fit_offset(BUDGETS, 40 * BUDGETS**-0.1)
    assert found.c == pytest.approx(0, abs=0.02)
    assert found.b == pytest.approx(0.1, abs=2e-3)


def test_bands_hold_the_truth_and_follow_the_noise() -> None:
    truth, grid = PowerLaw(2.5, 0.08, 0.0, 1e13), np.geomspace(2e12, 7e13, 5)
    held, widths = 0, []
    for seed, noise in enumerate([0.01] * 30 + [0.001] * 30):
        rng = np.random.default_rng(seed)
        bits = truth.at(BUDGETS) * np.exp(noise * rng.standard_normal(len(BUDGETS)))
        low, high = bootstrap(fit_power, BUDGETS, bits, 200, seed=seed).band(grid, 0.9)
        widths.append(float(np.mean(high - low)))
        held += int(np.sum((low < truth.at(grid)) & (truth.at(grid) < high)))
    assert 0.7 < held / (60 * len(grid)) <= 1
    assert np.mean(widths[:30]) > 5 * np.mean(widths[30:])


def test_a_gap_is_the_difference_of_the_curves() -> None:
    one = bootstrap(fit_power, BUDGETS, 40 * BUDGETS**-0.10, 10, seed=0)
    other = bootstrap(fit_power, BUDGETS, 60 * BUDGETS**-0.11, 10, seed=0)
    found = gap(one, other, BUDGETS, 0.9)
    np.testing.assert_allclose(found["bits_per_byte"], 60 * BUDGETS**-0.11 - 40 * BUDGETS**-0.10)
    np.testing.assert_allclose(found["low"], found["high"], atol=1e-9)


def test_too_few_budgets_are_refused() -> None:
    with pytest.raises(ValueError, match="1 different amounts of training"):
        fit_power(np.array([1e12, 1.01e12]), np.array([2.0, 2.1]))
    with pytest.raises(ValueError, match="at least 4"):
        fit_offset(BUDGETS[:5], np.ones(5))


def write_points(folder) -> None:
    for family, level in {"blt-entropy": 40.0, "bpe": 42.0}.items():
        for number, flops in enumerate(BUDGETS):
            record = {
                "point": f"x-{family}-{number}",
                "kind": "grid",
                "family": family,
                "flops": {
                    "budget": flops,
                    "training": flops,
                    "training_with_entropy_model": 3 * flops if family != "bpe" else flops,
                },
                "bits_per_byte": {"total": {"bits_per_byte": level * flops**-0.1}},
            }
            (folder / f"x-{family}-{number}.json").write_text(json.dumps(record))
    lone = {"point": "l", "kind": "ablation", "family": "bpe", "flops": {"budget": 1.0}}
    (folder / "lone.json").write_text(json.dumps(lone))


def test_files_say_what_was_fitted(tmp_path) -> None:
    write_points(tmp_path)
    collect_records(tmp_path)
    for _ in range(2):  # what they write is no record
        write_fits(tmp_path, FitArgs(draws=20))
        collected = json.loads(collect_records(tmp_path).read_text())
    assert [len(collected[kind]) for kind in ("grid", "ablation", "sweep")] == [12, 1, 0]
    fits = json.loads((tmp_path / FITS).read_text())
    family = fits["training"]["power"]["families"]["bpe"]
    assert family["law"]["b"] == pytest.approx(0.1)
    assert family["points"] == 6
    gaps = fits["training"]["power"]["gaps"]["bpe"]
    assert gaps["bits_per_byte"][0] == pytest.approx(2 * BUDGETS[0] ** -0.1)
    counted = fits["training_with_entropy_model"]["power"]
    assert counted["gaps"]["bpe"]["bits_per_byte"][0] < gaps["bits_per_byte"][0]
    assert counted["gaps"]["bpe"]["flops"][0] == pytest.approx(3 * BUDGETS[0])
    assert fits["training"]["offset"]["families"].keys() == {"bpe", "blt-entropy"}


def test_an_empty_folder_is_named(tmp_path) -> None:
    with pytest.raises(ValueError, match="holds no record"):
        write_fits(tmp_path, FitArgs())
