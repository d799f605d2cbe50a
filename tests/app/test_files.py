"""Stored files over HTTP: bytes, types, tags, policies, and names that lead nowhere."""

import gzip
from pathlib import Path

import brotli
import pytest
from flask.testing import FlaskClient

from app.schemas.visualizations import ArtifactList


@pytest.mark.parametrize(
    ("url", "content_type"),
    [
        ("/visualizations/curve.html", "text/html; charset=utf-8"),
        ("/images/curve.png", "image/png"),
        ("/images/curve.pdf", "application/pdf"),
        ("/images/loss_by-step.svg", "image/svg+xml"),
        ("/data/curve.json", "application/json"),
        ("/data/rows.csv", "text/csv; charset=utf-8"),
    ],
)
def test_bytes_types_and_tags(
    client: FlaskClient, folders: Path, url: str, content_type: str
) -> None:
    response = client.get(url)
    name = url.rsplit("/", 1)[1]
    folder = "plot_data" if url.startswith("/data") else "demo_output"
    assert response.status_code == 200
    assert response.data == (folders / folder / name).read_bytes()
    assert response.content_type == content_type
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    again = client.get(url, headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == response.headers["ETag"]
    since = client.get(url, headers={"If-Modified-Since": response.headers["Last-Modified"]})
    assert since.status_code == 304
    other = client.get(url, headers={"If-None-Match": '"other"'})
    assert other.status_code == 200
    head = client.head(url)
    assert (head.status_code, head.data) == (200, b"")


@pytest.mark.parametrize("encoding", ["br", "gzip"])
def test_compressed_and_conditional(client: FlaskClient, folders: Path, encoding: str) -> None:
    content = b'{"numbers": [' + b"1.5, " * 1000 + b"0]}"
    (folders / "plot_data" / "long.json").write_bytes(content)
    headers = {"Accept-Encoding": encoding}
    response = client.get("/data/long.json", headers=headers)
    assert response.headers["Content-Encoding"] == encoding
    unpack = brotli.decompress if encoding == "br" else gzip.decompress
    assert unpack(response.data) == content
    assert "Accept-Encoding" in response.headers["Vary"]
    headers["If-None-Match"] = response.headers["ETag"]
    assert client.get("/data/long.json", headers=headers).status_code == 304


def test_stored_html_is_sandboxed(client: FlaskClient) -> None:
    policy = client.get("/visualizations/curve.html").headers["Content-Security-Policy"]
    assert "sandbox allow-scripts;" in policy
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy


def test_stored_svg_runs_nothing(client: FlaskClient) -> None:
    policy = client.get("/images/loss_by-step.svg").headers["Content-Security-Policy"]
    assert policy.startswith("sandbox;")
    assert "script-src" not in policy


@pytest.mark.parametrize("route", ["/visualizations/", "/images/", "/data/", "/static/"])
@pytest.mark.parametrize(
    "name",
    [
        "nothing.json",
        "../secret.json",
        "%2e%2e/secret.json",
        "..%2fsecret.json",
        "%2e%2e%2fsecret.json",
        "..\\secret.json",
        "..%5csecret.json",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "//etc/passwd",
        "./curve.json",
        "curve.json/",
        "curve.json%00",
        "curve.json%0a",
        ".hidden.png",
        "artifacts.json",
        "%ff",
        "a" * 5000,
        "",
    ],
)
def test_names_that_lead_nowhere(client: FlaskClient, route: str, name: str) -> None:
    response = client.get(route + name)
    assert response.status_code == 404
    assert response.content_type == "application/problem+json"
    assert "secret" not in response.get_json()["detail"]


def test_a_file_that_vanishes(
    client: FlaskClient, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(self: Path) -> bytes:
        raise FileNotFoundError(self)

    monkeypatch.setattr(Path, "read_bytes", gone)
    assert client.get("/data/curve.json").status_code == 404


def test_the_list(without_model: FlaskClient) -> None:
    response = without_model.get("/api/visualizations")
    listed = ArtifactList.model_validate_json(response.data)
    assert listed.html == ["curve.html"]
    assert listed.images == ["curve.pdf", "curve.png", "loss_by-step.svg"]
    assert listed.data == ["curve.json", "rows.csv"]
    assert [item.name for item in listed.items] == sorted(item.name for item in listed.items)
    for item in listed.items:
        assert len(without_model.get(item.url).data) == item.bytes
        assert item.modified.endswith("Z")
    headers = {"If-None-Match": response.headers["ETag"]}
    assert without_model.get("/api/visualizations", headers=headers).status_code == 304


def test_the_gallery_works_without_a_model(without_model: FlaskClient) -> None:
    assert without_model.get("/visualizations/curve.html").status_code == 200
    assert without_model.get("/api/visualizations").status_code == 200
