"""The catalogue: what is listed, how it is called, and how it keeps up with its folders."""

import json
import logging
import os
from pathlib import Path

import pytest

from app.stored.catalogue import Catalogue, title_from_name


@pytest.fixture
def catalogue(folders: Path) -> Catalogue:
    return Catalogue([folders / "demo_output", folders / "plot_data"])


def test_kinds_and_order(catalogue: Catalogue) -> None:
    assert [(a.name, a.kind) for a in catalogue.items()] == [
        ("curve.html", "html"),
        ("curve.json", "data"),
        ("curve.pdf", "images"),
        ("curve.png", "images"),
        ("loss_by-step.svg", "images"),
        ("rows.csv", "data"),
    ]


def test_records_and_titles_from_names(catalogue: Catalogue) -> None:
    curve = catalogue.find("html", "curve.html")
    assert curve is not None
    assert (curve.title, curve.data) == ("Entropy curve", "curve.json")
    assert curve.producer == "python -m bytelatent.plotting.entropy_figure"
    loss = catalogue.find("images", "loss_by-step.svg")
    assert loss is not None
    assert (loss.title, loss.producer) == ("Loss by step", None)
    assert title_from_name("---.csv") == "---.csv"


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", ".hidden.png", "artifacts.json", "notes.md", "../secret.json", "curve.JSON"],
)
def test_not_found(catalogue: Catalogue, name: str) -> None:
    for kind in ("html", "images", "data"):
        assert catalogue.find(kind, name) is None  # type: ignore[arg-type]


def test_kind_matters(catalogue: Catalogue) -> None:
    assert catalogue.find("data", "curve.html") is None


def test_a_link_out_of_the_folder_is_not_listed(catalogue: Catalogue, folders: Path) -> None:
    (folders / "plot_data" / "link.json").symlink_to(folders / "secret.json")
    assert catalogue.find("data", "link.json") is None


def test_changes_are_seen(catalogue: Catalogue, folders: Path) -> None:
    path = folders / "plot_data" / "new.json"
    assert catalogue.find("data", "new.json") is None
    path.write_text("{}")
    first = catalogue.find("data", "new.json")
    assert first is not None
    path.write_text('{"longer": 1}')
    second = catalogue.find("data", "new.json")
    assert second is not None
    assert second.etag != first.etag
    path.unlink()
    assert catalogue.find("data", "new.json") is None


def test_with_patience_only_new_content_waits(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("app.stored.catalogue.time.monotonic", lambda: now)
    folder = folders / "plot_data"
    catalogue = Catalogue([folder], max_age=0.5)
    before = catalogue.snapshot()
    (folder / "rows.csv").write_text("longer than it was before\n")
    assert catalogue.snapshot() is before
    now = 100.6
    assert catalogue.snapshot() is not before
    (folder / "new.json").write_text("{}")
    os.utime(folder, (1, 1))  # a clock tick may be longer than this test
    assert catalogue.find("data", "new.json") is not None
    (folder / "new.json").unlink()
    os.utime(folder, (2, 2))
    assert catalogue.find("data", "new.json") is None


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"curve.html": 3}', "\xff", '{"curve.html": {"title": 1}}']
)
def test_a_damaged_record_does_no_harm(
    folders: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    (folders / "demo_output" / "artifacts.json").write_bytes(text.encode("latin-1"))
    catalogue = Catalogue([folders / "demo_output"])
    with caplog.at_level(logging.WARNING):
        curve = catalogue.find("html", "curve.html")
    assert curve is not None
    assert curve.title == "Curve"
    assert len(caplog.records) == (1 if text in ("{", "[]", "\xff") else 0)


def test_one_name_in_two_folders(folders: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folders / "plot_data" / "curve.png").write_bytes(b"other")
    catalogue = Catalogue([folders / "demo_output", folders / "plot_data"])
    with caplog.at_level(logging.WARNING):
        found = catalogue.find("images", "curve.png")
    assert found is not None
    assert found.path.parent.name == "demo_output"
    assert "curve.png" in caplog.text


def test_a_missing_folder_is_empty(tmp_path: Path) -> None:
    assert Catalogue([tmp_path / "none"]).items() == []


def test_nothing_is_read_again_without_a_change(
    catalogue: Catalogue, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = catalogue.items()
    monkeypatch.setattr(json, "loads", lambda _: pytest.fail("read again"))
    assert [a is b for a, b in zip(before, catalogue.items(), strict=True)] == [True] * len(before)


def test_times_are_utc(catalogue: Catalogue, folders: Path) -> None:
    os.utime(folders / "plot_data" / "rows.csv", (0, 0))
    rows = catalogue.find("data", "rows.csv")
    assert rows is not None
    assert rows.modified.isoformat() == "1970-01-01T00:00:00+00:00"
