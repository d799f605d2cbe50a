"""What the documents say works: snippets run, commands and routes exist, links lead somewhere."""

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest

from bytelatent.cli import COMMANDS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("**/*.md"))]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
README = PAGES[0].read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_snippets_of_the_readme_run(number, monkeypatch) -> None:
    monkeypatch.chdir(ROOT)
    exec(compile(blocks("python")[number], "README.md", "exec"), {})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_modules_and_scripts_exist(page) -> None:
    text = page.read_text(encoding="utf-8")
    for module in re.findall(r"python -m (bytelatent[\w.]*|app[\w.]*)", text):
        assert importlib.util.find_spec(module), f"{page.name}: python -m {module}"
    for script in re.findall(r"python ([\w/]+\.py)", text):
        assert (ROOT / script).is_file(), f"{page.name}: python {script}"
    for config in re.findall(r"config=([\w/]+\.yaml)", text):
        assert (ROOT / config).is_file(), f"{page.name}: {config}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist(page) -> None:
    for name in re.findall(r"^bytelatent ([a-z][\w-]*)", page.read_text("utf-8"), re.MULTILINE):
        assert name in COMMANDS, f"{page.name}: bytelatent {name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_local_links_lead_somewhere(page) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"\bmake (\w+)", README):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


def test_the_route_table_is_that_of_the_app() -> None:
    from app import create_app

    listed = set(re.findall(r"`(?:GET|POST) (/[^`]*)`", README))
    rules = create_app().url_map.iter_rules()
    served = {re.sub(r"<[^>]*>", "<name>", rule.rule) for rule in rules}
    served = {rule for rule in served if not rule.startswith(("/static", "/favicon"))}
    assert listed == served


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_groups_of_uv_exist(page) -> None:
    groups = PROJECT["dependency-groups"]
    for name in re.findall(r"--group (\w+)", page.read_text(encoding="utf-8")):
        assert name in groups, f"{page.name}: --group {name}"


def test_uv_brings_what_the_demo_and_the_download_need() -> None:
    groups, extras = PROJECT["dependency-groups"], PROJECT["project"]["optional-dependencies"]
    assert {"pre_build", "compile_xformers"} <= groups.keys()
    needed = {COMMANDS["generate"].extra, COMMANDS["load-transformers"].extra}
    assert needed == {"model"}
    defaults = PROJECT["tool"]["uv"]["default-groups"]
    assert {line for name in defaults for line in groups[name]} == set(extras["model"])
    # One range for each package, wherever it is named.
    assert set(groups["compile_xformers"]) <= set(extras["gpu"])
    assert set(groups["pre_build"]) >= {
        *PROJECT["build-system"]["requires"],
        *(line for line in extras["model"] if line.startswith("torch>")),
    }
