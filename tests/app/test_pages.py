"""Pages, static files, headers, health and the OpenAPI document."""

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import meta
from markupsafe import escape

from app.drawing.no_js_preview import draw_preview
from app.pages import PAGES, error_pages, home_page, render
from app.pages.page_record import PageRecord
from app.schemas.health import Health
from app.settings import ROOT, Settings
from bytelatent.graph.graph_page import ASSETS as GRAPH_ASSETS

URLS = [
    *(page.url for page in PAGES if not page.example),
    *("/artifact/curve", "/artifact/rows.csv"),
]


def test_every_page_has_its_record(client: FlaskClient, app: Flask) -> None:
    names = [page.name for page in PAGES]
    assert len(set(names)) == len(names)
    rules = {rule.rule for rule in app.url_map.iter_rules()}
    for page in PAGES:
        assert page.url in rules
        assert ("<" in page.url) == bool(page.example)
        assert (ROOT / "templates" / page.template).is_file()


def test_the_navigation_lists_the_pages(client: FlaskClient) -> None:
    for page in PAGES:
        if not page.navigation:
            continue
        html = client.get(page.url).text
        shown = re.search(r'<nav aria-label="Main">(.*?)</nav>', html, re.S)
        assert shown
        entries = re.findall(r'<a href="([^"]+)"([^>]*)>([^<]+)</a>', shown[1])
        assert [(url, text) for url, _, text in entries] == [
            (each.url, each.navigation) for each in PAGES if each.navigation
        ]
        assert [url for url, current, _ in entries if current] == [page.url]
        assert f"<title>{escape(page.title)} · Byte Latent Transformer</title>" in html


def test_the_documentation_lists_the_pages() -> None:
    text = (ROOT / "docs" / "web.md").read_text(encoding="utf-8")
    for page in PAGES:
        url = re.sub(r"<\w+:", "<", page.url)
        assert re.search(rf"^\|.*`GET {re.escape(url)}`.*\|", text, re.MULTILINE), url


def links(html: str) -> set[str]:
    return set(re.findall(r'(?:src|href)="([^"#]+)', html))


@pytest.mark.parametrize("url", URLS)
def test_every_link_leads_somewhere(client: FlaskClient, url: str) -> None:
    found = links(client.get(url).text)
    assert found
    for link in found:
        assert link.startswith("/"), "nothing comes from another host"
        assert client.get(link).status_code == 200, link


@pytest.mark.parametrize("url", URLS)
def test_nothing_inline(client: FlaskClient, url: str) -> None:
    """The policy forbids inline scripts and styles; so there are none to be blocked."""
    html = client.get(url).text
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=", html)
    assert re.findall(r"<script(?![^>]*src=)([^>]*)>", html) in (
        [],
        [' type="application/json" id="page-data"'],
    )
    policy = client.get(url).headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize("url", ["/nothing", "/artifact/<b>gone", "/GALLERY"])
def test_a_browser_is_told_of_an_error_by_a_page(client: FlaskClient, url: str) -> None:
    response = client.get(url, headers={"Accept": BROWSER})
    assert response.status_code == 404
    assert response.content_type == "text/html; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    assert "Accept" in response.headers["Vary"]
    assert "script-src 'self'" in response.headers["Content-Security-Policy"]
    assert "<h1>Not found</h1>" in response.text
    assert "There is nothing of this name here." in response.text
    assert '<nav aria-label="Main">' in response.text
    assert "<b>gone" not in response.text
    for link in links(response.text):
        assert client.get(link).status_code == 200


def test_a_failing_page_is_told_by_a_page(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home_page, "draw_preview", lambda _: 1 / 0)
    response = client.get("/", headers={"Accept": BROWSER})
    assert response.status_code == 500
    assert "<h1>Internal server error</h1>" in response.text
    assert '<a href="/">Try again</a>' in response.text


@pytest.mark.parametrize(
    ("method", "url", "accept"),
    [
        ("GET", "/nothing", "*/*"),
        ("GET", "/nothing", "application/json, text/html;q=0.5"),
        ("GET", "/nothing", ""),
        ("POST", "/nothing", BROWSER),
        ("GET", "/api/nothing", BROWSER),
        ("GET", "/api/architecture?model=old", BROWSER),
        ("GET", "/data/nothing.json", BROWSER),
    ],
)
def test_programs_are_told_of_an_error_by_a_document(
    client: FlaskClient, method: str, url: str, accept: str
) -> None:
    response = client.open(url, method=method, headers={"Accept": accept})
    assert response.status_code >= 400
    assert response.content_type == "application/problem+json"
    assert response.get_json()["status"] == response.status_code


