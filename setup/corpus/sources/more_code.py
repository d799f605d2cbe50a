"""More code: minified scripts and style sheets, Go, Rust, Java, PHP, SQL, TOML, differences."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

from ..document import Document, Exact, Verbatim, sorted_files
from ..parents import Parents
from ..shaping import pieces_of
from ..shards import SPLITS
from .code import files
from .registry import REGISTRY

SHARE_OF_GO = SHARE_OF_RUST = 0.25  # of the files: there are far more than are needed
PIECE = 16_000  # characters of a minified document

MINIFIED = {  # package, its hash, the files to take
    "npm:vue@3.5.13": (
        "d28cf28245139a84ab37fa3aee023be0857d235ad5887af5d856ccbe57a0e1df",
        ("dist/vue.global.prod.js",),
    ),
    "npm:react-dom@18.3.1": (
        "031d4427a99f2f3f6cac18bbbf308594a67e4f47d10f4896fdec446505b040e0",
        ("umd/react-dom.production.min.js", "umd/react-dom-server.browser.production.min.js"),
    ),
    "npm:d3@7.9.0": (
        "7e36605710a2ba54846797c8c6d888911341b215ae53257dc32a49a0b824355e",
        ("dist/d3.min.js",),
    ),
    "npm:chart.js@4.4.7": (
        "af01b7afdbb70017c079b0dc78ef883f860d28fa2644ed78906a39090d07134f",
        ("dist/chart.umd.js",),
    ),
    "npm:axios@1.7.9": (
        "634e3ed585d7c8857f00cb7556f79422614e8defd008f8bb34b6018c1faefa0f",
        ("dist/axios.min.js",),
    ),
    "npm:handlebars@4.7.8": (
        "2dadfd6743a1e0d876e55d5c5622450a99c1316848048bc6c131a5fc42e776a6",
        ("dist/handlebars.min.js",),
    ),
    "npm:alpinejs@3.14.8": (
        "f55d868c385452454b17ebf72d4873a4635791209d82efb07c23c2a98c38a1fc",
        ("dist/cdn.min.js",),
    ),
    "npm:leaflet@1.9.4": (
        "84c65a256e50657896f54c33bd857b6849ebe94c817803be818bf32a3dde0b77",
        ("dist/leaflet.js",),
    ),
    "npm:marked@15.0.6": (
        "580238965025644e540030dc59b981e4561c5d6b357c75002c7ffccffc588dcc",
        ("marked.min.js",),
    ),
    "npm:mathjs@13.2.3": (
        "d8fda4261ba4652a5492422aa2c9ae1a6190a60638040bb555a5c47bfe42bb59",
        ("lib/browser/math.js",),
    ),
    "npm:hammerjs@2.0.8": (
        "71e9634eaefbc13801c0301e2b2d0ab8e66d71b45b2ad3553982a9fd3f926d88",
        ("hammer.min.js",),
    ),
    "npm:fuse.js@7.0.0": (
        "2658bfb611cdcd4c566e68c2e761898dcbdaa8353ef72d04a8d9c31861d199c2",
        ("dist/fuse.min.js",),
    ),
    "npm:immutable@4.3.7": (
        "def89fdd1c1cfdf037ef4ae87f30bb332ef7df8cd668195d91fecdecd836aa61",
        ("dist/immutable.min.js",),
    ),
    "npm:ramda@0.30.1": (
        "76a1e5c64d5e46c58067f90fb556f7e803bcc741228312ce8bb88035a2157d9a",
        ("dist/ramda.min.js",),
    ),
    "npm:luxon@3.5.0": (
        "7bf387a9c8621eef0a8b89c35a4120a61360d8d14f95a2ddbcbdc04df3387c47",
        ("build/global/luxon.min.js",),
    ),
    "npm:showdown@2.1.0": (
        "bc89bd1b2848ae20605d42e19c2b207e2b63d9f48033f5a8f5b8398540484b5b",
        ("dist/showdown.min.js",),
    ),
    "npm:select2@4.1.0-rc.0": (
        "8c8c7709c00863ba3a72b300937ea8150961ae6d338bae8ace00904d211c4065",
        ("dist/js/select2.min.js", "dist/css/select2.min.css"),
    ),
    "npm:sortablejs@1.15.6": (
        "7a5de41e4a184f43178f3b7cfd4e22f9ac2945a4b7c715ddc3e1c752b5a631dd",
        ("Sortable.min.js",),
    ),
    "npm:plyr@3.7.8": (
        "570ade6ea1a58dbe8c248cf5c2b475b30276daef1ae9aac845fa50f9c16d1aa3",
        ("dist/plyr.min.js",),
    ),
    "npm:katex@0.16.21": (
        "7764a23b6c42d0a260fc1c8dcfe91d73e07d802dfc0624c08997b33c02dac0cd",
        ("dist/katex.min.js", "dist/katex.min.css"),
    ),
    "npm:swiper@11.2.0": (
        "b907d78dc492fdc3a9b46eb3e680a6315b1f9b13244221ab45c20fa8495b0043",
        ("swiper-bundle.min.js", "swiper-bundle.min.css"),
    ),
    "npm:fabric@6.5.4": (
        "2f2f7ad745df975a512e0706b4d108ddaaf10e18606828f03954d8892db1f5f8",
        ("dist/index.min.js",),
    ),
    "npm:pixi.js@8.6.6": (
        "03252cb9def0a38901832d8fb2f14a24bef039609fafc617cf98b18c1630d719",
        ("dist/pixi.min.js",),
    ),
    "npm:bulma@1.0.3": (
        "814a6c3307a0257c0ce9478dff7fb7613b40dfd9877234995eda324f88a59778",
        ("css/bulma.min.css",),
    ),
    "npm:uikit@3.21.16": (
        "50ef7d17372831b6369d5b78f72dd142e1ac6cd17b042acc31eb0f939412d99c",
        ("dist/js/uikit.min.js", "dist/css/uikit.min.css"),
    ),
    "npm:purecss@3.0.0": (
        "5528ad3bff7af7d1d67608ac5ee0ca7621da7aff7ce189acf3cd1c9a89d827d4",
        ("build/pure-min.css",),
    ),
    "npm:tachyons@4.12.0": (
        "88c6462cccf26eae2003c497b7dca8bf90e94e25c673633058036ca19a6f2c6a",
        ("css/tachyons.min.css",),
    ),
    "npm:materialize-css@1.0.0": (
        "2b115821c99f2a2c00d0a6e804b714a5e55683fa06051e299d05af719fb2870a",
        ("dist/css/materialize.min.css",),
    ),
    "npm:semantic-ui-css@2.5.0": (
        "3ab7341c15b9598aa1d02cddce8e03c58ef588861af002c66eefa15cc64115d4",
        ("semantic.min.css",),
    ),
    "npm:foundation-sites@6.9.0": (
        "947855ed0db6ee70ea7904d428a599fb1b010d9a2fbb8a981cc5bf762f53aad5",
        ("dist/js/foundation.min.js", "dist/css/foundation.min.css"),
    ),
    "npm:date-fns@4.1.0": (
        "90718290bbf34bf3d0c80bb70456e0069e0cc547caccaf1464fe42f1f602c460",
        ("cdn.min.js",),
    ),
    "npm:lodash@4.17.21": (
        "6a087ac9e5702a0c9d60fbcd48696012646ec8df1491dea472b150e79fcaf804",
        ("lodash.min.js",),
    ),
    "npm:bootstrap@5.3.3": (
        "38cee936dbd80138de6775683149f22e9226fc2d654392337a921f53000c789e",
        ("dist/js/bootstrap.min.js", "dist/css/bootstrap.min.css"),
    ),
}


def pieces(text: str, most: int = PIECE) -> Iterator[str]:
    """Yield parts of a text without line ends, cut after `;` or `}`."""
    yield from map("".join, pieces_of(re.findall(r"[^;}]*[;}]+|[^;}]+$", text), most))


@REGISTRY.source(
    "code-minified",
    *MINIFIED,
    licence="MIT AND ISC AND Apache-2.0 AND BSD-2-Clause AND BSD-3-Clause",
    note="Minified scripts and style sheets as their authors publish them: vue (MIT), react-dom "
    "(MIT), d3 (ISC), chart.js (MIT), axios (MIT), handlebars (MIT), alpinejs (MIT), leaflet "
    "(BSD-2-Clause), marked (MIT), mathjs (Apache-2.0), hammerjs (MIT), fuse.js (Apache-2.0), "
    "immutable (MIT), ramda (MIT), luxon (MIT), showdown (MIT), select2 (MIT), sortablejs "
    "(MIT), plyr (MIT), katex (MIT), swiper (MIT), fabric (MIT), pixi.js (MIT), bulma (MIT), "
    "uikit (MIT), purecss (BSD-3-Clause), tachyons (MIT), materialize-css (MIT), semantic-ui- "
    "css (MIT), foundation-sites (MIT), date-fns (MIT), lodash (MIT), bootstrap (MIT).",
    lang="javascript",
    kind="code",
    held_percent=2,
    sha256={package: sha256 for package, (sha256, _) in MINIFIED.items()},
)
def minified(*folders: Path) -> Iterator[Document]:
    """Yield parts of minified bundles; no bundle contains a library of another author."""
    for folder, (_, patterns) in zip(folders, MINIFIED.values(), strict=True):
        for pattern in patterns:
            for path in sorted_files(folder / "package", pattern):
                name = f"code-minified/{folder.name}/{path.relative_to(folder / 'package')}"
                lang = "css" if path.suffix == ".css" else "javascript"
                for number, part in enumerate(pieces(path.read_text("utf-8"))):
                    yield Document(f"{name}/{number:03d}", [Verbatim(part)], lang=lang)


def sampled(documents: Iterator[Document], share: float) -> Iterator[Document]:
    """Yield a share of the documents, chosen by their ids."""
    return (document for document in documents if Random(document.id).random() < share)


@REGISTRY.source(
    "code-go",
    "deb:golang-golang-x-net-dev",
    "deb:golang-golang-x-tools-dev",
    licence="BSD-3-Clause",
    note="Go libraries x/net and x/tools, copyright 2009-2022 The Go Authors; a sample.",
    lang="go",
    kind="code",
    held_percent=2,
)
def go_code(*folders: Path) -> Iterator[Document]:
    """Yield the Go source files of two libraries, without generated tables."""
    for folder in folders:
        documents = files(folder, "**/*.go", prefix="code-go", skip=r"tables?\d|/testdata/")
        yield from sampled(documents, SHARE_OF_GO)


@REGISTRY.source(
    "code-rust",
    "deb:rust-src",
    licence="Apache-2.0",
    note="The standard library of Rust 1.63, copyright The Rust Project Developers; offered under "
    "MIT or Apache-2.0; a sample.",
    lang="rust",
    kind="code",
    held_percent=2,
)
def rust_code(folder: Path) -> Iterator[Document]:
    """Yield the Rust modules of core, alloc and std, and the settings of packages."""
    root = folder / "usr/src/rustc-1.63.0"
    skip = r"^library/(stdarch|backtrace|portable-simd)/|unicode_data"
    yield from sampled(
        files(root, "library/**/*.rs", prefix="code-rust", skip=skip), 2 * SHARE_OF_RUST
    )
    yield from files(root, "library/**/*.toml", "compiler/**/*.toml", prefix="code-rust")


REACT_NATIVE = "npm:react-native@0.70.15"


@REGISTRY.source(
    "code-java",
    REACT_NATIVE,
    licence="MIT",
    note="The Android part of React Native, copyright Meta Platforms, Inc. and affiliates.",
    lang="java",
    kind="code",
    held_percent=2,
    sha256={REACT_NATIVE: "937d2850f71d42ed4341f0229dc132b95f20c52af290a8557a072e07c2c3d310"},
)
def java_code(folder: Path) -> Iterator[Document]:
    """Yield Java classes of React Native, and the Objective-C and XML files beside them."""
    yield from files(folder / "package", "**/*.java", "**/*.m", "**/*.xml", prefix="code-java")


@REGISTRY.source(
    "code-php",
    "deb:php-symfony-console",
    "deb:php-twig",
    licence="MIT AND BSD-3-Clause",
    note="Symfony Console (copyright Fabien Potencier, MIT) and Twig (copyright 2009-2022 the Twig "
    "Team, BSD-3-Clause).",
    lang="php",
    kind="code",
    held_percent=2,
)
def php_code(*folders: Path) -> Iterator[Document]:
    """Yield the PHP classes of Symfony Console and Twig."""
    for folder in folders:
        yield from files(folder, "**/*.php", prefix="code-php")


@REGISTRY.source(
    "code-sql",
    "deb:postgresql-15",
    licence="PostgreSQL",
    note="SQL scripts of PostgreSQL 15, copyright PostgreSQL Global Development Group.",
    lang="sql",
    kind="code",
    held_percent=3,
)
def sql_code(folder: Path) -> Iterator[Document]:
    """Yield the SQL scripts of PostgreSQL's extensions and system catalogue."""
    yield from files(folder, "**/*.sql", prefix="code-sql")


