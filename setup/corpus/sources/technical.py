"""Sources of technical writing: documentation of Python, PostgreSQL, LibreOffice and AWS."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..clean import ParagraphFilter
from ..document import Document, Heading, sorted_files
from ..extract import html_blocks, markup_paragraphs
from .registry import REGISTRY

BOTOCORE = "pypi:botocore==1.44.5"
AWS_BYTES = 5_000_000
AWS_MIN_BYTES = 60  # shorter descriptions are formulas: "The name of the bucket."
_AWS_JOINTS = 3  # bytes that a paragraph may cost beside itself: newlines


@REGISTRY.source(
    "python-docs",
    "deb:python3.11-doc",
    licence="PSF-2.0",
    kind="technical",
    note="Documentation of Python 3.11, copyright Python Software Foundation.",
)
def python_docs(folder: Path) -> Iterator[Document]:
    """Yield one document per page of Python's documentation, without menus and indices."""
    root = folder / "usr/share/doc/python3.11/html"
    skip = re.compile(
        r"genindex|py-modindex|search|contents|download|whatsnew/(changelog|index)|^index"
    )
    for path in sorted_files(root, "**/*.html"):
        page = path.relative_to(root).with_suffix("").as_posix()
        if not skip.search(page) and not page.startswith("_"):
            drop = "//a[@class='headerlink']|//div[contains(@class, 'contents')]"
            blocks = html_blocks(path.read_bytes(), "//div[@role='main']", drop)
            yield Document(f"python-docs/{page}", blocks)


@REGISTRY.source(
    "postgresql-docs",
    "deb:postgresql-doc-15",
    licence="PostgreSQL",
    kind="technical",
    note="Documentation of PostgreSQL 15, copyright PostgreSQL Global Development Group.",
)
def postgresql_docs(folder: Path) -> Iterator[Document]:
    """Yield one document per page of PostgreSQL's documentation, without navigation and indices."""
    drop = "|".join(f"//div[@class='{name}']" for name in ("navheader", "navfooter", "toc"))
    for path in sorted_files(folder, "usr/share/doc/postgresql-doc-15/html/*.html"):
        if path.stem not in ("bookindex", "index"):
            blocks = html_blocks(path.read_bytes(), drop=drop)
            yield Document(f"postgresql-docs/{path.stem}", blocks)


@REGISTRY.source(
    "libreoffice-help",
    "deb:libreoffice-help-en-us",
    licence="MPL-2.0",
    kind="technical",
    note="Help pages of LibreOffice 7.4, by the LibreOffice contributors.",
    dedupe_paragraphs=True,
)
def libreoffice_help(folder: Path) -> Iterator[Document]:
    """Yield one document per help page of LibreOffice."""
    for page, blocks in libreoffice_pages(folder, "en-US"):
        yield Document(f"libreoffice-help/{page}", blocks)


def libreoffice_pages(folder: Path, locale: str) -> Iterator[tuple[str, list[str]]]:
    """Yield name and blocks of LibreOffice's help pages in the language of `locale`."""
    root = folder / "usr/share/libreoffice/help" / locale / "text"
    drop = (  # links; of the variants for several systems or programs all but the last
        "//div[@class='relatedtopics']|//div[@class='howtoget']|//p[@class='related']"
        "|//*[starts-with(@class, 'switch')]/*[@hidden and following-sibling::*[@hidden]]"
    )
    for path in sorted_files(root, "**/*.html"):
        page = path.relative_to(root).with_suffix("").as_posix()
        yield page, html_blocks(path.read_bytes(), "//div[@id='DisplayArea']", drop)


@REGISTRY.source(
    "aws-docs",
    BOTOCORE,
    licence="Apache-2.0",
    kind="technical",
    note="Descriptions in the API models of botocore, copyright Amazon.com, Inc.; an even sample.",
    dedupe_paragraphs=True,
    sha256={BOTOCORE: "8f16a56d1dff125dd65322ae021efa7ba5195a6db5102b96862566055b748921"},
)
def aws_docs(folder: Path) -> Iterator[Document]:
    """Yield one document per service: an even sample of its descriptions, `AWS_BYTES` in total."""
    new_paragraphs = ParagraphFilter()
    services: dict[str, tuple[str, list[list[str]]]] = {}
    newest = {path.parents[1].name: path for path in sorted_files(folder, "**/service-2.json.gz")}
    for service, path in newest.items():
        model = json.loads(gzip.decompress(path.read_bytes()))
        described = map(aws_paragraphs, documentation_strings(model))
        kept = [fresh for unit in described if (fresh := new_paragraphs(unit))]
        services[service] = (model["metadata"]["serviceFullName"], kept)
    total = sum(size_of(unit) for _, units in services.values() for unit in units)
    share = min(1.0, AWS_BYTES / total)
    for service, (title, units) in services.items():
        blocks = [paragraph for unit in spread(units, share) for paragraph in unit]
        yield Document(f"aws-docs/{service}", [Heading(title), *blocks])


def aws_paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a description that are long enough to carry meaning."""
    return [part for part in markup_paragraphs(text) if len(part.encode()) >= AWS_MIN_BYTES]


def documentation_strings(model: Any) -> Iterator[str]:
    """Yield the values of all `documentation` keys of a model, in file order."""
    if isinstance(model, list):
        for item in model:
            yield from documentation_strings(item)
    elif isinstance(model, dict):
        for key, value in model.items():
            if key == "documentation" and isinstance(value, str):
                yield value
            else:
                yield from documentation_strings(value)


def size_of(unit: list[str]) -> int:
    """Return the bytes that the paragraphs of a description take in a document."""
    return sum(len(paragraph.encode()) + _AWS_JOINTS for paragraph in unit)


def spread(units: list[list[str]], share: float) -> Iterator[list[str]]:
    """Yield lists of paragraphs spread evenly over `units`, with at most `share` of their bytes."""
    passed = taken = 0
    for unit in units:
        size = size_of(unit)
        passed += size
        if taken + size <= share * passed:
            taken += size
            yield unit