@pytest.mark.parametrize(
    "url", ["/", "/api", "/healthz", "/nothing", "/data/curve.json", "/visualizations/curve.html"]
)
def test_headers_everywhere(client: FlaskClient, url: str) -> None:
    headers = client.get(url).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    framed = "self" if url.startswith("/visualizations") else "none"  # by the page about it
    assert headers["X-Frame-Options"] == {"self": "SAMEORIGIN", "none": "DENY"}[framed]
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert f"frame-ancestors '{framed}'" in headers["Content-Security-Policy"]
    assert "Set-Cookie" not in headers


def test_the_first_example_shows_without_scripts(client: FlaskClient) -> None:
    html = client.get("/").text
    shown = "".join(re.findall(r'<span class="u [^"]*">([^<]*)</span>', html))
    assert shown.startswith("Daenerys Targaryen")
    assert '<path d="M' in html
    assert re.search(r'id="count-bytes">79<', html)


def test_the_embedded_data(client: FlaskClient) -> None:
    html = client.get("/").text
    found = re.search(r'id="page-data">(.*?)</script>', html, re.S)
    assert found
    data = json.loads(found[1])
    assert data["live"] is True
    assert data["first"]["response"]["bytes"] == 79
    assert len(data["first"]["response"]["predictions"]) == 80


def test_embedded_json_cannot_end_its_element() -> None:
    value = {"text": "</script><!--\u2028"}
    text = render.json_for_html(value)
    assert "<" not in text
    assert json.loads(text) == value


def test_a_page_without_examples_or_figures(
    client: FlaskClient, folders: Path, without_model: FlaskClient
) -> None:
    for folder in ("demo_output", "plot_data"):
        for path in (folders / folder).iterdir():
            path.unlink()
    for some in (client, without_model):
        response = some.get("/")
        assert response.status_code == 200
        assert "make figures" in response.text


def test_the_page_says_that_there_is_no_model(without_model: FlaskClient) -> None:
    assert "No model is loaded" in without_model.get("/").text


def test_stored_titles_are_escaped(client: FlaskClient, folders: Path) -> None:
    records = {"rows.csv": {"title": "<script>alert(1)</script>", "description": "a & b"}}
    (folders / "plot_data" / "artifacts.json").write_text(json.dumps(records))
    html = client.get("/").text
    assert "<script>alert" not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize("record", [*PAGES, error_pages.PAGE], ids=lambda record: record.name)
def test_the_context_is_the_dataclass(app: Flask, record: PageRecord) -> None:
    """Templates use each field of their context and nothing else."""
    used: set[str] = set()
    for name in (record.template, "base.html"):
        source = (ROOT / "templates" / name).read_text(encoding="utf-8")
        used |= meta.find_undeclared_variables(app.jinja_env.parse(source))
    known = {field.name for field in fields(record.context)}
    given = {"record", "asset", "modules", "navigation", "here", "request"}
    assert used - given - {"card", "inspector"} == known


def test_the_first_page_names_all_of_the_gallery(client: FlaskClient) -> None:
    html = client.get("/").text
    assert html.count("<h3><a") == 2  # curve, loss
    assert '<img src="/images/curve.png"' in html
    for name in ("curve.html", "loss_by-step.svg", "rows.csv", "live_examples.json"):
        assert f'href="/artifact/{name}"' in html
    assert 'href="/gallery"' in html


def test_the_first_page_names_no_endless_gallery(client: FlaskClient, folders: Path) -> None:
    for number in range(100):
        (folders / "demo_output" / f"figure {number:03d}.png").touch()
    html = client.get("/").text
    assert html.count('href="/artifact/') < 80
    assert "The whole gallery, 105 in all" in html, "with curve, loss, rows and two of examples"


def test_static_files_last(client: FlaskClient) -> None:
    urls = [link for link in links(client.get("/").text) if link.startswith("/static/v/")]
    assert any(url.endswith("js/app.js") for url in urls)
    for url in urls:
        response = client.get(url)
        assert "immutable" in response.headers["Cache-Control"]
        headers = {"If-None-Match": response.headers["ETag"]}
        assert client.get(url, headers=headers).status_code == 304
    version = urls[0].split("/")[3]
    stale = client.get(urls[0].replace(version, "0" * 12))
    assert stale.status_code == 200
    assert "immutable" not in stale.headers["Cache-Control"]


def test_modules_import_below_the_same_hash() -> None:
    for path in (ROOT / "static" / "js").glob("*.js"):
        for name in re.findall(r'from "([^"]+)"', path.read_text(encoding="utf-8")):
            found = re.fullmatch(r"(\./|\.\./graph/)([a-z]+\.js)", name)
            assert found
            folder = path.parent if found[1] == "./" else GRAPH_ASSETS
            assert (folder / found[2]).is_file()


def test_plotly_under_its_plain_name_for_stored_figures(client: FlaskClient) -> None:
    response = client.get("/static/vendor/plotly-basic.min.js", headers={"Accept-Encoding": "br"})
    assert response.headers["Content-Encoding"] == "br"
    assert response.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert len(response.data) < 400_000


