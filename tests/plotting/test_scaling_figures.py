"""Figures of the scaling study, from no records, from some, and from all."""

import json
import shutil
from pathlib import Path

import pytest

from bytelatent.plotting import patch_lengths, scaling_figures
from bytelatent.plotting.panels import Panel, Series, rows_of, short
from bytelatent.plotting.scaling_figures import FIGURES
from bytelatent.scaling.args import FitArgs
from bytelatent.scaling.collecting import collect_records, write_fits
from tests.plotting.conftest import Place
from tests.scaling import made_up

ROOT = Path(__file__).parents[2]
STEMS = [planned.card.stem for planned in FIGURES]
OURS_ALONE = {"scaling_inference", "scaling_gaps", "languages_by_family"}
"""Figures that the paper has nothing for."""


def prepare(place: Place, budgets: int, *, extras: bool = True) -> None:
    """The paper's numbers, patches by language, and records of so many budgets."""
    place.data.mkdir(parents=True)
    shutil.copy(ROOT / "plot_data" / "paper.json", place.data)
    assert place.run(patch_lengths.COMMAND) == 0
    if budgets:
        out = made_up.write(place.data / "scaling", budgets=budgets, extras=extras)
        collect_records(out)
        if budgets > 1:
            write_fits(out, FitArgs(draws=20))


def panels(place: Place, stem: str) -> list[dict]:
    return place.read(f"{stem}.json")["panels"]


@pytest.mark.usefixtures("no_images")
def test_without_records_the_paper_is_drawn_and_the_rest_is_named(place, capsys):
    prepare(place, 0)
    assert place.run(scaling_figures.COMMAND) == 0
    lines = capsys.readouterr().err.splitlines()
    assert {line.partition(":")[0] for line in lines if "left out" in line} == OURS_ALONE
    drawn = {path.stem for path in place.out.glob("*.html")}
    assert drawn == set(STEMS) - OURS_ALONE
    assert {one["layer"] for one in panels(place, "scaling_curves")} == {"paper"}
    assert "No runs of ours" in place.page("scaling_curves.html")
    assert set(json.loads(place.page("artifacts.json"))) == {f"{stem}.html" for stem in drawn}


@pytest.mark.usefixtures("no_images")
def test_all_records(place, capsys):
    prepare(place, 4)
    assert place.run(scaling_figures.COMMAND) == 0
    assert capsys.readouterr().err == ""
    assert {path.stem for path in place.out.glob("*.html")} == set(STEMS)
    ours, counted, paper = panels(place, "scaling_curves")
    assert [ours["layer"], counted["layer"], paper["layer"]] == ["ours", "ours", "paper"]
    assert paper["approximate"] and not ours["approximate"]
    points = {one["name"]: one for one in ours["series"] if one["style"] == "measured"}
    assert list(points) == ["blt-entropy", "blt-space", "blt-static", "bytes", "bpe"]
    assert len(points["bpe"]["x"]) == 4
    assert points["bpe"]["low"][0] < points["bpe"]["y"][0] < points["bpe"]["high"][0]
    assert points["bpe"]["low"][3] == points["bpe"]["high"][3], "one seed has no range"
    shifted = next(one for one in counted["series"] if one["style"] == "measured")
    assert shifted["x"][0] > points["blt-entropy"]["x"][0]
    page = place.page("scaling_curves.html")
    assert "arXiv 2412.09871, approximate" in page and "bootstrap" in page


@pytest.mark.usefixtures("no_images")
def test_one_budget_has_points_and_no_laws(place, capsys):
    prepare(place, 1, extras=False)
    assert place.run(scaling_figures.COMMAND) == 0
    styles = {one["style"] for one in panels(place, "scaling_curves")[0]["series"]}
    assert styles == {"measured"}
    assert "scaling_gaps: no two families" in capsys.readouterr().err


@pytest.mark.usefixtures("no_images")
def test_what_has_gone_is_taken_away(place):
    prepare(place, 2)
    place.run(scaling_figures.COMMAND)
    assert (place.out / "scaling_gaps.html").is_file()
    shutil.rmtree(place.data / "scaling")
    place.run(scaling_figures.COMMAND)
    assert not list(place.root.rglob("scaling_gaps.*"))
    assert "scaling_gaps.html" not in json.loads(place.page("artifacts.json"))


@pytest.mark.usefixtures("no_images")
def test_ablations_are_above_the_family_as_it_is(place):
    prepare(place, 2)
    place.run(scaling_figures.COMMAND)
    own, *papers = panels(place, "scaling_ablations")
    assert own["categories"][0].startswith("as it is [2.00")
    assert own["categories"][1] == "cross-decoder [2.050]"
    assert own["series"][0]["y"][0] == 0
    assert own["series"][0]["y"][1] == pytest.approx(0.05, abs=0.01)
    assert [one["source"].split(" of ")[0] for one in papers] == [
        "Table 7",
        "Tables 8 and 12",
        "Table 9",
    ]
    assert 0.0 in papers[0]["series"][0]["y"], "the released shape is the zero"


def test_two_runs_write_the_same_bytes(place, second_place, monkeypatch):
    wanted = [one for one in FIGURES if one.card.stem in ("scaling_curves", "patch_histograms")]
    monkeypatch.setattr(scaling_figures, "FIGURES", tuple(wanted))
    for target in (place, second_place):
        prepare(target, 2, extras=False)
        assert target.run(scaling_figures.COMMAND) == 0
    assert place.contents() == second_place.contents()


def test_languages_that_are_known_from_the_text_alone_are_left_out(place, tmp_path):
    texts = [{"lang": lang, "name": lang, "text": "a b c d e f"} for lang in ("en", "de")]
    (tmp_path / "texts.json").write_text(json.dumps({"source": "made up", "texts": texts}))
    assert place.run(patch_lengths.COMMAND, "--texts", str(tmp_path / "texts.json")) == 0
    found = place.read("patch_lengths.json")["languages"]
    assert [one["in_mix"] for one in found] == [True, True]
    assert all(sum(one["counts"]) == one["patches"] for one in found)
    (tmp_path / "texts.json").write_text("{}")
    assert place.run(patch_lengths.COMMAND, "--texts", str(tmp_path / "texts.json")) == 1


def test_every_number_of_the_paper_has_its_source():
    paper = json.loads((ROOT / "plot_data" / "paper.json").read_text(encoding="utf-8"))
    for name, table in paper.items():
        assert table["source"].split()[0] in ("Table", "Tables", "Figure"), name
        assert table["paper"].startswith("arXiv "), name
        assert table["approximate"] == table["source"].startswith("Figure"), name


def test_numbers_on_axes_and_in_tables():
    words = [short(x) for x in (0, 0.25, 250_000, 1.5e6, 2e9, 1e13, 2e13)]
    assert words == ["0", "0.25", "250k", "1.5M", "2G", "10¹³", "2·10¹³"]
    series = [Series("a", [1.0, None], low=[0.5, None], high=[2.0, None]), Series("b", [3.0, 4.0])]
    panel = Panel("t", "bars", "", "y", series, "us", categories=["p", "q"])
    assert rows_of(panel) == (
        ["", "a", "b"],
        [["p", "1 (0.5 to 2)", "3"], ["q", "–", "4"]],
    )