CHANGES = 0.035  # of the lines
DIFF_PARENTS = ("code-python", "code-javascript", "code-c")


def changed(lines: list[str], rng: Random) -> list[str]:
    """Return the lines with a few removed, renamed, duplicated or moved."""
    words = sorted(set(re.findall(r"\b[a-z_]{4,}\b", "\n".join(lines)))) or ["value"]
    old, new = rng.choice(words), rng.choice(words)
    edited = list[str]()
    for line in lines:
        draw = rng.random() / CHANGES
        if draw < 0.3:
            continue
        if draw < 0.7 and words:
            line = re.sub(r"\b[a-z_]{4,}\b", lambda _: rng.choice(words), line, count=1)
        edited.append(re.sub(rf"\b{old}\b", new, line) if rng.random() < 0.3 else line)
        if 0.7 < draw < 1:
            edited.append(rng.choice(lines))
    return edited


@REGISTRY.source(
    "made-diffs",
    licence="PSF-2.0 AND MIT AND ISC AND BSD-3-Clause",
    note="Made-up changes to files of the sources code-python, code-javascript and code-c, by the "
    "authors named there.",
    lang="diff",
    kind="made",
    parents=DIFF_PARENTS,
    parameters={"share of changed lines": CHANGES, "seed": "made-diffs/ID"},
)
def diffs(parents: Parents) -> Iterator[Document]:
    """Yield unified differences of a part of each file, as version control prints them."""
    for split in SPLITS:
        for record in parents.records(split):
            own = f"made-diffs/{record['id']}"
            rng = Random(own)
            lines = record["text"].split("\n")
            start = rng.randrange(max(1, len(lines) - 250))
            lines = [line for line in lines[start : start + 250] if len(line) < 300]
            name = record["id"].partition("/")[2]
            marks = (f"a/{name}", f"b/{name}")
            body = difflib.unified_diff(
                lines, changed(lines, rng), *marks, n=rng.choice((3, 3, 1, 5)), lineterm=""
            )
            head = f"diff --git {marks[0]} {marks[1]}\nindex {rng.getrandbits(28):07x}.."
            head += f"{rng.getrandbits(28):07x} 100644\n" if rng.random() < 0.9 else "\n"
            text = "\n".join(body)[:8000]
            if len(text) > 300:
                yield Document(own, [Exact(head + text)], split=split)
