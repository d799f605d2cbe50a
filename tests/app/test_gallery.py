"""The gallery: what is found, in which order, what an empty one says, and its list in parts."""

import json
import os
import re
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from pydantic import TypeAdapter

from app.schemas.visualizations import ArtifactList
from app.stored.catalogue import Catalogue
from app.stored.gallery import gallery_of
from tests.app.conftest import PNG


@pytest.fixture
def client(without_model: FlaskClient) -> FlaskClient:
    """No model, and so no examples beside the files that ``folders`` makes."""
    return without_model


def shown(client: FlaskClient, query: str = "") -> list[str]:
    """Titles of the cards, in order."""
    return re.findall(r"<h2><a [^>]*>([^<]*)</a>", client.get(f"/gallery{query}").text)


def listed(client: FlaskClient, query: str = "") -> ArtifactList:
    response = client.get(f"/api/visualizations{query}")
    assert response.status_code == 200
    return ArtifactList.model_validate_json(response.data)


def test_figures_come_before_data_each_by_title(client: FlaskClient) -> None:
    assert shown(client) == ["Entropy curve", "Loss by step", "Rows"]


def test_a_card_has_all_formats_the_command_and_the_data(client: FlaskClient) -> None:
    html = client.get("/gallery").text
    card = html[html.index('<li class="card"') : html.index('<p class="kind">image')]
    for link in ("/artifact/curve.html", "/images/curve.pdf", "/data/curve.json"):
        assert f'href="{link}"' in card
    assert "python -m bytelatent.plotting.entropy_figure" in card
    assert "One text." in card
    assert '<img src="/images/curve.png"' in card


def test_a_small_picture_is_preferred(client: FlaskClient, folders: Path) -> None:
    small = folders / "demo_output" / "thumbnails"
    small.mkdir()
    (small / "curve.webp").write_bytes(b"RIFF")
    (small / "notes.txt").write_text("no picture")
    assert '<img src="/thumbnails/curve.webp"' in client.get("/gallery").text
    response = client.get("/thumbnails/curve.webp")
    assert (response.data, response.content_type) == (b"RIFF", "image/webp")
    for name in ("notes.txt", "curve.png", "curve", "../curve.html", "..%2fcurve.png"):
        assert client.get(f"/thumbnails/{name}").status_code == 404
    assert "curve.webp" not in [item.name for item in listed(client).items]


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("?q=entropy", ["Entropy curve"]),
        ("?q=ENTROPY+CuRvE", ["Entropy curve"]),
        ("?q=curve.pdf", ["Entropy curve"]),
        ("?q=bytelatent.plotting", ["Entropy curve"]),
        ("?q=%20%20", ["Entropy curve", "Loss by step", "Rows"]),
        ("?kind=data", ["Rows"]),
        ("?kind=image", ["Loss by step"]),
        ("?kind=interactive&q=loss", []),
        ("?kind=nonsense&sort=nonsense&q=rows", ["Rows"]),
    ],
)
def test_search_and_kind_without_scripts(
    client: FlaskClient, query: str, titles: list[str]
) -> None:
    assert shown(client, query) == titles


def test_orders(client: FlaskClient, folders: Path) -> None:
    for path in (folders / "demo_output").iterdir():
        os.utime(path, (1, 1))
    for path in (folders / "plot_data").iterdir():
        os.utime(path, (2, 2))
    os.utime(folders / "demo_output" / "loss_by-step.svg", (3, 3))
    assert shown(client, "?sort=newest")[0] == "Loss by step"
    (folders / "plot_data" / "rows.csv").write_text("a,b\n" * 1000)
    assert shown(client, "?sort=largest")[0] == "Rows"


def test_nothing_found_and_nothing_there(client: FlaskClient, folders: Path) -> None:
    html = client.get("/gallery?q=unheard").text
    assert "Nothing matches" in html
    assert "Nothing matches" not in client.get("/gallery").text
    assert "0 of 3" in html
    for folder in ("demo_output", "plot_data"):
        for path in (folders / folder).iterdir():
            path.unlink()
    empty = client.get("/gallery?q=x").text
    assert "make figures" in empty
    assert "<form" not in empty


