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


def test_bands_of_gaps_hold_the_truth_as_often_as_they_say() -> None:
    one, other = PowerLaw(2.5, 0.08, 0.0, 1e13), PowerLaw(2.6, 0.07, 0.0, 1e13)
    grid = np.geomspace(2e12, 7e13, 5)
    truth = other.at(grid) - one.at(grid)
    held = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        fits = [
            bootstrap(
                fit_power,
                BUDGETS,
                law.at(BUDGETS) * np.exp(0.01 * rng.standard_normal(len(BUDGETS))),
                200,
                seed=number,
            )
            for number, law in enumerate((one, other))
        ]
        found = gap(*fits, grid, 0.9)
        held += int(np.sum((found["low"] < truth) & (truth < found["high"])))
    assert 0.85 < held / (150 * len(grid)) < 0.96


def test_families_that_miss_the_law_alike_are_not_told_apart_by_it(tmp_path) -> None:
    """What is left over is the same in both: with the same draws it would cancel."""
    miss = np.array([1.01, 1.01, 0.99, 0.99, 0.99, 1.01])
    write_points(tmp_path, miss)
    write_fits(tmp_path, FitArgs(draws=200))
    gaps = json.loads((tmp_path / FITS).read_text())["training"]["power"]["gaps"]["bpe"]
    width = np.array(gaps["high"]) - np.array(gaps["low"])
    assert width.min() > 0.01


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
    with pytest.raises(ValueError, match="1 different amounts"):
        fit_power(np.array([1.2647e12, 1.2774e12]), np.array([2.0, 2.1]))


def write_points(folder, miss=(1.0,) * 6) -> None:
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
                "bits_per_byte": {"total": {"bits_per_byte": level * flops**-0.1 * miss[number]}},
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


def test_runs_on_different_text_are_not_mixed(tmp_path) -> None:
    for name, size in (("a", 500), ("b", 600)):
        sources = {"songs": {"bytes": size, "bits_per_byte": 2.0}}
        record = {"point": name, "kind": "grid", "bits_per_byte": {"sources": sources}}
        (tmp_path / f"{name}.json").write_text(json.dumps(record))
    with pytest.raises(ValueError, match="b and a were measured on different text"):
        collect_records(tmp_path)
