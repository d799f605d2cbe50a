"""Training runs: reading files as they grow, shortening curves, finding runs, routes and page."""

import json
import logging
import math
import os
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from app import create_app
from app.runs.columns import MOST_SERIES, Columns, Series
from app.runs.curve import Window, bytes_at, curve_of
from app.runs.expected import expected_of
from app.runs.find_runs import runs_below, summary_of
from app.runs.no_js_curves import no_js_curves
from app.runs.tail import Tail
from app.schemas.runs import RunCurves, RunList
from app.settings import RUNS_VARIABLE, Settings


def record(step: int, **more: Any) -> dict[str, Any]:
    return {"step": step, "bits_per_byte": 4 / (1 + step / 100), "bytes": step * 4096} | more


def line(step: int, **more: Any) -> str:
    return json.dumps(record(step, **more)) + "\n"


def write_run(folder: Path, steps: range, **more: Any) -> Path:
    """A run whose last step is followed by a held-out measurement."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "metrics.jsonl"
    lines = [line(step, **more) for step in steps]
    lines.append(
        json.dumps({"step": steps[-1], "valid_bits_per_byte": 2.5, "valid_by_source": {"a": 2.0}})
        + "\n"
    )
    path.write_text("".join(lines))
    return path


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A shipped model with figures, and a folder with two local runs."""
    shipped = tmp_path / "shipped" / "model-a"
    write_run(shipped, range(20, 420, 20))
    (shipped / "train_args.json").write_text(json.dumps({"steps": 400}))
    row = {"bytes": 1000, "bits_per_byte": 1.962, "bytes_per_patch": 4.94}
    evaluation = {
        "model": "model-a",
        "kind": "byte model",
        "parameters": 3543296,
        "split": "test",
        "total": row,
        "languages": {"en": row, "<b>": row | {"bytes_per_patch": None}},
        "kinds": {"prose": row},
        "sources": {"a": row},
    }
    (shipped / "evaluation.json").write_text(json.dumps(evaluation))
    rules = {"entropy": {"threshold": 2.3211, "bytes_per_patch": 4.5}}
    (shipped / "calibration.json").write_text(json.dumps({"rules": rules}))
    write_run(tmp_path / "runs" / "one", range(10, 110, 10))
    (tmp_path / "runs" / "one" / "config.yaml").write_text(
        "name: x\nsteps: 2500\neval:\n  steps: 3\n"
    )
    write_run(tmp_path / "runs" / "deep" / "two", range(10, 60, 10))
    return tmp_path


@pytest.fixture
def client(place: Path) -> Iterator[FlaskClient]:
    settings = Settings(
        model_folder=place / "none",
        blt_folder=place / "none",
        demo_output=place / "none",
        plot_data=place / "none",
        catalogue_max_age=0,
        shipped_models=place / "shipped",
        runs=place / "runs",
    )
    with create_app(settings).test_client() as client:
        yield client


def curves(client: FlaskClient, name: str, query: str = "") -> RunCurves:
    response = client.get(f"/api/runs/{name}{query}")
    assert response.status_code == 200, response.text
    return RunCurves.model_validate_json(response.data)


# Reading a file that may still grow


def steps_of(columns: Columns, name: str = "bits_per_byte") -> list[int]:
    return list(columns.series[name].steps)