def test_vendored_files_are_those_of_the_readme() -> None:
    import hashlib

    folder = ROOT / "static" / "vendor"
    rows = re.findall(r"^\| `([^`]+)`.*`([0-9a-f]{64})`", (folder / "README.md").read_text(), re.M)
    assert rows
    for name, digest in rows:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_the_first_page_is_light(client: FlaskClient) -> None:
    headers = {"Accept-Encoding": "br"}
    html = client.get("/").text
    assets = {link for link in links(html) if link.startswith("/static")}
    total = sum(len(client.get(url, headers=headers).data) for url in {"/", *assets})
    assert total < 1_500_000


def test_health(client: FlaskClient, without_model: FlaskClient) -> None:
    well = Health.model_validate_json(client.get("/healthz").data)
    assert (well.status, well.model) == ("ok", "fake")
    ill = Health.model_validate_json(without_model.get("/healthz").data)
    assert ill.status == "degraded"
    assert ill.reason
    assert "entropy.onnx" in ill.reason


def resolve(document: dict[str, Any], reference: str) -> Any:
    assert reference.startswith("#/")
    value: Any = document
    for part in reference[2:].split("/"):
        value = value[part]
    return value


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        inner = [r for v in value.values() for r in references(v)]
        return [value["$ref"], *inner] if isinstance(value.get("$ref"), str) else inner
    if isinstance(value, list):
        return [r for v in value for r in references(v)]
    return []


def test_openapi(client: FlaskClient, app: Flask) -> None:
    document = client.get("/openapi.json").get_json()
    assert document["openapi"].startswith("3.1")
    assert references(document)
    for reference in references(document):
        assert resolve(document, reference)
    operations = [o for methods in document["paths"].values() for o in methods.values()]
    assert len({o["operationId"] for o in operations}) == len(operations)
    for path, methods in document["paths"].items():
        variables = re.findall(r"{(\w+)}", path)
        for operation in methods.values():
            parameters = operation.get("parameters", [])
            assert [p["name"] for p in parameters if p["in"] == "path"] == variables
            assert operation["summary"]
            assert operation["responses"]


def test_openapi_has_every_json_route(app: Flask, client: FlaskClient) -> None:
    document = client.get("/openapi.json").get_json()
    rules = {re.sub(r"<\w+:(\w+)>", r"{\1}", rule.rule) for rule in app.url_map.iter_rules()}
    pages_and_files = {"/openapi.json", "/favicon.ico"}
    pages_and_files |= {re.sub(r"<\w+:(\w+)>", r"{\1}", page.url) for page in PAGES}
    pages_and_files |= {rule for rule in rules if rule.startswith("/static")}
    assert rules - pages_and_files == set(document["paths"])


def test_the_api_page_shows_all_of_it(client: FlaskClient) -> None:
    html = client.get("/api").text
    document = client.get("/openapi.json").get_json()
    for path in document["paths"]:
        assert path in html
    for name in document["components"]["schemas"]:
        assert f'id="{name}"' in html
    contents = re.findall(r'<li><a href="#(\w+)">', html)
    operations = [each for methods in document["paths"].values() for each in methods.values()]
    assert contents == [*(each["operationId"] for each in operations), "schemas"]
    for name in contents:
        assert html.count(f'id="{name}"') == 1
    for each in operations:
        for part in each.get("description", "").split("`"):
            assert str(escape(part)) in html


def test_draw_preview_of_text_in_many_scripts() -> None:
    text = "é🙂👨‍👩‍👧\n<b>"
    size = len(text.encode())
    response = {
        "bytes": size,
        "patches": [{"start": i} for i in range(size)],
        "entropies": [1.0] * (size + 1),
        "bits_per_byte": 2.0,
        "threshold": None,
    }
    still = draw_preview({"request": {"text": text}, "lang": "en", "response": response})
    assert "".join(mark.text for mark in still.marks).replace("↵", "") == text
    assert len(still.marks) == 7
    assert still.threshold_y is None


def test_a_language_bar_that_is_cut_off_is_marked(client: FlaskClient, settings: Settings) -> None:
    def row(name: str, pieces: int, *, known: bool) -> dict[str, object]:
        counts = {"entropy": pieces, "cl100k_base": 300, "o200k_base": 300}
        return {"lang": "en", "name": name, "bytes": 1200, "pieces": counts, "in_mix": known}

    rows = [row("Known", 300, known=True), row("Other", 25, known=False)]
    content = {"model": "fake", "source": "made up", "languages": rows}
    (settings.plot_data / "languages.json").write_text(json.dumps(content))
    known, other = re.findall(r"<tr><th scope=\"row\">.*", client.get("/").text)
    assert "Known" in known
    assert 'class="cut"' not in known
    assert '<span class="value">48.0</span>' in other
    assert other.count('class="cut"') == 1
