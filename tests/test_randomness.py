"""Nothing in tests, benchmarks or the package draws random numbers without a seed."""

import ast
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

ROOT = Path(__file__).parents[1]
FOLDERS = ("benchmarks", "bytelatent", "dev", "setup", "tests")

TORCH_DRAWS = {
    *("bernoulli", "multinomial", "normal", "poisson"),
    *("rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm"),
}
IN_PLACE_DRAWS = {
    *("bernoulli_", "cauchy_", "exponential_", "geometric_", "log_normal_", "normal_"),
    *("random_", "uniform_"),
}
SEEDED_WHERE_NAMED = {"default_rng", "PCG64", "Random", "SeedSequence"}
"""Sources of random numbers that take their seed as an argument; torch's begins with one."""

NO_SEED_AT_ALL = {"os.urandom", "uuid.uuid1", "uuid.uuid4", "random.SystemRandom"}


def unseeded(tree: ast.AST) -> Iterator[str]:
    """Yield every call of a syntax tree that draws from a source without a seed."""
    for scope in ast.walk(tree):
        if not isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module):
            continue
        calls = [node for node in own_nodes(scope) if isinstance(node, ast.Call)]
        names = [ast.unparse(call.func) for call in calls]
        seeds_torch = "torch.manual_seed" in names
        for call, name in zip(calls, names, strict=True):
            if not seeds_torch and draws_unseeded(call, name):
                yield f"{ast.unparse(call)} in line {call.lineno}"


def own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a function or module without those of functions inside it."""
    for child in ast.iter_child_nodes(scope):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield child
            yield from own_nodes(child)


def draws_unseeded(call: ast.Call, name: str) -> bool:
    module, _, function = name.rpartition(".")
    if name in NO_SEED_AT_ALL or module == "secrets":
        return True
    if function in SEEDED_WHERE_NAMED:
        return not (call.args or call.keywords)
    has_generator = any(keyword.arg == "generator" for keyword in call.keywords)
    if (module == "torch" and function in TORCH_DRAWS) or function in IN_PLACE_DRAWS:
        return not has_generator
    # The functions of these modules draw from one hidden state of the whole process.
    return module in ("np.random", "numpy.random") and function != "seed"


@pytest.mark.parametrize("folder", FOLDERS)
def test_random_numbers_come_from_a_seed(folder) -> None:
    faults = [
        f"{path.relative_to(ROOT)}: {call}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        if path != Path(__file__)
        for call in unseeded(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_module_random_is_only_used_for_its_class(folder) -> None:
    for path in sorted((ROOT / folder).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = any(
            isinstance(node, ast.Import) and any(alias.name == "random" for alias in node.names)
            for node in ast.walk(tree)
        )
        used = {
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "random"
        }
        if imported and path != Path(__file__):
            assert used <= {"Random", "seed"}, f"{path.relative_to(ROOT)}: {used}"


@pytest.mark.parametrize(
    "code",
    [
        *("torch.randn(3)", "np.random.default_rng()", "random.Random()", "x.normal_(0, 1)"),
        *("np.random.rand(3)", "uuid.uuid4()", "secrets.token_hex(3)", "torch.rand_like(x)"),
    ],
)
def test_a_draw_without_a_seed_is_seen(code) -> None:
    assert list(unseeded(ast.parse(f"def f():\n    {code}"))) == [f"{code} in line 2"]


DRAWN: list[tuple[float, float, float]] = []


@pytest.mark.parametrize("repeated", range(2))
def test_what_a_test_draws_does_not_depend_on_the_tests_before_it(repeated) -> None:
    """Layers of torch fill their weights from the hidden state when they are built."""
    weight = torch.nn.Linear(1, 1).weight.item()
    DRAWN.append((weight, random.random(), float(np.random.random())))
    assert DRAWN.count(DRAWN[0]) == len(DRAWN)
