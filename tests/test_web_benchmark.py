"""The web benchmark: its targets, and a mixed load that leaves out no part of the API."""

import importlib
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from app.api import document

FOLDER = Path(__file__).parents[1] / "benchmarks"
GOOD = {
    "memory_at_start_mb": 180.0,
    "patches_8_clients": {"per_second": 40.0, "p99_ms": 299.9, "errors": 0},
    "visualizations_4_clients": {"per_second": 800.0, "errors": 0},
    "typing_1000_bytes": {"p95_ms": 99.9},
    "mixed": {"errors": 0, "growth_percent": 10.0, "memory_peak_mb": 350.0},
    "memory_after_mb": 340.0,
}


def module(monkeypatch: pytest.MonkeyPatch, name: str) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module(name)


def missed(monkeypatch: pytest.MonkeyPatch, **changed: Any) -> list[str]:
    rows = {name: changed.get(name, value) for name, value in GOOD.items()}
    found = module(monkeypatch, "web").targets(rows)
    return [name for name, one in found.items() if not one["met"]]


@pytest.mark.parametrize(
    ("row", "worse", "names"),
    [
        ("typing_1000_bytes", {"p95_ms": 100.0}, ["typing_1000_bytes_p95_ms"]),
        ("typing_1000_bytes", None, ["typing_1000_bytes_p95_ms"]),
        ("visualizations_4_clients", {"per_second": 799.9}, ["visualizations_per_second"]),
        ("visualizations_4_clients", {"errors": 1}, ["errors"]),
        ("patches_8_clients", {"per_second": 39.9}, ["patches_per_second"]),
        ("patches_8_clients", {"p99_ms": 300.0}, ["patches_p99_ms"]),
        ("mixed", {"growth_percent": 10.1, "errors": 1}, ["errors", "growth_percent"]),
        ("mixed", {"memory_peak_mb": 350.1}, ["memory_peak_mb"]),
        ("memory_after_mb", 351.0, ["memory_peak_mb"]),
    ],
)
def test_a_target_is_missed(
    monkeypatch: pytest.MonkeyPatch, row: str, worse: Any, names: list[str]
) -> None:
    assert missed(monkeypatch) == []
    usual = GOOD[row]
    both = usual | worse if isinstance(usual, dict) and worse is not None else worse
    assert missed(monkeypatch, **{row: both}) == names


def test_a_round_of_the_mix_asks_for_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the real server; an answer that the API does not name is an error."""
    mix, web_client = (module(monkeypatch, name) for name in ("web_mix", "web_client"))
    with web_client.serving() as server, closing(web_client.Client(server.port)) as client:
        load = mix.Mix(server)
        for visit in load.visits():
            visit(client, 0)
    posts = [path for path, methods in document()["paths"].items() if "post" in methods]
    assert {name.split()[0] for name in load.done} >= {*posts, "pages", "left"}
