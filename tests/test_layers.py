"""The directions of the house: who may import whom, read off the syntax trees."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

LAYERS: list[tuple[int, tuple[str, ...]]] = [
    # The first prefix that fits decides. A module may import its own layer and those below it.
    (0, ("bytelatent.tokenizers.constants", "bytelatent.config", "bytelatent.files")),
    (1, ("bytelatent.tokenizers", "bytelatent.patching.rules", "bytelatent.metrics")),
    (1, ("bytelatent.generation.sampling", "bytelatent.generation.utf8")),
    (1, ("bytelatent.hub", "bytelatent.storage", "bytelatent.patching.calibrate")),
    (1, ("bytelatent.model.args", "bytelatent.model.attention", "bytelatent.distributed.env")),
    (1, ("bytelatent.allocator", "bytelatent.devices", "bytelatent.compressors")),
    (1, ("bytelatent.model.ngrams", "bytelatent.stored_tensors", "bytelatent.step_graphs")),
    (1, tuple(f"bytelatent.model.attention_{part}" for part in ("band", "dense", "kernels"))),
    (2, ("bytelatent.model", "bytelatent.transformer")),
    (3, ("bytelatent.patching", "bytelatent.generation")),
    (4, ("bytelatent.data", "bytelatent.muon", "bytelatent.optim", "bytelatent.checkpoint")),
    (4, ("bytelatent.distributed", "bytelatent.profiling")),
    (5, ("bytelatent.args", "bytelatent.trainer", "bytelatent.export", "bytelatent.hf")),
    (5, ("bytelatent.exporting", "bytelatent.transformers_format", "bytelatent.hf_commands")),
    (5, ("bytelatent.slurm", "bytelatent.training_patches", "bytelatent.stopping")),
    (5, ("bytelatent.loading", "bytelatent.scoring", "bytelatent.evaluation")),
    (5, ("bytelatent.calibration", "bytelatent.cards", "bytelatent.lm_eval_adapter")),
    (5, ("bytelatent.text_quality", "bytelatent.releasing")),
    (6, ("bytelatent.graph.__main__",)),
    (5, ("bytelatent.graph",)),
    (6, ("bytelatent.train", "bytelatent.release", "bytelatent.plotting")),
    (6, ("bytelatent.stool", "bytelatent.preprocess")),
    (6, ("bytelatent.scaling",)),
    (6, ("bytelatent.cli", "bytelatent.flops", "bytelatent.eval", "bytelatent.generate")),
]
TORCH_FREE = (
    "bytelatent.tokenizers",
    "bytelatent.patching.rules",
    "bytelatent.patching.patcher",
    "bytelatent.patching.calibrate",
    "bytelatent.generation.sampling",
    "bytelatent.files",
    "bytelatent.graph",
    "bytelatent.metrics",
    "bytelatent.model.args",
    "bytelatent.model.blt_args",
    "bytelatent.model.flops",
    "bytelatent.model.parameters",
    "bytelatent.model.published",
    "bytelatent.model.released",
    "bytelatent.model.released_blt",
    "bytelatent.runtime",
    "bytelatent.plotting",
    "bytelatent.graph",
    "app",
)
"""Start without torch: the web server, the runtime, the plot commands."""

GENERATION_WITHOUT_TORCH = (
    "boundaries",
    "events",
    "model",
    "run",
    "sampling",
    "speculative",
    "utf8",
)
RUNTIME_MAY_IMPORT = (
    "bytelatent.tokenizers",
    "bytelatent.patching.rules",
    "bytelatent.patching.patcher",
    *(f"bytelatent.generation.{part}" for part in GENERATION_WITHOUT_TORCH),
    "bytelatent.model.ngrams",
    "bytelatent.step_graphs",
    "bytelatent.stored_tensors",
    "bytelatent.storage",
    "bytelatent.files",
    "bytelatent.metrics",
    "bytelatent.runtime",
)
GRAPH_MAY_IMPORT = (
    "bytelatent.graph",
    "bytelatent.tokenizers",
    "bytelatent.patching.rules",
    "bytelatent.files",
    "bytelatent.metrics",
    "bytelatent.runtime",
)
APP_MAY_IMPORT = (
    "app",
    "bytelatent.tokenizers",
    "bytelatent.patching.rules",
    "bytelatent.files",
    "bytelatent.graph",
    "bytelatent.generation.events",
    "bytelatent.generation.run",
    "bytelatent.generation.sampling",
    "bytelatent.model.args",
    "bytelatent.model.blt_args",
    "bytelatent.model.flops",
    "bytelatent.model.parameters",
    "bytelatent.model.published",
    "bytelatent.model.released",
    "bytelatent.model.released_blt",
    "bytelatent.runtime",
    "bytelatent.step_graphs",
)


def modules() -> dict[str, Path]:
    found = {}
    for package in ("bytelatent", "app"):
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


MODULES = modules()


def under(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes)


def layer(name: str) -> int | None:
    return next((number for number, prefixes in LAYERS if under(name, prefixes)), None)


def imports(name: str, *, top_level: bool = False) -> set[str]:
    """Modules of ours, and top-level names of others, that ``name`` imports."""
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    nodes = tree.body if top_level else list(ast.walk(tree))
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: imports are absolute"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in MODULES else str(node.module))
    return found - {name}


def test_there_is_a_house() -> None:
    assert len(MODULES) > 20


@pytest.mark.parametrize("name", sorted(MODULES))
def test_imports_only_go_down(name: str) -> None:
    for other in imports(name) & MODULES.keys():
        if under(name, ("app",)):
            assert under(other, APP_MAY_IMPORT), f"{name} imports {other}"
        elif under(name, ("bytelatent.runtime",)):
            assert under(other, RUNTIME_MAY_IMPORT), f"{name} imports {other}"
        elif under(name, ("bytelatent.plotting", "bytelatent.graph.__main__")):
            assert not under(other, ("app",)), f"{name} imports {other}"
        elif under(name, ("bytelatent.graph",)):
            assert under(other, GRAPH_MAY_IMPORT), f"{name} imports {other}"
        elif name != "bytelatent":
            mine, theirs = layer(name), layer(other)
            assert mine is not None, f"{name} has no layer; give it one in this test"
            assert theirs is None or theirs <= mine, f"{name} ({mine}) imports {other} ({theirs})"
            assert not under(other, ("app", "bytelatent.plotting"))
            assert mine >= 5 or not under(other, ("bytelatent.runtime",))


@pytest.mark.parametrize("name", sorted(MODULES))
def test_nobody_imports_a_command(name: str) -> None:
    commands = ("bytelatent.train", "bytelatent.eval", "bytelatent.release", "app.examples")
    commands += ("app.diagram", "app.inspected", "app.traces")
    commands += ("bytelatent.stool", "bytelatent.preprocess.entropies")
    assert not [other for other in imports(name) if other in commands]


def test_torch_free_modules_load_no_torch() -> None:
    names = [name for name in MODULES if under(name, TORCH_FREE) and "__main__" not in name]
    code = (
        "import importlib, sys\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "assert not {'torch', 'transformers'} & set(sys.modules), 'torch was loaded'"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=ROOT, check=True)


def test_importing_prints_and_starts_nothing() -> None:
    names = [name for name in MODULES if "__main__" not in name]
    code = (
        "import importlib, threading\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "assert threading.active_count() == 1, threading.enumerate()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout == ""
    assert done.stderr == ""


def args_fields() -> list[tuple[str, str]]:
    """Every field of every ``...Args`` class."""
    fields = []
    for path in MODULES.values():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and node.name.endswith("Args"):
                fields += [
                    (node.name, item.target.id)
                    for item in node.body
                    if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
                ]
    return fields


def read_attributes() -> set[str]:
    """Names that some code reads off an object."""
    return {
        node.attr
        for path in MODULES.values()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }


def test_every_field_of_the_args_is_read_by_somebody() -> None:
    fields, read = args_fields(), read_attributes()
    assert len(fields) > 40
    assert not [f"{kind}.{field}" for kind, field in fields if field not in read]


@pytest.mark.parametrize("name", sorted(MODULES))
def test_files_and_functions_stay_readable(name: str) -> None:
    text = MODULES[name].read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400, f"{name} is longer than 400 lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            length = node.end_lineno - node.lineno + 1
            assert length <= 60, f"{name}.{node.name} has {length} lines"
