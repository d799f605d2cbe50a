"""A graph as a page: safe whatever its labels say, and whole."""

import json
import re

import pytest

from bytelatent.graph.graph_page import ASSETS, MODULES, graph_html

GRAPH = {
    "directed": True,
    "multigraph": False,
    "graph": {"kind": "patches", "title": "</title><script>1</script>"},
    "nodes": [{"id": "61", "label": "</script><script>alert(1)</script><!--", "type": "word"}],
    "links": [],
}


def test_labels_cannot_leave_their_place() -> None:
    page = graph_html(GRAPH)
    found = re.findall(
        r'<script type="application/json" id="graph">(.*?)</script>', page, re.DOTALL
    )
    assert [json.loads(text) for text in found] == [GRAPH]
    assert page.count("<script") == 2
    assert "<title>&lt;/title&gt;" in page


def test_all_modules_are_in_it_once() -> None:
    page = graph_html(GRAPH, library="a.js")
    assert {path.stem for path in ASSETS.glob("*.js")} == set(MODULES)
    assert not re.search(r"^(import|export) ", page, re.MULTILINE)
    names = re.findall(r"^(?:async )?(?:function|class|const|let) (\w+)", page, re.MULTILINE)
    assert len(names) == len(set(names)), "two modules use the same name"
    assert 'library: "a.js"' in page


def test_each_module_comes_after_those_that_it_imports() -> None:
    for place, name in enumerate(MODULES):
        text = (ASSETS / f"{name}.js").read_text(encoding="utf-8")
        for names, other in re.findall(r'^import \{(.*)\} from "\./(\w+)\.js"', text, re.MULTILINE):
            assert other in MODULES[:place], f"{name} imports {other}"
            theirs = (ASSETS / f"{other}.js").read_text(encoding="utf-8")
            for each in names.split(","):
                assert re.search(rf"^export (\w+ )+{each.strip()}\b", theirs, re.MULTILINE)


def test_numbers_that_json_does_not_know() -> None:
    with pytest.raises(ValueError, match="JSON"):
        graph_html({**GRAPH, "nodes": [{"id": "a", "x": float("nan")}]})
