"""The tools that check the JavaScript, and what templates say about the modules of a page."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEMPLATES = ROOT / "templates"
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


def preloaded(template: str) -> set[str]:
    """Modules that a template tells the browser to fetch early."""
    found = set(re.findall(r"modulepreload\" href=\"\{\{ asset\('([\w/]+\.js)'\)", template))
    lists = r"for module in \[(.*?)\] %\}\s*<link rel=\"modulepreload\" href=\"\{\{ asset\('(\w+)/'"
    for names, folder in re.findall(lists, template):
        found |= {f"{folder}/{name}.js" for name in re.findall(r'"(\w+)"', names)}
    return found


def pages() -> list[str]:
    return [
        path.name
        for path in sorted(TEMPLATES.glob("*.html"))
        if 'type="module"' in path.read_text()
    ]


@pytest.mark.parametrize("name", pages())
def test_a_page_fetches_its_modules_early_and_no_others(name: str) -> None:
    template = (TEMPLATES / name).read_text(encoding="utf-8")
    entries = re.findall(r"type=\"module\" src=\"\{\{ asset\('([\w/]+\.js)'\)", template)
    assert entries
    assert preloaded(template) == set().union(*(imported(entry) for entry in entries))


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
