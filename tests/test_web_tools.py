"""The tools that check the JavaScript, and the modules that a page fetches."""

import json
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.pages import PAGES
from app.pages.page_record import PageRecord

ROOT = Path(__file__).parents[1]
FOLDERS = {"js": ROOT / "static" / "js", "graph": ROOT / "bytelatent" / "graph" / "assets"}
"""Folders of modules, by what their URLs begin with below ``/static/``."""


def package(name: str) -> dict:
    return json.loads((ROOT / name).read_text(encoding="utf-8"))


def imported(url: str) -> set[str]:
    """All modules that a module imports, in however many steps; as ``js/name.js``."""
    found: set[str] = set()
    waiting = [url]
    while waiting:
        folder, name = waiting.pop().split("/")
        text = (FOLDERS[folder] / name).read_text(encoding="utf-8")
        for way in re.findall(r'^import .* from "(.*)";$', text, flags=re.MULTILINE):
            target = way.removeprefix("../") if way.startswith("../") else f"{folder}/{way[2:]}"
            if target not in found:
                found.add(target)
                waiting.append(target)
    return found


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return create_app().test_client()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_fetches_its_modules_early_and_no_others(
    client: FlaskClient, page: PageRecord
) -> None:
    html = client.get(page.address).text
    files = r"\"/static/v/\w+/([\w/]+\.js)\""
    assert tuple(re.findall(rf"type=\"module\" src={files}", html)) == page.js
    preloaded = re.findall(rf"rel=\"modulepreload\" href={files}", html)
    assert preloaded == sorted(set().union(*(imported(entry) for entry in page.js)))


def test_every_stylesheet_and_module_is_used_by_a_page() -> None:
    used = {"css/base.css", "js/theme.js"}
    for page in PAGES:
        used |= {*page.css, *page.js}.union(*(imported(entry) for entry in page.js))
    for kind in ("css", "js"):
        for path in (ROOT / "static" / kind).glob(f"*.{kind}"):
            assert f"{kind}/{path.name}" in used, "no page has it in its record"


def test_the_tools_are_pinned_and_the_lock_names_no_registry() -> None:
    wanted = package("package.json")["devDependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())
    locked = package("package-lock.json")["packages"]
    assert {name: locked[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert not [name for name, entry in locked.items() if "resolved" in entry]


def test_types_are_those_of_the_library_that_is_served() -> None:
    version = package("package.json")["devDependencies"]["cytoscape"]
    vendored = (ROOT / "static" / "vendor" / "README.md").read_text(encoding="utf-8")
    assert f"| `cytoscape` (npm) | {version} |" in vendored
