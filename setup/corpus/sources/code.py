"""Sources of program code under permissive licences, one file per document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ..document import Document, Verbatim, sorted_files
from .registry import REGISTRY

MAX_BYTES = 400_000  # larger files are tables or bundles
MAX_LINE = 1_000  # longer lines are minified code or data
LANGUAGES = {
    ".c": "c", ".h": "c", ".cc": "c++", ".css": "css", ".scss": "scss", ".html": "html",
    ".js": "javascript", ".json": "json", ".py": "python", ".ts": "typescript", ".go": "go",
    ".rs": "rust", ".toml": "toml", ".java": "java", ".m": "objective-c", ".xml": "xml",
    ".php": "php", ".sql": "sql",
}  # fmt: skip


def files(root: Path, *patterns: str, prefix: str, skip: str = r"(?!)") -> Iterator[Document]:
    """Yield the files below `root` that match a pattern, are no data, and do not match `skip`."""
    for pattern in patterns:
        for path in sorted_files(root, pattern):
            name = path.relative_to(root).as_posix()
            data = path.read_bytes()
            if re.search(skip, name) or len(data) > MAX_BYTES or longest_line(data) > MAX_LINE:
                continue
            text = data.decode("utf-8", "replace")
            yield Document(f"{prefix}/{name}", [Verbatim(text)], lang=LANGUAGES[path.suffix])


def longest_line(data: bytes) -> int:
    """Return the number of bytes of the longest line."""
    return max(map(len, data.split(b"\n")))


@REGISTRY.source(
    "code-python",
    "deb:libpython3.11-stdlib",
    "deb:libpython3.11-minimal",
    licence="PSF-2.0",
    note="Standard library of Python 3.11, copyright Python Software Foundation.",
    lang="python",
    kind="code",
    held_percent=2,
)
def python_code(*folders: Path) -> Iterator[Document]:
    """Yield Python's standard library without tests, character tables and documentation."""
    skip = r"(^|/)tests?/|^encodings/(cp|iso|mac_|koi8|ptcp|kz|tis|hp_)|^pydoc_data/|_sysconfigdata"
    for folder in folders:
        root = folder / "usr/lib/python3.11"
        yield from files(root, "**/*.py", prefix="code-python", skip=skip)


JAVASCRIPT = {
    "npm:lodash-es@4.17.21": "777598ac703f02b403ef678cd11bce2150ad788f35c774ea7c9cc241a892cb7b",
    "npm:eslint@9.15.0": "8a400a3c6ac4cadaed2d7c2656ca4ac2d98722ddaf5d8e615670b72557b4e77e",
    "npm:three@0.170.0": "4a608a355dcaba72e0e5383cdc814303f5b6060b43c238cdf6932dceb699238d",
    "npm:preact@10.25.0": "9178ffbf92ae04da6cc65a90622e2ae7954e74fcfdbfc0c4c93a6e3f4fe8c50c",
    "npm:d3-array@3.2.4": "6dbf3f2be39e48f86775be6e166a5d3e5a585ca7144453cd6ad1912f5ae4417f",
    "npm:d3-geo@3.1.1": "fe1f2dd81a87d942790c5a7786f4aab03df2b357d46d8af56b613fb8a1bb9be5",
    "npm:d3-hierarchy@3.1.2": "7681875f06440c088afda1fd834d853dd560166c945e731382ee0c636332360b",
    "npm:d3-scale@4.0.2": "bf50a1f34ba0e6fa25cb7ae902abe0b9e2f85ced39fdca7b18fbe863fbaa39a7",
    "npm:d3-shape@3.2.0": "8b4b2bc9daa99a957abe17656c5944fd3f28efb88f788e6b4fdba346cb80e602",
}


@REGISTRY.source(
    "code-javascript",
    *JAVASCRIPT,
    licence="MIT AND ISC",
    note="Sources of lodash and eslint (copyright OpenJS Foundation and other contributors), "
    "three (copyright 2010-2024 three.js authors), preact (copyright 2015-present Jason Miller), "
    "all MIT; of d3-array, d3-geo, d3-hierarchy, d3-scale, d3-shape (copyright 2010-2023 "
    "Mike Bostock), ISC.",
    lang="javascript",
    kind="code",
    held_percent=2,
    sha256=JAVASCRIPT,
)
def javascript(
    lodash: Path, eslint: Path, three: Path, preact: Path, *d3: Path
) -> Iterator[Document]:
    """Yield JavaScript modules as their authors wrote them, without bundles and minified files."""
    yield from files(lodash / "package", "*.js", prefix="code-javascript/lodash")
    yield from files(eslint / "package/lib/rules", "**/*.js", prefix="code-javascript/eslint")
    yield from files(three / "package/src", "**/*.js", prefix="code-javascript/three")
    yield from files(preact / "package/src", "**/*.js", prefix="code-javascript/preact")
    for folder in d3:
        name = folder.name.partition("@")[0]
        yield from files(folder / "package/src", "**/*.js", prefix=f"code-javascript/{name}")


