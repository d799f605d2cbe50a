"""The app below a path: every link, asset and URL in JSON leads there."""

import re
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.models.live_model import LiveModel
from app.requests.prefix import cleaned
from app.settings import Settings
from tests.app.fakes import FakeModel

PAGES = ["/", "/generate", "/model", "/graph", "/training", "/scaling", "/gallery", "/api"]
PAGES += ["/artifact/curve.png", "/nothing"]
"""All pages, with one of a figure and one about an error."""

LINK = re.compile(r'\b(?:href|src|action)="(/[^"]*)"')
HTML = {"Accept": "text/html"}
PREFIX = "/user/some one/blt"
QUOTED = "/user/some%20one/blt"


def below(settings: Settings, prefix: str) -> FlaskClient:
    app = create_app(replace(settings, prefix=prefix), LiveModel(FakeModel()))
    return app.test_client()


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("stripped", [True, False])
def test_all_links_of_a_page_lead_below_the_prefix(
    settings: Settings, path: str, stripped: bool
) -> None:
    client = below(settings, PREFIX)
    page = client.get(path if stripped else PREFIX + path, headers=HTML)
    assert page.status_code == (404 if path == "/nothing" else 200)
    links = LINK.findall(page.get_data(as_text=True))
    assert len(links) > 10
    assert not [link for link in links if not link.startswith(f"{QUOTED}/")]
    assert not [link for link in links if link.count(QUOTED) > 1]
    for link in set(links) - {f"{QUOTED}/nothing"}:
        found = client.get(link.removeprefix(QUOTED))
        assert found.status_code == 200, link


def urls(value: object) -> list[str]:
    """All strings in a JSON value that begin with a slash and are URLs of the app."""
    if isinstance(value, dict):
        named = ("url", "page", "thumbnail", "artifact", "card", "next", "instance")
        own = [value[key] for key in named if isinstance(value.get(key), str)]
        return [url for url in own if "/" in url] + [u for v in value.values() for u in urls(v)]
    return [url for part in value for url in urls(part)] if isinstance(value, list) else []


@pytest.mark.parametrize(
    "path",
    [
        *("/api/visualizations", "/api/visualizations?limit=1", "/api/artifact/curve.png"),
        *("/api/runs", "/api/nothing", "/openapi.json"),
    ],
)
def test_all_urls_in_json_lead_below_the_prefix(settings: Settings, path: str) -> None:
    client = below(settings, PREFIX)
    found = urls(client.get(path).get_json())
    assert found
    assert not [url for url in found if not url.startswith(f"{QUOTED}/")]


def test_the_header_of_a_proxy_is_believed_only_where_that_is_set(settings: Settings) -> None:
    header = {"X-Forwarded-Prefix": "/blt/"}
    for prefix, root in (("", "/"), ("/other", "/other/"), ("forwarded", "/blt/")):
        client = below(settings, prefix)
        for path in ("/", "/api/visualizations"):
            client.get(path)  # what is kept must not stay for others
        document = client.get("/openapi.json", headers=header).get_json()
        assert document["servers"] == [{"url": root}]
        listed = client.get("/api/visualizations", headers=header).get_json()
        assert all(url.startswith(root) for url in urls(listed))
        if prefix == "forwarded":
            again = client.get("/api/visualizations").get_json()
            assert not [url for url in urls(again) if url.startswith("/blt")]
            assert f'href="{root}gallery"' in client.get("/", headers=header).text


@pytest.mark.parametrize(
    ("given", "prefix"),
    [
        ("", ""),
        ("/", ""),
        ("/blt/", "/blt"),
        ("blt", "/blt"),
        ("//evil.example/a", "/evil.example/a"),
        ("/\\evil.example", "/evil.example"),
        ("/a/../b", "/a/b"),
    ],
)
def test_a_prefix_names_no_other_host(given: str, prefix: str) -> None:
    assert cleaned(given) == prefix


def test_a_prefix_cannot_end_an_attribute(settings: Settings) -> None:
    client = below(settings, "forwarded")
    page = client.get("/", headers={"X-Forwarded-Prefix": '/"><script>alert(1)</script>'})
    assert "<script>alert" not in page.text
    assert "%3Cscript%3Ealert" in page.text


@pytest.mark.parametrize("name", ["BLT_PREFIX", "SCRIPT_NAME"])
def test_the_prefix_is_a_setting(name: str) -> None:
    for value, prefix in (("/blt/", "/blt"), ("/", ""), ("/a/b", "/a/b"), ("forwarded",) * 2):
        assert Settings.from_environment({name: value}).prefix == prefix
    for value in ("blt", "https://example.org/blt", "//blt", "/a/../b", "/a?b", "/a#b"):
        with pytest.raises(ValueError, match=rf"{name} is '.*'; a path such as /blt"):
            Settings.from_environment({name: value})
