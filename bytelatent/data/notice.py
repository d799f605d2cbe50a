"""NOTICE file of a trained model: the sources of its training text and their licences."""

from collections.abc import Iterable, Mapping
from typing import Any

LICENCES = {
    "Apache-2.0": "https://www.apache.org/licenses/LICENSE-2.0",
    "BSD-2-Clause": "https://opensource.org/license/bsd-2-clause",
    "BSD-3-Clause": "https://opensource.org/license/bsd-3-clause",
    "CC-BY-SA-3.0": "https://creativecommons.org/licenses/by-sa/3.0/",
    "CC-BY-SA-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
    "ISC": "https://opensource.org/license/isc-license-txt",
    "MIT": "https://opensource.org/license/mit",
    "MPL-2.0": "https://www.mozilla.org/MPL/2.0/",
    "PSF-2.0": "https://docs.python.org/3/license.html",
    "PostgreSQL": "https://www.postgresql.org/about/licence/",
    "WordNet-3.0": "https://wordnet.princeton.edu/license-and-commercial-use",
}
"""Address of the text of each licence of the corpus; texts in the public domain have no licence."""

INTRODUCTION = """\
NOTICE

This model was trained on the texts below. They were cleaned, de-duplicated and cut into windows;
none of their authors endorses the model."""


def notice(manifest: Mapping[str, Any], sources: Iterable[str]) -> str:
    """Return the text of the NOTICE of a model that was trained on ``sources`` of a corpus.

    Args:
        manifest: content of ``manifest.json`` of the corpus.
        sources: names of the sources of the training; the order does not matter.

    Raises:
        ValueError: the manifest does not list a source; the message names the source.
    """
    entries = {entry["source"]: entry for entry in manifest["sources"]}
    names = sorted(set(sources))
    unknown = [name for name in names if name not in entries]
    if unknown:
        raise ValueError(
            f"the corpus manifest has no source {', '.join(unknown)}; it has {', '.join(entries)}"
        )
    used = [entries[name] for name in names]
    return "\n\n".join([INTRODUCTION, *map(_paragraph, used), _licence_list(used)]) + "\n"


def _paragraph(entry: Mapping[str, Any]) -> str:
    lines = [
        f"{entry['source']} ({entry['lang']}): {entry['licence']}",
        f"  {entry['note']}",
    ]
    if entry["package"]:
        lines.append(f"  Taken from {entry['package']}")
    if entry.get("parents"):
        lines.append(f"  Made of the sources {', '.join(entry['parents'])}")
    if entry["archive"]:
        lines.append(f"  as {entry['archive']}")
    return "\n".join(lines)


def _licence_list(entries: Iterable[Mapping[str, Any]]) -> str:
    names = {name for entry in entries for name in entry["licence"].split(" AND ")}
    links = [f"  {name}: {LICENCES[name]}" for name in sorted(names & LICENCES.keys())]
    return "\n".join(["Licences", *links]) if links else "All texts are in the public domain."
