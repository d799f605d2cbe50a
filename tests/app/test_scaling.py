"""``/scaling`` and ``/api/scaling``: no study, a part of one, all of one, a damaged one."""

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app.pages.scaling_page import BLOCKS, TINTS, _value
from app.schemas.scaling import Scaling, ScalingSeries
from app.settings import Settings
from app.stored.study import EMPTY, FIGURES, Study
from bytelatent.plotting.panels import SERIES_COLOURS
from bytelatent.plotting.scaling_figures import FIGURES as PLANNED
from tests.app.study_files import write_study


def test_the_page_knows_every_figure_and_colour() -> None:
    stems = {planned.card.stem for planned in PLANNED}
    assert set(FIGURES) == stems == {stem for _, stem in BLOCKS if stem}
    assert set(TINTS) == set(SERIES_COLOURS)


def test_without_a_study(client: FlaskClient) -> None:
    html = client.get("/scaling").text
    assert "There is no report of a study yet" in html
    assert client.get("/api/scaling").get_json() == EMPTY.model_dump()


def test_the_paper_alone(client: FlaskClient, settings: Settings) -> None:
    write_study(settings.plot_data, budgets=0)
    html = client.get("/scaling").text
    assert "nothing to report" in html
    assert "the paper: Figure 6 of arXiv 2412.09871, read off the figure, approximate" in html
    assert 'class="chart ours"' in html and 'class="chart paper read"' in html, (
        "FLOPs of our own model"
    )
    figures = {one["name"] for one in client.get("/api/scaling").get_json()["figures"]}
    assert figures == set(FIGURES) - {"scaling_inference", "scaling_gaps", "languages_by_family"}


def test_all_of_a_study(client: FlaskClient, settings: Settings) -> None:
    write_study(settings.plot_data)
    html = client.get("/scaling").text
    for words in (
        "Do entropy patches beat BPE and space patches at equal training FLOPs?",
        "And at equal inference FLOPs?",
        "How does the gap move with the budget?",
        "Beside the paper",
        "entropy patches are behind bpe",
    ):
        assert words in html
    assert not re.search(r"\sstyle=|<style", html)
    links = set(re.findall(r'href="(/artifact/[^"]+)"', html))
    assert len(links) == len(FIGURES)
    assert all(client.get(link).status_code == 200 for link in links)
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))


def test_the_api_says_the_same(client: FlaskClient, settings: Settings) -> None:
    write_study(settings.plot_data, budgets=2)
    response = client.get("/api/scaling")
    found = Scaling.model_validate(response.get_json())
    assert [one.name for one in found.figures] == list(FIGURES)
    assert all(
        len(row) == len(p.columns) for one in found.figures for p in one.panels for row in p.rows
    )
    again = client.get("/api/scaling", headers={"If-None-Match": response.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (0.00946, 0.0139, "0.009 ± 0.014"),
        (-0.0746, 0.0139, "-0.075 ± 0.014"),
        (98.0, 0.99, "98.00 ± 0.99"),
        (58.0, 3.49, "58.0 ± 3.5"),
        (1234.0, 56.0, "1234 ± 56"),
        (0.00946, 0.0, "0.00946"),
    ],
)
def test_a_bar_says_no_more_digits_than_its_error_has(
    value: float, error: float, words: str
) -> None:
    ends = {"low": [value - error], "high": [value + error]}
    bar = ScalingSeries(name="", y=[value], x=[], colour="blue", style="plain", **ends)
    assert _value(bar, 0) == words


@pytest.mark.parametrize("content", ["", "[]", '{"title": 1}', '{"head": "x", "other": 1}'])
def test_damaged_files_are_left_out(tmp_path: Path, content: str) -> None:
    for name in ("scaling_report.json", "scaling_curves.json"):
        (tmp_path / name).write_text(content)
    assert Study(tmp_path).read().model_dump() == EMPTY.model_dump()


def test_what_changes_is_read_again(tmp_path: Path) -> None:
    study = Study(tmp_path)
    assert study.read() is study.read()
    before = study.body()
    write_study(tmp_path, budgets=1)
    assert study.read().head.startswith("10 of the 30")
    assert study.body() is not before
