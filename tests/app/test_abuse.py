"""What somebody may try: names that lead elsewhere or hold scripts, and very many of them."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.api.visualizations_routes import KEPT_BYTES, OVERHEAD, Bodies, ListingRequest
from app.models.live_model import LiveModel
from app.settings import Settings
from app.stored.gallery import Card
from tests.app.conftest import PNG
from tests.app.fakes import FakeModel

EVIL = "<img src=x onerror=alert(1)>\"'`{{7*7}}"
TRICKS = [
    "../secret.json",
    "..%2fsecret.json",
    "%2e%2e%2fsecret.json",
    "..%5csecret.json",
    "%252e%252e%252fsecret.json",
    "..%c0%afsecret.json",
    "....//secret.json",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "//etc/passwd",
    "file:///etc/passwd",
    "secret.json%00.png",
    "%ff%fe",
    "%0d%0aX-Evil:%201",
    "a" * 5000,
    quote(EVIL),
    ".",
    "..",
]


def rules(app: Flask) -> list[str]:
    """Every route that takes a name, up to it."""
    found = {rule.rule for rule in app.url_map.iter_rules() if rule.arguments}
    return sorted(re.sub(r"<[^>]*version>", "000000000000", rule) for rule in found)


def test_no_route_follows_a_name(app: Flask, client: FlaskClient) -> None:
    assert len(rules(app)) >= 7
    for rule in rules(app):
        for trick in TRICKS:
            for method in ("GET", "HEAD", "POST", "DELETE"):
                url = re.sub(r"<[^>]*>", lambda _, trick=trick: trick, rule)
                response = client.open(url, method=method)
                assert response.status_code in (404, 405), f"{method} {url}"
                assert b'secret": true' not in response.data
                assert "X-Evil" not in response.headers


class Elements(HTMLParser):
    """Names of elements and attributes of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {tag, *(name for name, _ in attrs)}
        for name, value in attrs:
            if name in ("href", "src"):
                assert (value or "").startswith(("/", "#")), f"{name}={value}"


@pytest.fixture
def evil(settings: Settings, folders: Path) -> FlaskClient:
    """Files, records and a model that all have the same bad name."""
    name = EVIL.replace("/", "_")
    (folders / "demo_output" / f"{name}.png").write_bytes(PNG)
    (folders / "plot_data" / f"{name}.json").write_text(json.dumps({name: [name]}))
    record = {"title": EVIL, "description": EVIL, "producer": EVIL, "data": f"{name}.json"}
    (folders / "demo_output" / "artifacts.json").write_text(json.dumps({f"{name}.png": record}))
    model = LiveModel(FakeModel(name=EVIL))
    return create_app(replace(settings, model_folder=folders / name), model).test_client()


def test_names_are_text_on_every_page(evil: FlaskClient) -> None:
    application = evil.application
    plain = {rule.rule for rule in application.url_map.iter_rules() if not rule.arguments}
    pages = [path for path in sorted(plain) if "GET" in _methods(application, path)]
    pages += [f"/artifact/{quote(EVIL)}.png"]
    shown = 0
    for path in pages:
        response = evil.get(path)
        assert response.status_code in (200, 405, 503), path
        if response.mimetype == "text/html":
            elements = Elements(response.text)
            assert "onerror" not in elements.found, path
            shown += "onerror=alert" in response.text
            assert "49" not in re.findall(r"[`>](\d+)<", response.text), "no template in a name"
        elif response.data:
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert "html" not in response.content_type
    assert shown >= 2, "the names are shown somewhere"


def _methods(app: Flask, path: str) -> set[str]:
    found = [rule.methods or set() for rule in app.url_map.iter_rules() if rule.rule == path]
    return set().union(*found)


def test_a_script_as_text(client: FlaskClient) -> None:
    for path, field in (("/api/patches", "text"), ("/api/compare", "text")):
        response = client.post(path, json={field: "</script><script>alert(1)</script>"})
        assert response.status_code == 200
        assert response.content_type == "application/json"
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]


def test_ten_thousand_names(
    settings: Settings, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(10_000):
        (folders / "demo_output" / f"figure {number:05d}.png").touch()
    client = create_app(
        replace(settings, catalogue_max_age=3600), LiveModel(FakeModel())
    ).test_client()
    listed = client.get("/api/visualizations").get_json()
    assert len(listed["images"]) > 10_000
    part = client.get("/api/visualizations?kind=images&limit=100&offset=9900").get_json()
    assert len(part["items"]) == 100
    with monkeypatch.context() as nobody:
        nobody.setattr(json, "dumps", lambda *_, **__: pytest.fail("made again"))
        assert client.get("/api/visualizations").status_code == 200
    # One by one they are compared a hundred million times.
    monkeypatch.setattr(Card, "__eq__", lambda *_: pytest.fail("cards are compared"))
    for path in ("/", "/gallery", "/gallery?q=figure&page=100"):
        page = client.get(path)
        assert page.status_code == 200
        assert len(page.data) < 150_000, path
    assert client.get("/images/figure%2009999.png").status_code == 200


def test_many_queries_take_little_memory(settings: Settings, folders: Path) -> None:
    for number in range(2000):
        (folders / "demo_output" / f"figure {number:05d}.png").touch()
    app = create_app(replace(settings, catalogue_max_age=3600), LiveModel(FakeModel()))
    client = app.test_client()
    for number in range(60):
        found = client.get(f"/api/visualizations?q=figure%20png&offset={number}").get_json()
        assert len(found["items"]) == found["total"] - number > 1900
    bodies = app.extensions["catalogue"].snapshot().once("queries", Bodies)
    assert 0 < bodies.bytes <= KEPT_BYTES
    kept = sum(size for _, size in bodies._kept.values())
    assert kept == bodies.bytes
    assert len(bodies._kept) < 60


def test_a_query_is_answered_from_memory_and_the_oldest_is_forgotten() -> None:
    bodies, made = Bodies(limit=3 * (2 * 100 + OVERHEAD)), []

    def ask(number: int, size: int = 100) -> None:
        bodies.once(ListingRequest(offset=number), lambda: made.append(number) or b"x" * size)

    for number in (1, 2, 3, 1, 4, 1, 2):
        ask(number)
    assert made == [1, 2, 3, 4, 2]
    ask(5, size=100_000)
    ask(5, size=100_000)
    assert made[-2:] == [5, 5], "too large to be kept"
    assert bodies.bytes <= bodies.limit


def test_an_unforeseen_error_logs_the_route_alone(
    app: Flask, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    @app.get("/broken/<path:name>")
    def broken(name: str) -> str:
        raise RuntimeError

    assert client.get("/broken/my%20secret%0d").status_code == 500
    (record,) = [record for record in caplog.records if record.name == "app.requests.problems"]
    assert record.getMessage() == "GET /broken/<path:name> failed"


def test_no_cookie_and_tls_only_where_it_is(client: FlaskClient, app: Flask) -> None:
    response = client.get("/")
    assert "Set-Cookie" not in response.headers
    assert "Strict-Transport-Security" not in response.headers
    secure = client.get("/", base_url="https://localhost")
    assert secure.headers["Strict-Transport-Security"] == "max-age=31536000"
    claimed = client.get("/", headers={"X-Forwarded-Proto": "https"})
    assert "Strict-Transport-Security" not in claimed.headers
