"""Names and sizes in the house: one place for each name, options that are read, short files."""

import ast
import re
from collections.abc import Iterable

import pytest

from tests.house import MODULES, TREES, under


def defined_twice(names: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the names that several modules define, with these modules."""
    owners: dict[str, list[str]] = {}
    for name, module in names:
        owners.setdefault(name, []).append(module)
    return {name: modules for name, modules in owners.items() if len(modules) > 1}


def test_no_class_name_of_the_package_is_defined_twice() -> None:
    classes = (
        (node.name, module)
        for module, tree in TREES.items()
        if under(module, ["bytelatent"])
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    )
    assert defined_twice(classes) == {}


def test_the_backends_and_the_hub_define_their_public_calls_once() -> None:
    calls = (
        (node.name, module)
        for module, tree in TREES.items()
        if under(module, ["bytelatent.formats", "bytelatent.generation", "bytelatent.runtime"])
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        if node.name in {"push_to_hub", "stream", "generate"}
    )
    assert defined_twice(calls) == {}


CONTRACTS = ("bytelatent.formats.file_names", "bytelatent.runtime.onnx_format")
"""Modules that define the names of shared files."""

SHARED_NAMES = {
    node.value.value: node.targets[0].id
    for module in CONTRACTS
    for node in TREES[module].body
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    if isinstance(node.value, ast.Constant)
    if node.targets[0].id.endswith(("_FILE", "_GRAPH"))
}


@pytest.mark.parametrize("name", sorted(MODULES.keys() - set(CONTRACTS)))
def test_a_shared_name_is_written_by_its_constant(name: str) -> None:
    again = {
        node.value: SHARED_NAMES[node.value]
        for node in ast.walk(TREES[name])
        if isinstance(node, ast.Constant) and node.value in SHARED_NAMES
    }
    assert again == {}, "these names have a constant"


def args_classes() -> list[tuple[str, ast.ClassDef]]:
    """Every ``...Args`` class with the module it is in."""
    return [
        (name, node)
        for name, tree in TREES.items()
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name.endswith("Args")
    ]


def test_docstrings_of_args_name_every_field() -> None:
    missing = [
        f"{name}.{node.name}.{field.target.id}"
        for name, node in args_classes()
        for field in node.body
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if "ClassVar" not in ast.unparse(field.annotation)
        if not re.search(rf"\b{field.target.id}\b", ast.get_docstring(node) or "")
    ]
    assert missing == []


def read_attributes() -> set[str]:
    """Names that some code reads off an object."""
    return {
        node.attr
        for tree in TREES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }


def test_every_field_of_the_args_is_read_by_somebody() -> None:
    fields = [
        (node.name, field.target.id)
        for _, node in args_classes()
        for field in node.body
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
    ]
    read = read_attributes()
    assert len(fields) > 40
    assert not [f"{kind}.{field}" for kind, field in fields if field not in read]


@pytest.mark.parametrize("name", sorted(MODULES))
def test_files_and_functions_stay_readable(name: str) -> None:
    text = MODULES[name].read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400, f"{name} is longer than 400 lines"
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            length = node.end_lineno - node.lineno + 1
            assert length <= 60, f"{name}.{node.name} has {length} lines"
