"""The directions of the house: who may import whom, read off the syntax trees."""

import ast
import subprocess
import sys

import pytest

from bytelatent.cli import COMMANDS
from tests.house import MODULES, ROOT, TREES, under

LAYERS: tuple[tuple[str, ...], ...] = (
    # From the ground up. A module may import its own layer and those below it; names are without
    # "bytelatent.", and the longest one that fits decides. CONTRIBUTING.md shows the same list.
    ("config", "files", "command", "tokenizers.constants"),
    (
        *("architecture", "distributed", "evaluation.compressors", "metrics", "tokenizers"),
        *("patching.rules", "patching.patcher", "patching.calibrate"),
        *(
            f"generation.{part}"
            for part in (
                *("boundaries", "byte_model", "events", "options", "row_batch", "run"),
                *("sampling", "shared", "speculative", "text_generator", "utf8"),
            )
        ),
    ),
    ("data", "formats"),
    ("model", "transformer", "runtime"),
    (
        *("convert", "exporting", "generation.torch_backend", "graph", "patching.entropies"),
        *(f"training.{part}" for part in ("args", "checkpoint", "checkpoint_reader")),
        *(f"training.{part}" for part in ("muon", "optim", "profiling", "stopping")),
    ),
    ("convert.commands", "loading"),
    ("evaluation", "training"),
    ("plotting", "preprocess", "scaling"),
    (
        *("calibration", "cli", "eval", "export", "flops", "generate", "graph.__main__"),
        *("graph.sentences", "hf", "lm_eval_adapter", "release", "stool", "text_quality", "train"),
    ),
)
"""Who may import whom in ``bytelatent/``."""

APP_LAYERS: tuple[tuple[str, ...], ...] = (
    # Names are without "app."; "app" is the module that has ``create_app``.
    ("logs", "settings"),
    ("requests", "schemas"),
    ("models", "runs", "stored"),
    ("drawing",),
    ("api", "precompute"),
    ("pages",),
    ("factory",),
    ("app",),
    ("server",),
)
"""Who may import whom in ``app/``: a package, or a module beside them, imports those below it."""

PACKAGES = {"generation", "patching"}
"""Packages whose ``__init__`` belongs to the lowest layer of what is in them."""

TORCH_FREE = (
    *("bytelatent.architecture", "bytelatent.command", "bytelatent.config", "bytelatent.files"),
    *("bytelatent.metrics", "bytelatent.runtime", "bytelatent.tokenizers"),
    *("bytelatent.graph", "bytelatent.plotting"),
    *(f"bytelatent.{name}" for name in LAYERS[1] if name.startswith(("patching", "generation"))),
    *(
        f"bytelatent.formats.{name}"
        for name in (
            *("file_names", "find", "hub", "released", "released_blt"),
            *("safetensors_header", "train_args"),
        )
    ),
    *("bytelatent.distributed.allocator", "bytelatent.distributed.slurm"),
    "app",
)
"""Modules that load no torch: the web server, the runtime, the plot commands."""

RUNTIME_MAY_IMPORT = (
    *("bytelatent.architecture", "bytelatent.files", "bytelatent.metrics", "bytelatent.runtime"),
    *("bytelatent.tokenizers", "bytelatent.patching", "bytelatent.generation"),
    *("bytelatent.formats.file_names", "bytelatent.formats.find"),
    "bytelatent.formats.safetensors_header",
)
GRAPH_MAY_IMPORT = (
    *("bytelatent.command", "bytelatent.files", "bytelatent.graph", "bytelatent.metrics"),
    *("bytelatent.patching.rules", "bytelatent.runtime", "bytelatent.tokenizers"),
    "bytelatent.formats.find",
)
APP_MAY_IMPORT = (
    *("bytelatent.architecture", "bytelatent.files", "bytelatent.graph"),
    *(
        "bytelatent.generation.events",
        "bytelatent.generation.options",
        "bytelatent.generation.sampling",
    ),
    *(f"bytelatent.formats.{name}" for name in ("file_names", "released", "released_blt")),
    *("bytelatent.patching.rules", "bytelatent.runtime", "bytelatent.tokenizers"),
)


def layer(name: str) -> int | None:
    """The number of the layer that lists the longest prefix of a module's name."""
    short = name.removeprefix("bytelatent.")
    if short in PACKAGES:
        return 0
    fitting = [
        (len(prefix), number)
        for number, prefixes in enumerate(LAYERS)
        for prefix in prefixes
        if under(short, [prefix])
    ]
    return max(fitting)[1] if fitting else None


def app_part(name: str) -> str:
    """The package of ``app/`` that a module is in, or its own name if it is in none."""
    return "app" if name == "app" else name.split(".")[1]


def app_layer(part: str) -> int | None:
    """The number of the layer that lists a part of ``app/``."""
    fitting = [number for number, parts in enumerate(APP_LAYERS) if part in parts]
    return fitting[0] if fitting else None