def test_a_file_is_read_on_and_a_cut_line_waits(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    whole = line(10) + line(20) + line(30)
    tail = Tail(path)
    for size in range(len(whole) + 1):
        path.write_text(whole[:size])
        columns = tail.read()
        assert columns.skipped == 0
        # A line counts once its object is whole, also before its line end has come.
        assert columns.lines == (whole[:size] + "\n").count("}\n")
    assert steps_of(tail.read()) == [10, 20, 30]


def test_only_what_is_new_is_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_run(tmp_path, range(10, 1000, 10))
    tail = Tail(path)
    tail.read()
    parsed: list[str] = []
    loads = json.loads
    monkeypatch.setattr(json, "loads", lambda text: parsed.append(text) or loads(text))
    tail.read()
    assert parsed == []
    with path.open("a") as file:
        file.write(line(1000))
    assert steps_of(tail.read())[-1] == 1000
    assert len(parsed) == 1


def test_a_run_that_is_taken_up_again_writes_its_file_anew(tmp_path: Path) -> None:
    path = write_run(tmp_path, range(10, 110, 10))
    tail = Tail(path)
    tail.read()
    kept = "".join(line(step) for step in range(10, 60, 10))
    temporary = tmp_path / "new"
    temporary.write_text(kept + line(60, bits_per_byte=9.0))
    temporary.replace(path)  # as bytelatent.metrics does it
    columns = tail.read()
    assert steps_of(columns) == list(range(10, 70, 10))
    assert "valid_bits_per_byte" not in columns.series
    assert columns.restarts == 0


@pytest.mark.parametrize("longer", [False, True])
def test_a_file_that_is_written_over_in_place(tmp_path: Path, longer: bool) -> None:
    path = write_run(tmp_path, range(10, 60, 10))
    tail = Tail(path)
    tail.read()
    path.write_text("".join(line(step) for step in range(1, 200 if longer else 3)))
    assert steps_of(tail.read())[0] == 1


def test_steps_that_come_again_replace_what_was_there(tmp_path: Path) -> None:
    path = write_run(tmp_path, range(10, 110, 10))  # held out at 100
    with path.open("a") as file:
        file.write('{"step": 110, "bits_')  # killed here
        file.write("\n")
        for step in (60, 70):
            file.write(line(step, bits_per_byte=1.0))
    columns = Tail(path).read()
    assert steps_of(columns) == [10, 20, 30, 40, 50, 60, 70]
    assert list(columns.series["bits_per_byte"].values)[-2:] == [1.0, 1.0]
    assert not columns.series["valid_bits_per_byte"].steps, "of a future that did not come"
    assert (columns.restarts, columns.skipped) == (1, 1)


def test_a_measure_of_an_older_step_takes_nothing_away() -> None:
    columns = Columns()
    for step in (10, 20, 30):
        columns.add(record(step))
    columns.add({"step": 20, "valid_bits_per_byte": 2.0})
    columns.add({"step": 20, "valid_bits_per_byte": 3.0})
    assert steps_of(columns) == [10, 20, 30]
    assert list(columns.series["valid_bits_per_byte"].values) == [3.0]
    assert columns.restarts == 0


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[1]",
        "{}",
        '{"step": "10"}',
        '{"step": true}',
        '{"step": -1}',
        '{"step": 1.5}',
        '{"step": 1e300}',
        '{"step": null}',
        "[" * 10_000,
        "\xff\xfe\x00",
        "x" * 3_000_000,
    ],
)
def test_what_is_no_record_is_counted_and_left_out(tmp_path: Path, text: str) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(line(10).encode() + text.encode("latin-1") + b"\n" + line(20).encode())
    columns = Tail(path).read()
    assert steps_of(columns) == [10, 20]
    assert columns.skipped == 1


def test_values_that_are_no_finite_numbers() -> None:
    columns = Columns()
    for step, value in enumerate(
        [1.0, math.nan, math.inf, 10**400, None, "3", True, [1], 2], start=1
    ):
        columns.add({"step": step, "x": value, "step2": 1})
    curve = curve_of(columns.series["x"], columns, 100)
    assert curve.step.tolist() == [1, 2, 3, 4, 9]
    assert np.isnan(curve.mean).tolist() == [False, True, True, True, False]
    few = curve_of(columns.series["x"], columns, 2)
    assert few.mean[0] == 1.0


def test_a_file_cannot_bring_measures_without_end() -> None:
    columns = Columns()
    columns.add({"step": 1} | {f"m{k}": 1.0 for k in range(10_000)} | {"bad\nname": 1.0})
    assert len(columns.series) == MOST_SERIES


