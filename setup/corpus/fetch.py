"""Download of packages with the ordinary clients (pip, npm, apt-get) into an unpacked cache.

The cache holds `KIND/SPEC` (unpacked) and `KIND/SPEC.dl` (the archive as downloaded).
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

COMMANDS = {
    "pypi": [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", "."],
    "npm": ["npm", "pack", "--silent"],
    "deb": ["apt-get", "download", "--quiet"],
}


def fetch(package: str, cache: Path, sha256: str | None = None) -> Path:
    """Return the unpacked folder of `package` (`pypi:name==1.0`, `npm:name@1.0`, `deb:name`).

    A package that is in the cache is not downloaded. ValueError for an unknown kind or a wrong
    `sha256`, RuntimeError with the client's message when a download fails.
    """
    kind, _, spec = package.partition(":")
    if kind not in COMMANDS or not spec:
        raise ValueError(f"package {package!r} is not KIND:SPEC with KIND one of {list(COMMANDS)}")
    folder = cache / kind / spec
    if not folder.is_dir():
        archive = find_archive(package, cache) or _download(kind, spec, cache)
        if sha256 and hashlib.sha256(archive.read_bytes()).hexdigest() != sha256:
            raise ValueError(f"{archive.name} has another sha256 than the pinned {sha256}")
        _unpack(archive, folder)
    return folder


def find_archive(package: str, cache: Path) -> Path | None:
    """Return the archive of `package` in the cache, or None."""
    kind, _, spec = package.partition(":")
    return next(iter(sorted((cache / kind / f"{spec}.dl").glob("*"))), None)


def _download(kind: str, spec: str, cache: Path) -> Path:
    final = cache / kind / f"{spec}.dl"
    partial = cache / kind / f"{spec}.dl.tmp"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    _run([*COMMANDS[kind], spec], partial)
    if not any(partial.iterdir()):
        raise RuntimeError(f"{COMMANDS[kind][0]} left no archive of {spec}")
    shutil.rmtree(final, ignore_errors=True)
    partial.rename(final)
    return next(iter(sorted(final.glob("*"))))


def _run(command: list[str], folder: Path) -> None:
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise RuntimeError(f"the command {command[0]} is not installed") from None
    except subprocess.CalledProcessError as error:
        words = " ".join((error.stderr or error.stdout or "").split())[-300:]
        raise RuntimeError(f"{' '.join(command[-2:])} failed: {words}") from None


def _unpack(archive: Path, folder: Path) -> None:
    partial = folder.with_name(folder.name + ".tmp")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    if archive.suffix == ".deb":
        _run(["dpkg-deb", "-x", str(archive.resolve()), "."], partial)
    elif archive.suffix in {".whl", ".zip"}:
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(partial)
    else:
        with tarfile.open(archive) as tar:
            tar.extractall(partial, filter="data")
    partial.rename(folder)
