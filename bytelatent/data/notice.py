"""The NOTICE of a trained model: whose text it learned from, and under which licences."""

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
"""Where the licences of the corpus can be read; public domain needs none."""

INTRODUCTION = """\
NOTICE

This model was trained on the texts below. They were cleaned, de-duplicated and cut into windows;
none of their authors endorses the model."""


def notice(manifest: Mapping[str, Any], sources: Iterable[str]) -> str:
    """The NOTICE of a model that was trained on ``sources`` of a corpus.

    Args:
        manifest: content of the corpus's ``manifest.json``.
        sources: names of the sources that were used; the order does not matter.

    Raises:
        ValueError: the manifest holds no such source; the message names it.
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