@pytest.fixture
def many(folders: Path) -> int:
    """So many cards: those of ``folders``, and 147 pictures."""
    for number in range(147):
        (folders / "demo_output" / f"drawing {number:03d}.png").touch()
    return 150


def link(client: FlaskClient, url: str, relation: str) -> str | None:
    found = re.search(rf'<a rel="{relation}" href="([^"]+)"', client.get(url).text)
    return unescape(found[1]) if found else None


@pytest.mark.parametrize(
    ("query", "pages", "total"),
    [("", 3, 150), ("?sort=newest", 3, 150), ("?q=drawing&kind=image", 3, 147), ("?q=9", 1, 23)],
)
def test_pages_have_every_card_once(
    client: FlaskClient, many: int, query: str, pages: int, total: int
) -> None:
    seen: list[str] = []
    url, number = f"/gallery{query}", 0
    while url:
        number += 1
        html = client.get(url).text
        seen += shown(client, url.removeprefix("/gallery"))
        assert html.count("aria-current") == 1 + (pages > 1), "the bar's, and that of the pages"
        if pages > 1:
            assert f'aria-label="Page {number}" aria-current="page"' in html
            assert (link(client, url, "prev") is None) == (number == 1)
        url = link(client, url, "next") or ""
    assert number == pages
    assert len(seen) == len(set(seen)) == total


def test_pages_say_what_they_show(client: FlaskClient, many: int) -> None:
    def counted(query: str) -> str:
        found = re.search(r'id="found"[^>]*>([^<]*)<', client.get(f"/gallery{query}").text)
        assert found
        return found[1]

    assert counted("") == "1 to 60 of 150 in all"
    assert counted("?page=3") == "121 to 150 of 150 in all"
    assert counted("?q=drawing&page=2") == "61 to 120 of 147 found, of 150"
    assert counted("?q=9") == "23 of 150"
    assert link(client, "/gallery?q=drawing&sort=largest&page=2", "prev") == (
        "/gallery?q=drawing&sort=largest"
    )


@pytest.mark.parametrize("page", ["0", "4", "-1", "x", "", "1.0", "%D9%A3", "9" * 30])
def test_a_page_that_there_is_not(client: FlaskClient, many: int, page: str) -> None:
    response = client.get(f"/gallery?page={page}")
    assert response.status_code == 422
    assert response.get_json()["field"] == "page"
    assert "a whole number from 1 to 3 is needed" in response.get_json()["detail"]
    html = client.get(f"/gallery?page={page}", headers={"Accept": "text/html"})
    assert (html.status_code, html.mimetype) == (422, "text/html")
    assert "a whole number from 1 to 3 is needed" in unescape(html.text)
    assert client.get(f"/gallery?q=unheard&page={page}").status_code == 422


def test_what_is_searched_is_shown_as_text(client: FlaskClient) -> None:
    html = client.get("/gallery", query_string={"q": '"><script>alert(1)</script>'}).text
    assert "<script>alert" not in html
    assert client.get("/gallery", query_string={"q": "x" * 5000}).status_code == 200


def test_the_form_may_be_sent_to_this_site_alone(client: FlaskClient) -> None:
    policy = client.get("/gallery").headers["Content-Security-Policy"]
    assert "form-action 'self'" in policy
    assert "form-action 'none'" in client.get("/").headers["Content-Security-Policy"]


