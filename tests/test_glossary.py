"""The glossary: its places exist, and words that were given up stay out of the code."""

import ast
import importlib
import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
PLACES = re.findall(r"\| `((?:bytelatent|app)\.[\w.]+)` \|$", GLOSSARY, re.MULTILINE)
MODULES = sorted([*(ROOT / "bytelatent").rglob("*.py"), *(ROOT / "app").rglob("*.py")])

RETIRED = {
    "Turns": "FairQueue",
    "Patience": "Deadline",
    "Still": "NoJsPreview",
    "still": "no_js_preview",
    "Ring": "KVCache",
    "back_to": "rollback",
    "Offers": "CrossKeysValues",
    "Folded": "FusedNormLinear",
    "LaidOut": "PackedLayer",
    "worth_copying": "should_pack",
    "naming": "os_errors_as_value_error",
    "Lane": "RowStream",
    "OF_THE_MODEL": "MODEL_KEYS",
    "OF_THE_RUN": "RUN_KEYS",
    "DRAWN": "INIT_ONLY_KEYS",
    "Wanted": "a request named by what it asks for",
    "Described": "OpenApiFragment",
    "telling": "describe_text",
    "JUDGED": "MIN_POINTS_FOR_INTERVAL",
    "waiting_limit": "max_queued",
    "at_once": "max_concurrent",
    "PatchesReadBytes": "EncoderCrossAttention",
    "BytesReadPatches": "DecoderCrossAttention",
}
"""Names that were given up, and the names that took their place."""


@pytest.mark.parametrize("place", PLACES)
def test_the_places_of_the_glossary_exist(place: str) -> None:
    try:
        importlib.import_module(place)
    except ModuleNotFoundError:
        module, _, name = place.rpartition(".")
        assert hasattr(importlib.import_module(module), name)


def test_the_glossary_is_in_order_and_says_each_term_once() -> None:
    terms = re.findall(r"^\| (.+?) \| .+ \| `", GLOSSARY, re.MULTILINE)
    assert len(terms) >= 50
    assert len(terms) == len(PLACES)
    assert len(set(terms)) == len(terms)
    assert terms == sorted(terms, key=str.lower)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_names_that_were_given_up_stay_out(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    names = {
        token.string
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.NAME
    }
    again = {name: RETIRED[name] for name in names & RETIRED.keys()}
    assert not again, "these names were given up for others"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_values_are_named_by_what_they_hold(path: Path) -> None:
    empty = {"found", "made", "one", "places"}
    tree = ast.parse(path.read_text(encoding="utf-8"))
    fields = {
        node.target
        for node in ast.walk(tree)
        if isinstance(node, ast.AnnAssign) and node.value is None  # some are keys of stored files
    }
    bound = {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node not in fields
    }
    assert not bound & empty, "these say nothing of the value: name it by what it holds"