# Shortening


def long_columns(count: int) -> Columns:
    columns = Columns()
    rng = random.Random(1)
    for step in range(1, count + 1):
        columns.add({"step": step, "x": rng.gauss(0, 1), "bytes": step * 100})
    return columns


@pytest.mark.parametrize("count", [0, 1, 2, 99, 100, 101, 5000])
def test_a_shortened_curve_keeps_mean_extremes_and_ends(count: int) -> None:
    columns = long_columns(count)
    series = columns.series.get("x", Series())
    curve = curve_of(series, columns, 100)
    assert curve.points == count
    assert len(curve.step) <= 100
    if not count:
        return
    values = np.array(series.values)
    assert (curve.step[0], curve.step[-1]) == (1, count)
    assert curve.mean[-1] == values[-1]
    assert (np.diff(curve.step) > 0).all()
    assert np.sum(curve.mean * curve.count) == pytest.approx(values.sum())
    assert (curve.low.min(), curve.high.max()) == (values.min(), values.max())
    assert ((curve.low <= curve.mean + 1e-12) & (curve.mean <= curve.high + 1e-12)).all()


def test_the_start_is_finer() -> None:
    columns = long_columns(100_000)
    curve = curve_of(columns.series["x"], columns, 400)
    assert (curve.step <= 100).sum() > 20
    assert (curve.step > 50_000).sum() > 100


def test_a_window_shows_more() -> None:
    columns = long_columns(10_000)
    part = curve_of(columns.series["x"], columns, 100, Window("step", 500, 540))
    assert part.step.tolist() == list(range(499, 542))
    same = curve_of(columns.series["x"], columns, 100, Window("bytes", 50_000, 54_000))
    assert same.step.tolist() == part.step.tolist()
    beyond = curve_of(columns.series["x"], columns, 100, Window("step", 99_999, None))
    assert beyond.step.tolist() == [10_000]


def test_bytes_between_two_counts() -> None:
    columns = Columns()
    for step in (10, 20):
        columns.add({"step": step, "bytes": step * 1000.0})
    assert bytes_at(np.array([5.0, 15.0, 20.0]), columns).tolist() == [5000, 15000, 20000]
    assert np.isnan(bytes_at(np.array([5.0]), Columns())).all()


# Finding


def names(folder: Path) -> list[str]:
    return [run.name for run in runs_below(folder, "local", 4)]


def test_which_folders_are_runs(tmp_path: Path) -> None:
    for name in ("b", "a/inner", "one/two/three/four", "checkpoints/c", ".hidden", "x\ny", "deep"):
        write_run(tmp_path / name, range(1, 3))
    write_run(tmp_path / "1/2/3/4/5", range(1, 3))
    (tmp_path / "deep" / "model").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "b")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "metrics.jsonl").symlink_to(tmp_path / "b" / "metrics.jsonl")
    (tmp_path / "folder" / "metrics.jsonl").mkdir(parents=True)
    expected = ["a/inner", "b", "deep", "one/two/three/four"]
    assert names(tmp_path) == [f"local/{name}" for name in expected]
    assert names(tmp_path / "none") == []


def test_the_folder_itself_may_be_a_run(tmp_path: Path) -> None:
    write_run(tmp_path / "me", range(1, 3))
    assert names(tmp_path / "me") == ["local/me"]
    write_run(tmp_path / "me" / "me", range(1, 3))
    assert names(tmp_path / "me") == ["local/me (itself)", "local/me"]


def test_how_far_a_run_is(place: Path) -> None:
    run = next(run for run in runs_below(place / "runs", "local", 4) if run.title == "one")
    summary = summary_of(run)
    assert (summary.step, summary.planned_steps) == (100, 2500)
    assert summary.values["valid_bits_per_byte"] == 2.5
    assert summary.values["bytes"] == 100 * 4096
    path = run.folder / "metrics.jsonl"
    path.write_text("".join(line(k, note="x" * 1000) for k in range(1000)) + '{"step": 9')
    assert summary_of(run).step == 999
    path.write_text("nothing\n")
    assert summary_of(run).step is None
    path.unlink()
    assert summary_of(run).values == {}