RXJS = "npm:rxjs@7.8.1"


@REGISTRY.source(
    "code-typescript",
    RXJS,
    licence="Apache-2.0",
    note="Sources of RxJS, copyright 2015-2018 Google, Inc., Netflix, Inc., Microsoft Corp. "
    "and contributors.",
    lang="typescript",
    kind="code",
    held_percent=2,
    sha256={RXJS: "c532167725ab7d085123209156c93cef22f2479cb9c8527060f1cd903aa9d149"},
)
def typescript(folder: Path) -> Iterator[Document]:
    """Yield the TypeScript modules of RxJS."""
    yield from files(folder / "package/src", "**/*.ts", prefix="code-typescript/rxjs")


C_PACKAGES = {
    "npm:tree-sitter@0.21.1": "49d8edf6b34cd719a3e44a0ce154211f996039eee6b6a4b297c3e84f766d6d70",
    "npm:leveldown@6.1.1": "fe534f13e475826331c9cd59f279f073c3238e4db2ff2c930e17a786ba0f4f01",
}


@REGISTRY.source(
    "code-c",
    *C_PACKAGES,
    "deb:libpython3.11-dev",
    licence="MIT AND BSD-3-Clause AND PSF-2.0",
    note="The C library of tree-sitter (copyright 2018-2024 Max Brunsfeld, MIT), LevelDB and "
    "snappy in C++ (copyright 2011 The LevelDB Authors; copyright 2011 Google Inc.; BSD-3-Clause), "
    "the headers of Python 3.11 (copyright Python Software Foundation, PSF-2.0).",
    lang="c",
    kind="code",
    held_percent=2,
    sha256=C_PACKAGES,
)
def c_code(tree_sitter: Path, leveldown: Path, python: Path) -> Iterator[Document]:
    """Yield C and C++ sources and headers, without generated tables."""
    root = tree_sitter / "package/vendor/tree-sitter/lib"
    yield from files(root, "**/*.[ch]", prefix="code-c/tree-sitter", skip="/unicode/")
    for name in ("leveldb/leveldb-1.20", "snappy/snappy"):
        root = leveldown / "package/deps" / name
        yield from files(root, "**/*.cc", "**/*.h", prefix=f"code-c/{name.split('/')[0]}")
    yield from files(python / "usr/include/python3.11", "**/*.h", prefix="code-c/python")


WEB = {
    "npm:bootstrap@5.3.3": "38cee936dbd80138de6775683149f22e9226fc2d654392337a921f53000c789e",
    "npm:reveal.js@5.1.0": "524caf847e98033595943d994725dd357d20c7d07ad18afbaa932f1535e636e7",
    "npm:mime-db@1.53.0": "569c499941a9bfad202c078a22f6fbc5d1844e60d21b145fd97e866d15f91b63",
}


@REGISTRY.source(
    "code-web",
    *WEB,
    licence="MIT",
    note="HTML, CSS, SCSS and JSON of Bootstrap (copyright 2011-2024 The Bootstrap Authors), "
    "reveal.js (copyright 2011-2024 Hakim El Hattab and contributors), mime-db (copyright 2014 "
    "Jonathan Ong, 2015-2022 Douglas Christopher Wilson).",
    lang="web",
    kind="code",
    held_percent=2,
    sha256=WEB,
)
def web_code(bootstrap: Path, reveal: Path, mime: Path) -> Iterator[Document]:
    """Yield the style sheets, pages and data files of Bootstrap, reveal.js and mime-db."""
    root = bootstrap / "package"
    yield from files(root, "scss/**/*.scss", "*.json", prefix="code-web/bootstrap")
    yield from files(root, "dist/css/bootstrap.css", prefix="code-web/bootstrap")
    patterns = ("*.html", "*.json", "css/**/*.scss")
    yield from files(reveal / "package", *patterns, prefix="code-web/reveal")
    yield from files(mime / "package", "*.json", prefix="code-web/mime-db")
