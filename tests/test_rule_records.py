"""A patching rule is one record: nobody lists the rules again, and everybody offers all of them."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from app import create_app
from app.models.live_model import LiveModel
from app.schemas.compare import CompareRequest, CompareRow
from app.schemas.patches import PatchRequest, PatchResponse
from app.schemas.schema import schema_of
from app.settings import Settings
from bytelatent.patching.calibrate import CALIBRATED
from bytelatent.patching.rules import COMPARED_RULES, RULES, RULES_OF_TEXT, PatchingMode
from bytelatent.tokenizers.bpe import NAMES

ROOT = Path(__file__).parents[1]
RECORDS = ROOT / "bytelatent" / "patching" / "rules"
TWIN = ROOT / "static" / "js" / "rules.js"
MODULES = sorted(
    path
    for package in ("bytelatent", "app")
    for path in (ROOT / package).rglob("*.py")
    if RECORDS not in path.parents
)
PAGES = sorted(
    path
    for folder, pattern in (
        ("static/js", "*.js"),
        ("templates", "*.html"),
        ("bytelatent/graph/assets", "*.js"),
        ("bytelatent/plotting/assets", "*.js"),
    )
    for path in (ROOT / folder).glob(pattern)
    if path != TWIN
)

RULE_NAMES = {rule.name for rule in RULES}
COMMON_WORDS = {"entropy", "space", "static", "byte", "bpe"}
"""Names of rules that are also names of other things: of a column, a key, a tokenizer."""

OWN_NAMES = RULE_NAMES - COMMON_WORDS


def test_records_agree_with_themselves() -> None:
    assert len(RULE_NAMES) == len(RULES)
    assert [*dict.fromkeys(rule.mode for rule in RULES)] == list(PatchingMode)
    for rule in RULES:
        assert rule.title and rule.words.endswith(".")
        assert (rule.compares is not None) == ("threshold" in rule.needs)
        assert rule.uses_entropies or rule.compares is None
        assert not rule.whole_size or "patch_size" in rule.needs
    for rule in COMPARED_RULES:
        assert "threshold_add" not in rule.needs, "POST /api/compare has no such field"
    assert set(CALIBRATED) == {rule.mode for rule in RULES if rule.needs == ("threshold",)}


def strings(tree: ast.AST) -> set[str]:
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def listed(tree: ast.AST) -> Iterator[set[str]]:
    """The rules that each list, tuple, set and mapping names, as a text or a ``PatchingMode``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            items: list[Any] = node.elts
        elif isinstance(node, ast.Dict):
            items = node.keys
        else:
            continue
        yield {
            str(item.value) if isinstance(item, ast.Constant) else item.attr.lower()
            for item in items
            if isinstance(item, ast.Constant)
            or (isinstance(item, ast.Attribute) and ast.unparse(item.value) == "PatchingMode")
        } & RULE_NAMES


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_lists_the_rules_again(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not strings(tree) & OWN_NAMES, "ask the record of the rule, or name its PatchingMode"
    most = max(map(len, listed(tree)), default=0)
    assert most < 3, "these are names of rules: take them from bytelatent.patching.rules"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_page_names_a_rule(path: Path) -> None:
    text = re.sub(
        r"/\*.*?\*/|(?<!:)//[^\n]*", "", path.read_text(encoding="utf-8"), flags=re.DOTALL
    )
    again = set(re.findall(r"\w+", text)) & OWN_NAMES
    assert not again, "the server tells a page which rules there are (page_data of the home page)"


def test_a_list_of_rules_would_be_found() -> None:
    again = ["x = ('space', 'byte', 'bpe')", "{PatchingMode.SPACE: 1, 'static': 2, 'bpe': 3}"]
    assert [max(map(len, listed(ast.parse(code)))) for code in again] == [3, 3]
    assert {"topk", "monotonic", "combined"} <= OWN_NAMES


def accepted(model: Any, field: str) -> list[str]:
    properties = schema_of(model)["properties"]
    found: list[str] = properties[field]["enum"]
    return found


def test_the_api_offers_exactly_the_rules_of_text() -> None:
    modes = list(dict.fromkeys(rule.mode.value for rule in RULES_OF_TEXT))
    assert accepted(PatchRequest, "mode") == accepted(PatchResponse, "mode") == modes
    splitters = [*(rule.name for rule in COMPARED_RULES), *NAMES]
    assert accepted(CompareRow, "splitter") == splitters
    assert json.dumps(splitters) in json.dumps(schema_of(CompareRequest))
    for mode in modes:
        assert PatchRequest.model_validate({"text": "", "mode": mode}).mode == mode
    with pytest.raises(ValidationError, match=f"Input should be '{modes[0]}', '{modes[1]}'"):
        PatchRequest.model_validate({"text": "", "mode": "bpe"})


def test_the_page_offers_exactly_the_rules_of_text(tmp_path: Path) -> None:
    settings = Settings(model_folder=tmp_path, blt_folder=tmp_path)
    page = (
        create_app(settings, LiveModel(None, reason="none is needed")).test_client().get("/").text
    )
    choices = re.findall(r'name="mode" value="(\w+)"[^>]*><span>([^<]+)</span>', page)
    assert choices == [(rule.name, rule.title) for rule in RULES_OF_TEXT]
    rows = re.findall(r'<tr data-splitter="(\w+)"', page)
    assert rows[: len(COMPARED_RULES) + 1] == ["now", *(rule.name for rule in COMPARED_RULES)]
    data = re.search(r'<script[^>]* id="page-data">(.+?)</script>', page, re.DOTALL)
    assert data
    told = json.loads(data[1])["rules"]
    assert [rule["name"] for rule in told] == [rule.name for rule in RULES_OF_TEXT]
    needs = {need for rule in RULES_OF_TEXT for need in rule.needs}
    assert set(re.findall(r'data-needs="(\w+)"', page)) == needs


def test_the_scripts_have_exactly_the_rules_of_text() -> None:
    table = re.search(r"^const RULES = \{\n(.+?)^\};", TWIN.read_text("utf-8"), re.M | re.S)
    assert table
    names = re.findall(r"^  (\w+):", table[1], re.MULTILINE)
    assert names == [rule.name for rule in RULES_OF_TEXT]