@pytest.mark.parametrize("text", ["{", "[]", '{"model": 1}', '{"total": {}}'])
def test_a_damaged_evaluation_is_logged(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert expected_of(tmp_path) is None
    (tmp_path / "evaluation.json").write_text(text)
    with caplog.at_level(logging.WARNING):
        assert expected_of(tmp_path) is None
    assert "evaluation.json" in caplog.text


# Routes


def test_the_list(client: FlaskClient) -> None:
    response = client.get("/api/runs")
    listed = RunList.model_validate_json(response.data)
    assert listed.local
    assert [run.name for run in listed.items] == [
        "shipped/model-a",
        "local/deep/two",
        "local/one",
    ]
    assert listed.items[0].planned_steps == 400
    headers = {"If-None-Match": response.headers["ETag"]}
    assert client.get("/api/runs", headers=headers).status_code == 304
    assert str(Path.home()) not in response.text


def test_the_curves(client: FlaskClient) -> None:
    run = curves(client, "shipped/model-a")
    assert run.series["bits_per_byte"].step == list(range(20, 420, 20))
    assert run.series["bits_per_byte"].bytes == [4096 * step for step in range(20, 420, 20)]
    assert run.series["bits_per_byte"].low is None
    assert run.sources["a"].mean == [2.0]
    assert run.expected is not None
    assert run.expected.total.bits_per_byte == 1.962
    assert run.expected.rules[0].threshold == 2.3211
    assert curves(client, "local/one").expected is None


def test_curves_in_parts(client: FlaskClient, place: Path) -> None:
    write_run(place / "runs" / "one", range(1, 5001))
    run = curves(client, "local/one", "?points=100")
    assert run.series["bits_per_byte"].points == 5000
    assert 50 < len(run.series["bits_per_byte"].step) <= 100
    assert run.series["bits_per_byte"].count
    part = curves(client, "local/one", "?from=4096000&to=4505600&axis=bytes")
    assert part.series["bits_per_byte"].step == list(range(999, 1102))


def test_a_run_as_it_is_written(client: FlaskClient, place: Path) -> None:
    path = place / "runs" / "new" / "metrics.jsonl"
    assert client.get("/api/runs/local/new").status_code == 404
    path.parent.mkdir()
    path.write_text("")
    run = curves(client, "local/new")
    assert (run.step, run.series, run.lines) == (None, {}, 0)
    tags = set()
    for step in range(10, 60, 10):
        with path.open("a") as file:
            file.write(line(step, loss=math.nan))
        response = client.get("/api/runs/local/new")
        run = RunCurves.model_validate_json(response.data)
        assert run.step == step
        assert run.series["bits_per_byte"].step[-1] == step
        assert run.series["loss"].mean[-1] is None
        tags.add(response.headers["ETag"])
    assert len(tags) == 5
    headers = {"If-None-Match": response.headers["ETag"]}
    assert client.get("/api/runs/local/new", headers=headers).status_code == 304
    path.unlink()
    assert client.get("/api/runs/local/new").status_code == 404
    assert "local/new" not in client.get("/api/runs").text


def test_a_run_that_vanishes_between_list_and_reading(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(self: Tail, between: object) -> Columns:
        raise FileNotFoundError(self)

    monkeypatch.setattr(Tail, "read", gone)
    assert client.get("/api/runs/local/one").status_code == 404
    assert client.get("/training").status_code == 200


def test_a_file_that_is_too_large(client: FlaskClient, place: Path) -> None:
    os.truncate(place / "runs" / "one" / "metrics.jsonl", 300 * 1024 * 1024)
    response = client.get("/api/runs/local/one")
    assert response.status_code == 422
    assert "metrics.jsonl" in response.get_json()["detail"]
    assert client.get("/api/runs").status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        *("", "nothing", "one", "local/", "local/..", "local/../one", "local/%2e%2e/one"),
        *("local/one/metrics.jsonl", "local//one", "/etc", "shipped/../runs/one", "local/one%00"),
    ],
)
def test_names_that_lead_nowhere(client: FlaskClient, name: str) -> None:
    response = client.get(f"/api/runs/{name}")
    assert response.status_code == 404
    assert response.content_type == "application/problem+json"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?points=19", "points"),
        ("?points=x", "points"),
        ("?axis=time", "axis"),
        ("?from=-1", "from"),
        ("?to=nan", "to"),
        ("?to=1e9", "to"),
    ],
)
def test_a_wrong_parameter_is_named(client: FlaskClient, query: str, field: str) -> None:
    response = client.get(f"/api/runs/local/one{query}")
    assert response.status_code == 422
    assert response.get_json()["field"] == field