@pytest.mark.parametrize("name", ["a b.png", "100%.png", "what?.png", "a#b.png", "é&<i>.png"])
def test_names_that_need_quoting(client: FlaskClient, folders: Path, name: str) -> None:
    (folders / "demo_output" / name).write_bytes(PNG)
    html = client.get("/gallery").text
    assert f'href="/artifact/{quote(name)}"' in html
    assert client.get(f"/artifact/{quote(name)}").status_code == 200
    assert client.get(f"/images/{quote(name)}").data == PNG
    item = next(i for i in listed(client).items if i.name == name)
    assert client.get(item.url).status_code == client.get(item.page).status_code == 200


def test_a_stem_that_is_another_files_name(folders: Path) -> None:
    (folders / "demo_output" / "rows.csv.png").write_bytes(PNG)
    gallery = gallery_of(Catalogue([folders / "demo_output", folders / "plot_data"]).snapshot())
    assert gallery.by_name["rows.csv"].kind == "data"
    assert gallery.by_name["rows.csv.png"].kind == "image"
    assert gallery.by_name["rows"].name == "rows.csv"


def test_the_list_in_parts(client: FlaskClient) -> None:
    whole = listed(client)
    assert (whole.total, whole.next) == (len(whole.items), None)
    found, url = [], "?limit=2"
    while url:
        part = listed(client, url)
        assert part.total == whole.total
        assert len(part.items) <= 2
        assert {*part.html, *part.images, *part.data} == {item.name for item in part.items}
        found += part.items
        url = (part.next or "").removeprefix("/api/visualizations")
    assert found == whole.items
    assert listed(client, "?offset=1000").items == []


def test_the_list_by_kind_and_words(client: FlaskClient) -> None:
    images = listed(client, "?kind=images")
    assert (images.html, images.data) == ([], [])
    assert images.images == ["curve.pdf", "curve.png", "loss_by-step.svg"]
    some = listed(client, "?q=entropy+CURVE&limit=1")
    assert [item.name for item in some.items] == ["curve.html"]
    assert some.next == "/api/visualizations?q=entropy+curve&limit=1&offset=1"
    assert listed(client, "?_=123").total == listed(client).total


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?kind=html5", "kind"),
        ("?kind=", "kind"),
        ("?limit=0", "limit"),
        ("?limit=1001", "limit"),
        ("?limit=x", "limit"),
        ("?limit=%D9%A3", "limit"),  # a digit, but no ASCII one
        ("?offset=-1", "offset"),
        ("?offset=99999999999999999999", "offset"),
        (f"?q={'x' * 201}", "q"),
    ],
)
def test_a_wrong_parameter_is_named(client: FlaskClient, query: str, field: str) -> None:
    response = client.get(f"/api/visualizations{query}")
    assert response.status_code == 422
    assert response.get_json()["field"] == field


@pytest.mark.parametrize("query", ["", "?limit=2", "?q=entropy"])
@pytest.mark.parametrize("encoding", ["identity", "br", "gzip"])
def test_the_list_is_conditional(client: FlaskClient, query: str, encoding: str) -> None:
    url = f"/api/visualizations{query}"
    headers = {"Accept-Encoding": encoding}
    first = client.get(url, headers=headers)
    assert "Accept-Encoding" in first.headers["Vary"]
    assert first.headers.get("Content-Encoding", "identity") == encoding
    again = client.get(url, headers=headers | {"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_the_list_is_made_once(
    client: FlaskClient, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = client.get("/api/visualizations")
    with monkeypatch.context() as patch:
        patch.setattr(json, "dumps", lambda *_, **__: pytest.fail("made again"))
        assert client.get("/api/visualizations").data == before.data
    (folders / "plot_data" / "new.json").write_text("{}")
    after = client.get("/api/visualizations")
    assert after.headers["ETag"] != before.headers["ETag"]
    assert "new.json" in TypeAdapter(ArtifactList).validate_json(after.data).data


def test_what_is_kept_has_a_bound(folders: Path) -> None:
    snapshot = Catalogue([folders / "demo_output"]).snapshot()
    for k in range(1000):
        assert snapshot.once(("key", k), lambda k=k: k + 1) == k + 1
    assert len(snapshot._kept) <= 256
