"""The page of a figure, its JSON twin, and the first rows of every kind of data."""

import io
import json
import re
import time
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient

from app.schemas.artifact import ArtifactPage
from app.stored.catalogue import Catalogue
from app.stored.preview import DataFact, DataPreview, preview_of


@pytest.fixture
def client(without_model: FlaskClient) -> FlaskClient:
    """No model, and so no examples beside the files that ``folders`` makes."""
    return without_model


def beginning(folder: Path, name: str, content: bytes | str) -> DataPreview:
    """The preview of a file with this content."""
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    artifact = Catalogue([folder]).find("data", name)
    assert artifact is not None
    return preview_of(artifact)


@pytest.mark.parametrize("name", ["curve.html", "curve.png", "curve.pdf", "curve.json", "curve"])
def test_any_of_its_files_leads_to_a_figure(client: FlaskClient, name: str) -> None:
    page = client.get(f"/artifact/{name}").text
    assert "<h1>Entropy curve</h1>" in page
    assert '<link rel="alternate" type="application/json" href="/api/artifact/curve.html">' in page
    twin = ArtifactPage.model_validate_json(client.get(f"/api/artifact/{name}").data)
    assert twin.name == "curve.html"
    assert [file.name for file in twin.files] == [
        "curve.html",
        "curve.png",
        "curve.pdf",
        "curve.json",
    ]


def test_what_the_page_shows(client: FlaskClient) -> None:
    response = client.get("/artifact/curve.html")
    frame = re.search(r"<iframe[^>]*>", response.text)
    assert frame
    assert 'src="/visualizations/curve.html"' in frame[0]
    assert 'sandbox="allow-scripts"' in frame[0]
    assert "frame-src 'self'" in response.headers["Content-Security-Policy"]
    assert "python -m bytelatent.plotting.entropy_figure" in response.text
    assert "<dt>a</dt><dd>1.5</dd>" in response.text
    for link in ("/images/curve.png", "/images/curve.pdf", "/data/curve.json"):
        assert f'href="{link}"' in response.text


def test_a_picture_has_words(client: FlaskClient) -> None:
    page = client.get("/artifact/loss_by-step").text
    assert "<iframe" not in page
    assert '<img class="figure" src="/images/loss_by-step.svg" alt="Loss by step.' in page


def test_neighbours_lead_through_the_gallery(client: FlaskClient) -> None:
    name, seen = "curve.html", []
    while name:
        twin = ArtifactPage.model_validate_json(client.get(f"/api/artifact/{name}").data)
        assert twin.previous == (seen[-1] if seen else None)
        html = client.get(f"/artifact/{name}").text
        assert ('rel="next"' in html) == (twin.next is not None)
        assert ('rel="prev"' in html) == bool(seen)
        seen.append(twin.name)
        name = twin.next
    assert seen == ["curve.html", "loss_by-step.svg", "rows.csv"]


def test_the_twin_is_conditional_and_keeps_up(client: FlaskClient, folders: Path) -> None:
    first = client.get("/api/artifact/rows.csv")
    headers = {"If-None-Match": first.headers["ETag"]}
    assert client.get("/api/artifact/rows.csv", headers=headers).status_code == 304
    time.sleep(0.01)
    (folders / "plot_data" / "rows.csv").write_text("a,b\n3,4\n")
    second = client.get("/api/artifact/rows.csv", headers=headers)
    assert second.get_json()["data"]["tables"][0]["rows"] == [["3", "4"]]


@pytest.mark.parametrize(
    "name",
    [
        *("nothing", "", "..", "../secret.json", "%2e%2e/secret.json", "..%2fsecret.json"),
        *("artifacts.json", ".hidden.png", "notes.md", "curve.html/", "curve.html%00", "%ff"),
        *("/etc/passwd", "//etc/passwd", "a" * 5000),
    ],
)
@pytest.mark.parametrize("route", ["/artifact/", "/api/artifact/"])
def test_names_that_lead_nowhere(client: FlaskClient, route: str, name: str) -> None:
    response = client.get(route + name)
    assert response.status_code == 404
    assert response.content_type == "application/problem+json"


def test_records_and_data_are_shown_as_text(client: FlaskClient, folders: Path) -> None:
    mean = "<script>alert(1)</script>"
    records = {"rows.csv": {"title": mean, "description": mean, "producer": mean}}
    (folders / "plot_data" / "artifacts.json").write_text(json.dumps(records))
    (folders / "plot_data" / "rows.csv").write_text(f"{mean}\n{mean}\n")
    assert "<script>alert" not in client.get("/artifact/rows.csv").text