def fault_in_app(name: str, other: str) -> str | None:
    """What is wrong with an import of a module of ``app/``, or None."""
    if not under(other, ["app"]):
        return None if under(other, APP_MAY_IMPORT) else f"{name} imports {other}"
    mine, theirs = app_part(name), app_part(other)
    if mine == theirs:
        return None
    high, low = app_layer(mine), app_layer(theirs)
    for part, number in ((mine, high), (theirs, low)):
        if number is None:
            return f"app.{part} has no layer: give it one in APP_LAYERS"
    assert high is not None and low is not None
    if low < high:
        return None
    return f"{name} (layer {high}) imports {other} (layer {low}): it may import what is below it"


def imports(name: str) -> set[str]:
    """Modules of ours, and top-level names of others, that ``name`` imports."""
    found: set[str] = set()
    for node in ast.walk(TREES[name]):
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


IMPORTS = {name: imports(name) & MODULES.keys() for name in MODULES}


@pytest.mark.parametrize("name", sorted(MODULES))
def test_imports_only_go_down(name: str) -> None:
    for other in IMPORTS[name]:
        if under(name, ["app"]):
            assert not (fault := fault_in_app(name, other)), fault
        elif under(name, ["bytelatent.runtime"]):
            assert under(other, RUNTIME_MAY_IMPORT), f"{name} imports {other}"
        elif under(name, ["bytelatent.graph"]) and name != "bytelatent.graph.__main__":
            assert under(other, GRAPH_MAY_IMPORT), f"{name} imports {other}"
        if not under(name, ["app"]) and other != "bytelatent":
            mine, theirs = layer(name), layer(other)
            assert not under(other, ["app"]), f"{name} imports {other}"
            assert mine is not None, f"{name} has no layer: give it one in LAYERS"
            assert theirs is not None, f"{other} has no layer: give it one in LAYERS"
            assert theirs <= mine, f"{name} (layer {mine}) imports {other} (layer {theirs})"


def test_every_module_has_a_layer() -> None:
    without = [name for name in MODULES if not under(name, ["app"]) and layer(name) is None]
    assert without == ["bytelatent"]


def test_every_part_of_the_app_has_one_layer() -> None:
    parts = sorted({app_part(name) for name in MODULES if under(name, ["app"])})
    assert sorted(part for layer in APP_LAYERS for part in layer) == parts


@pytest.mark.parametrize("part", [part for layer in APP_LAYERS for part in layer])
def test_an_import_against_the_directions_of_the_app_is_seen(part: str) -> None:
    """One of each kind: from every part to every part of its own layer or above."""
    number = app_layer(part)
    assert number is not None
    name = "app" if part == "app" else f"app.{part}"
    for at, others in enumerate(APP_LAYERS):
        for other in sorted({*others} - {part}):
            fault = fault_in_app(name, "app" if other == "app" else f"app.{other}")
            assert (fault is None) == (at < number), f"{part} imports {other}"
    assert fault_in_app(name, "app.nowhere") == (
        "app.nowhere has no layer: give it one in APP_LAYERS"
    )
    assert fault_in_app(name, "bytelatent.model.blt") == f"{name} imports bytelatent.model.blt"


def test_every_layer_lists_what_is_there() -> None:
    unknown = [
        prefix
        for prefixes in LAYERS
        for prefix in prefixes
        if not any(under(name, [f"bytelatent.{prefix}"]) for name in MODULES)
    ]
    assert unknown == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    left = dict(IMPORTS)
    while leaves := [name for name, others in left.items() if not others & left.keys()]:
        for name in leaves:
            del left[name]
    circles = {name: sorted(others & left.keys()) for name, others in left.items()}
    assert not circles, "these import each other in circles, or what does"


MAINS = {
    name
    for name, tree in TREES.items()
    for node in tree.body
    if isinstance(node, ast.FunctionDef) and node.name == "main"
}
"""Modules that are run: they have a function ``main``."""


def test_the_commands_of_the_command_line_are_commands() -> None:
    listed = {command.module for command in COMMANDS.values()}
    figures = {name for name in listed if under(name, ["bytelatent.plotting"])}
    assert listed - figures <= MAINS


@pytest.mark.parametrize("name", sorted(MODULES))
def test_nobody_imports_a_command(name: str) -> None:
    allowed = {"bytelatent.convert.commands"} if name == "bytelatent.hf" else set()
    assert not IMPORTS[name] & MAINS - allowed


@pytest.mark.parametrize(
    ("heading", "layers"),
    [("modules of `bytelatent`", LAYERS), ("packages and modules of `app`", APP_LAYERS)],
)
def test_contributing_shows_the_layers(heading: str, layers: tuple[tuple[str, ...], ...]) -> None:
    rows = [
        f"| {number} | {', '.join(f'`{name}`' for name in sorted(names))} |"
        for number, names in enumerate(layers)
    ]
    table = "\n".join([f"| layer | {heading} |", "|---|---|", *rows])
    assert table in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), f"\n{table}"


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
