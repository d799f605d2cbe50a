"""`setup/create_env.sh`: what it would do, without doing it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "setup" / "create_env.sh"


def create(*words: str, script: Path = SCRIPT, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["bash", script, *words], env=os.environ | environment, capture_output=True, text=True
    )


def commands(*words: str, **environment: str) -> list[str]:
    done = create(*words, "--dry-run", **environment)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_it_is_a_script_and_a_job() -> None:
    subprocess.run(["bash", "-n", SCRIPT], check=True)
    lines = SCRIPT.read_text().splitlines()
    header = [line for line in lines if line.startswith("#SBATCH ")]
    assert len(header) >= 4
    assert lines[1 : 1 + len(header)] == header, "sbatch stops reading at the first command"


def test_venv(tmp_path) -> None:
    where = tmp_path / "a b"
    first, torch, package, check, last = commands("venv", "--name", str(where))
    quoted = str(where).replace(" ", "\\ ")
    assert first == f"+ python3 -m venv {quoted}"
    pip = f"+ {quoted}/bin/python -m pip install --constraint constraints.txt"
    assert torch == f"{pip} --extra-index-url https://download.pytorch.org/whl/cpu torch"
    assert package == f"{pip} --editable .\\[dev\\]"
    assert check.startswith(f"+ {quoted}/bin/python -c ")
    assert last == f"activate it with: source {quoted}/bin/activate"
    assert not where.exists()


def test_conda_is_named_by_date() -> None:
    first, torch, package, _, last = commands("conda", "--cuda", "--extras", "train,web")
    name = first.split()[5]
    assert first == f"+ conda create --yes --name {name} python=3.11"
    assert name.startswith("blt_20")
    assert torch.endswith(f"--name {name} python -m pip install --constraint constraints.txt torch")
    assert package.endswith(".\\[train\\,web\\]")
    assert last == f"activate it with: conda activate {name}"


def test_uv() -> None:
    lines = commands("uv", "--cuda=cu128", "--name", ".venv-of-uv", "--python", "3.12")
    assert lines[0] == "+ uv venv --python 3.12 .venv-of-uv"
    assert "https://download.pytorch.org/whl/cu128 --index-strategy" in lines[1]
    assert all(line.startswith("+ uv pip install --python .venv-of-uv") for line in lines[1:3])


def test_it_takes_what_is_there(tmp_path) -> None:
    for name in ("bash", "date", "dirname"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    (tmp_path / "python3").symlink_to(sys.executable)
    assert "-m venv" in commands(PATH=str(tmp_path))[0]
    (tmp_path / "uv").symlink_to("/bin/true")
    assert commands(PATH=str(tmp_path))[0].startswith("+ uv venv")
    (tmp_path / "conda").symlink_to("/bin/true")
    assert commands(PATH=str(tmp_path))[0].startswith("+ conda create")


def test_as_a_job_it_finds_the_checkout(tmp_path) -> None:
    """Slurm runs a copy of the script elsewhere."""
    copied = shutil.copy(SCRIPT, tmp_path / "slurm_script")
    done = create("venv", "--dry-run", script=copied, SLURM_SUBMIT_DIR=str(ROOT))
    assert done.returncode == 0, done.stderr
    done = create("venv", "--dry-run", script=copied, SLURM_SUBMIT_DIR=str(tmp_path))
    assert done.returncode == 1
    assert "is no checkout; call sbatch from the checkout's root" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["poetry"], 2, "unknown word poetry"),
        (["venv", "--cuda=12"], 1, "--cuda=12 is no CUDA version"),
        (["venv", "--name"], 1, "--name needs a value"),
        (["venv", "--name", str(ROOT / "setup")], 1, "exists; remove it or choose a --name"),
    ],
)
def test_mistakes_are_named(words, code, message) -> None:
    done = create(*words)
    assert done.returncode == code
    assert message in done.stderr
