"""Training runs with files that are no regular file, are huge, or are damaged."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.runs import training_runs
from app.runs.tail import CHUNK, Tail
from app.schemas.runs import RunCurves, RunList
from app.settings import Settings

LINE = json.dumps({"step": 1, "bits_per_byte": 2.0}) + "\n"
FILES = ("train_args.json", "config.yaml", "evaluation.json", "calibration.json")

DAMAGED = {
    "train_args.json": [b"{", b"[]", b'{"steps": "many"}', b"\xff\xfe", b"[" * 100_000],
    "config.yaml": [b"\xff\xfe\x00"],
    "evaluation.json": [
        *(b"{", b"[]", b"7", b"\xff", b"[" * 100_000),
        b'{"model": 1, "kind": 1, "parameters": 1e999, "split": 1, "total": {}}',
    ],
}

ROW = {"bytes": 1000, "bits_per_byte": 1.9}
EVALUATION = {
    **{"model": "m", "kind": "byte model", "parameters": 1, "split": "test", "total": ROW},
    **{"languages": {}, "kinds": {}, "sources": {}},
}
ODD_EVALUATIONS = [
    {"languages": []},
    {"languages": {"en": []}},
    {"total": ROW | {"bits_per_byte": float("nan")}},
    {"total": ROW | {"bytes": -1}},
    {"parameters": float("inf")},
]


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """Fail if the block takes longer, as a read of a pipe without a writer does."""

    def give_up(*_: object) -> None:
        raise TimeoutError(f"no answer within {seconds} seconds")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def write_run(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "metrics.jsonl").write_text(LINE)
    return folder


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A folder with one run that is whole."""
    write_run(tmp_path / "runs" / "whole")
    return tmp_path / "runs"


@pytest.fixture
def client(runs: Path) -> Iterator[FlaskClient]:
    none = runs / "none"
    settings = Settings(
        model_folder=none,
        blt_folder=none,
        demo_output=none,
        plot_data=none,
        catalogue_max_age=0,
        shipped_models=none,
        runs=runs,
    )
    with create_app(settings).test_client() as client:
        yield client


def problems(client: FlaskClient) -> dict[str, str | None]:
    """Return what the list says about every run; the page shows the same, and curves come."""
    with within(60):
        response = client.get("/api/runs")
        assert response.status_code == 200, response.text
        listed = RunList.model_validate_json(response.data)
        page = client.get("/training")
        assert page.status_code == 200
        for run in listed.items:
            answer = client.get(run.url)
            assert answer.status_code in (200, 422), answer.text
            assert answer.status_code == 200 or run.problem
            if run.problem:
                assert run.problem.split(" ")[0] in page.text
                assert str(Path.home()) not in run.problem
    known = {run.title: run.problem for run in listed.items}
    assert known["whole"] is None
    return known