def test_a_name_that_needs_quoting(client: FlaskClient, place: Path) -> None:
    write_run(place / "runs" / "a b#%?é", range(1, 3))
    listed = RunList.model_validate_json(client.get("/api/runs").data)
    run = next(run for run in listed.items if "é" in run.name)
    assert client.get(run.url).status_code == 200
    assert run.url in client.get("/training").text


# The page


def test_the_page_without_scripts(client: FlaskClient) -> None:
    html = client.get("/training").text
    assert len(re.findall(r'<li class="run">', html)) == 3
    assert "400 of 400 steps · 1.6 MB · held out 2.500 bits per byte" in html
    assert len(re.findall(r'<path class="line thin tint-0" d="M[^"]+ L', html)) == 1
    for figure in ("1.962", "3,543,296", "2.3211", "4.94"):
        assert figure in html
    assert "&lt;b&gt;" in html and "<b>" not in html
    assert "--runs" not in html


def test_the_page_without_any_run(tmp_path: Path) -> None:
    settings = Settings(model_folder=tmp_path, blt_folder=tmp_path, shipped_models=tmp_path)
    html = create_app(settings).test_client().get("/training").text
    assert "No shipped model" in html
    assert "python render_server.py --runs" in html


def test_draw_preview_of_what_cannot_be_drawn() -> None:
    assert no_js_curves([]) is None
    empty: dict[str, Any] = {"title": "x", "series": {}}
    assert no_js_curves([empty]) is None
    flat = {"bytes": [0, 10], "mean": [2.0, 2.0]}
    assert no_js_curves([{"title": "x", "series": {"bits_per_byte": flat}}]) is not None


def test_the_folder_of_runs_comes_from_the_environment(tmp_path: Path) -> None:
    assert Settings.from_environment({RUNS_VARIABLE: str(tmp_path)}).runs == tmp_path
    assert Settings.from_environment({}).runs is None


def test_a_folder_of_runs_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    import render_server

    with pytest.raises(SystemExit, match="2"):
        render_server.main(["--runs", "/no/such/folder"])
    assert "--runs: /no/such/folder is no folder" in capsys.readouterr().err


def test_the_summary_names_the_last_values_that_are_not_finite(tmp_path: Path) -> None:
    path = write_run(tmp_path / "runs" / "lost", range(10, 60, 10))
    with path.open("a") as file:
        file.write(line(60, bits_per_byte=math.nan, bytes_per_second=10**400))
        file.write(line(70, bits_per_byte=-math.inf, bytes_per_second=True))
    [run] = runs_below(tmp_path / "runs", "local", 1)
    summary = summary_of(run)
    assert summary.step == 70
    assert summary.values == {"bytes": 70 * 4096, "valid_bits_per_byte": 2.5}
    assert set(summary.not_finite) == {"bits_per_byte", "bytes_per_second"}