def test_json_with_columns_rows_and_facts(tmp_path: Path) -> None:
    value = {
        "model": "m",
        "nested": {"deep": {"x": 1}},
        "train": {"bytes": list(range(20)), "raw": [0.5] * 20, "other": [1] * 19},
        "rows": [{"a": 1, "b": [1, 2]}, {"a": 2, "c": {"d": 1}}],
        "alone": list(range(30)),
        "empty": [],
        "none": None,
        "pairs": {"en": 1.5, "de": 2.5, "fr": 3.5, "zh": 4.5},
    }
    found = beginning(tmp_path, "a.json", json.dumps(value))
    facts = {fact.name: fact.value for fact in found.facts}
    assert facts["model"] == "m"
    assert facts["nested.deep.x"] == "1"
    assert facts["none"] == "null"
    assert facts["alone"].startswith("0, 1, 2") and facts["alone"].endswith("(30 values)")
    train, rows, pairs = found.tables
    assert (train.name, train.columns, train.total) == ("train", ("bytes", "raw"), 20)
    assert train.rows[1] == ("1", "0.5")
    assert len(train.rows) == 8
    assert rows.columns == ("a", "b", "c")
    assert rows.rows == (("1", "[2 values]", ""), ("2", "", "{1 fields}"))
    assert (pairs.name, pairs.rows[1]) == ("pairs", ("de", "2.5"))


def test_other_shapes_of_json(tmp_path: Path) -> None:
    assert beginning(tmp_path, "a.json", "3").facts == (DataFact("", "3"),)
    assert beginning(tmp_path, "a.json", "[1, 2]").tables[0].rows == (("1",), ("2",))
    assert beginning(tmp_path, "a.json", "[[1, 2], [3]]").tables[0].rows == (("1", "2"), ("3", ""))
    assert beginning(tmp_path, "a.json", "[]").tables[0].total == 0
    assert beginning(tmp_path, "a.json", "{}") == DataPreview()
    long = beginning(tmp_path, "a.json", json.dumps({"x": "y" * 1000})).facts[0].value
    assert len(long) < 100


@pytest.mark.parametrize("content", ["{", "[" * 100_000, "\xff\xfe", "nul", ""])
def test_what_is_no_json_is_shown_as_text(tmp_path: Path, content: str) -> None:
    found = beginning(tmp_path, "a.json", content.encode("latin-1"))
    assert found.text is not None and len(found.text) <= 2000
    assert not found.tables


def test_json_that_is_too_large_to_read(tmp_path: Path) -> None:
    found = beginning(tmp_path, "a.json", "[" + "1," * 3_000_000 + "1]")
    assert found.text is not None and found.text.startswith("[1,1,1")


def test_csv(tmp_path: Path) -> None:
    table = beginning(tmp_path, "a.csv", 'a,"b ""c"""\n' + "1,2\n" * 30).tables[0]
    assert (table.columns, table.total, len(table.rows)) == (("a", 'b "c"'), 30, 8)
    assert beginning(tmp_path, "a.csv", "a,b\n1\n1,2,3\n").tables[0].rows == (("1", ""), ("1", "2"))
    assert beginning(tmp_path, "a.csv", "a,b\n" + "1,2\n" * 100_000).tables[0].total is None
    assert beginning(tmp_path, "a.csv", "").text == ""


def test_json_lines_and_text(tmp_path: Path) -> None:
    rows = "".join(json.dumps({"step": k, "loss": k / 2}) + "\n" for k in range(50))
    table = beginning(tmp_path, "a.jsonl", rows).tables[0]
    assert table.columns == ("step", "loss")
    assert table.rows[3] == ("3", "1.5")
    assert table.total == 50
    assert beginning(tmp_path, "a.jsonl", rows * 100).tables[0].total is None
    assert beginning(tmp_path, "a.txt", "héllo\n" * 1000).text[:6] == "héllo\n"  # type: ignore[index]


def test_arrays(tmp_path: Path) -> None:
    file = io.BytesIO()
    np.savez(file, entropies=np.zeros((3, 4), np.float32), tokens=np.arange(5))
    table = beginning(tmp_path, "a.npz", file.getvalue()).tables[0]
    assert table.rows == (("entropies", "(3, 4)", "float32"), ("tokens", "(5,)", "int64"))
    for damage in (b"", b"PK\x03\x04", file.getvalue()[:80], b"\0" * 100):
        assert beginning(tmp_path, "a.npz", damage) == DataPreview()


def test_a_file_that_vanishes(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    artifact = Catalogue([tmp_path]).find("data", "a.json")
    assert artifact is not None
    artifact.path.unlink()
    assert preview_of(artifact) == DataPreview()
