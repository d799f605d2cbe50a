"""Parts of scripts for sbatch: header lines, activation of an environment, submission."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator


def one_line(text: str) -> str:
    """Return ``text`` if it fits into one line of a script after quoting.

    Raises:
        ValueError: the text is empty or contains a character that is not printable.
    """
    if not text.strip() or not text.isprintable():
        raise ValueError("must be one line of printable characters, and not empty")
    return text


Line = Annotated[str, AfterValidator(one_line)]


def shared_path(path: Path) -> Path:
    """Return ``path`` if Slurm and ``PYTHONPATH`` take all of its characters literally.

    Raises:
        ValueError: the path contains a character that has a special meaning there.
    """
    one_line(str(path))
    if bad := sorted(set(str(path)) & set("\\:%")):
        raise ValueError(f"must not hold {bad[0]!r}, which Slurm or PYTHONPATH would take amiss")
    return path


def directive(option: str, value: object) -> str:
    """Format a line such as ``#SBATCH --job-name="a b"``, quoted as sbatch expects it."""
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'#SBATCH --{option}="{text}"'


def activation(env: str | None) -> str:
    """Return a Bash command that activates the environment ``env``.

    Args:
        env: folder of a virtual or conda environment, name of a conda environment, or None for the
            environment of this process.

    Raises:
        ValueError: the environment does not exist.
    """
    if env is None:
        folder = Path(sys.prefix)
    elif "/" in env or Path(env).is_dir():
        folder = Path(env).absolute()
    else:
        return _conda_activation(env)
    if (folder / "conda-meta").is_dir():
        return _conda_activation(str(folder))
    if (folder / "bin" / "activate").is_file():
        return f"source {shlex.quote(str(folder / 'bin' / 'activate'))} || exit 1"
    if env is None:
        return f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"'
    raise ValueError(
        f"env: {env} is no environment; it has neither bin/activate nor conda-meta. Name its "
        "folder, or a conda environment"
    )


def _conda_activation(env: str) -> str:
    conda = os.environ.get("CONDA_EXE") or shutil.which("conda")
    if conda is None:
        raise ValueError(f"env: {env} is a conda environment, but there is no conda on the PATH")
    return (
        f'eval "$({shlex.quote(conda)} shell.bash hook)" && conda activate {shlex.quote(env)} '
        "|| exit 1"
    )


def submit(script: Path) -> str:
    """Submit ``script`` with sbatch; return its output, such as ``Submitted batch job 7``.

    Raises:
        ValueError: sbatch is not installed, or it refuses the script; the message contains its
            output.
    """
    try:
        done = subprocess.run(["sbatch", str(script)], check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise ValueError(
            f"no sbatch here: run this where jobs are submitted, or there: sbatch {script}"
        ) from None
    except subprocess.CalledProcessError as error:
        raise ValueError(f"sbatch refuses {script}: {error.stderr.strip()}") from None
    return done.stdout.strip()