@pytest.mark.parametrize("name", FILES)
def test_a_named_pipe_beside_a_run_keeps_nobody_waiting(
    client: FlaskClient, runs: Path, name: str
) -> None:
    folder = write_run(runs / "piped")
    (folder / "evaluation.json").write_text(json.dumps(EVALUATION))
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    problem = problems(client)["piped"]
    assert problem == f"{name} is no regular file"


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_what_stands_in_place_of_the_measures_is_named(
    client: FlaskClient, runs: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (runs / "odd").mkdir()
    monkeypatch.chdir(runs / "odd")  # the path of a socket must be short
    if kind == "pipe":
        os.mkfifo("metrics.jsonl")
        assert problems(client)["odd"] == "metrics.jsonl is no regular file"
    else:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind("metrics.jsonl")
            assert problems(client)["odd"] == "metrics.jsonl is no regular file"


def test_a_link_to_a_device_is_not_read(client: FlaskClient, runs: Path) -> None:
    folder = write_run(runs / "linked")
    for name in FILES:
        (folder / name).symlink_to("/dev/zero")
    problem = problems(client)["linked"]
    assert problem and all(f"{name} is no regular file" in problem for name in FILES[:3])


@pytest.mark.parametrize(
    ("name", "data"), [(name, data) for name, several in DAMAGED.items() for data in several]
)
def test_a_damaged_file_is_named(client: FlaskClient, runs: Path, name: str, data: bytes) -> None:
    (write_run(runs / "damaged") / name).write_bytes(data)
    problem = problems(client)["damaged"]
    assert problem and problem.startswith(name)


@pytest.mark.parametrize("odd", ODD_EVALUATIONS)
def test_an_evaluation_of_other_types_is_named(
    client: FlaskClient, runs: Path, odd: dict[str, Any]
) -> None:
    path = write_run(runs / "damaged") / "evaluation.json"
    path.write_text(json.dumps(EVALUATION | odd))
    problem = problems(client)["damaged"]
    assert problem and problem.startswith("evaluation.json")
    path.write_text(json.dumps(EVALUATION))
    assert problems(client)["damaged"] is None, "a file that is mended is read again"


@pytest.mark.parametrize("name", ["train_args.json", "evaluation.json", "metrics.jsonl"])
def test_a_huge_file_is_named(client: FlaskClient, runs: Path, name: str) -> None:
    path = write_run(runs / "huge") / name
    path.touch()
    os.truncate(path, 300 * 1024 * 1024)
    problem = problems(client)["huge"]
    assert problem and problem.startswith(f"{name} is larger than")


def test_a_file_that_may_not_be_read_is_named(client: FlaskClient, runs: Path) -> None:
    path = write_run(runs / "secret") / "metrics.jsonl"
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    path.chmod(0)
    assert "metrics.jsonl" in (problems(client)["secret"] or "")


def test_a_time_of_another_age(client: FlaskClient, runs: Path) -> None:
    path = write_run(runs / "old") / "metrics.jsonl"
    for seconds in (-(2**33), 2**33):
        os.utime(path, (seconds, seconds))
        assert "old" in problems(client)


@pytest.mark.parametrize("step", [True, -5, 10**300, 1e300])
def test_a_step_that_is_none(client: FlaskClient, runs: Path, step: Any) -> None:
    folder = write_run(runs / "steps")
    (folder / "metrics.jsonl").write_text(json.dumps({"step": step}) + "\n")
    (folder / "train_args.json").write_text(json.dumps({"steps": step}))
    problem = problems(client)["steps"]
    assert problem and problem.startswith("train_args.json")


def test_a_large_file_is_read_in_turns(
    client: FlaskClient, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request reads for a while only; the next one goes on where it ended."""
    monkeypatch.setattr(training_runs, "READ_SECONDS", 0.0)
    path = runs / "whole" / "metrics.jsonl"
    padding = "x" * 1000
    records = [json.dumps({"step": step, "note": padding}) for step in range(3 * CHUNK // 1000)]
    path.write_text("\n".join(records) + "\n")
    answers = []
    for _ in range(20):
        answers.append(client.get("/api/runs/local/whole"))
        if answers[-1].status_code == 200:
            break
    *early, last = answers
    assert len(early) >= 2
    for answer in early:
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "1"
        assert "is being read" in answer.get_json()["detail"]
    assert RunCurves.model_validate_json(last.data).lines == len(records)
    assert client.get("/training").status_code == 200


def test_nobody_waits_for_long_while_another_request_reads(
    client: FlaskClient, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tails: list[Tail] = []
    make = Tail.__init__

    def remembered(self: Tail, path: Path) -> None:
        make(self, path)
        tails.append(self)

    monkeypatch.setattr(Tail, "__init__", remembered)
    assert client.get("/api/runs/local/whole").status_code == 200
    with (runs / "whole" / "metrics.jsonl").open("a") as file:
        file.write(LINE)
    with tails[0].lock, within(60):
        assert client.get("/api/runs/local/whole").status_code == 503
    assert client.get("/api/runs/local/whole").status_code == 200
