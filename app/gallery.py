"""The catalogue as cards: a figure with all its formats and its data is one card."""

from dataclasses import dataclass, field
from pathlib import PurePath

from app.catalogue import Artifact

_THUMBNAILS = (".png", ".webp", ".jpg", ".jpeg", ".svg")
_ORDER = {".html": 0, ".png": 1, ".svg": 2, ".webp": 3, ".jpg": 4, ".jpeg": 4, ".pdf": 5}


@dataclass(frozen=True)
class Link:
    """A file of a card."""

    label: str
    url: str
    size: str


@dataclass(frozen=True)
class Card:
    """One figure, or one data file that belongs to none.

    Attributes:
        title, description, producer: as recorded.
        kind: ``interactive``, ``image`` or ``data``.
        url: what a click on the card opens.
        thumbnail: URL of a picture of it.
        links: its files, the best to look at first.
        modified: day of the newest one.
    """

    title: str
    description: str
    producer: str | None
    kind: str
    url: str
    thumbnail: str | None
    modified: str
    links: list[Link] = field(default_factory=list)


def cards(artifacts: list[Artifact]) -> tuple[list[Card], list[Card]]:
    """Figures and, apart from them, data files that no figure names."""
    data = {a.name: a for a in artifacts if a.kind == "data"}
    groups: dict[str, list[Artifact]] = {}
    for artifact in artifacts:
        if artifact.kind != "data":
            groups.setdefault(PurePath(artifact.name).stem, []).append(artifact)
    figures, used = [], set()
    for stem, files in groups.items():
        files.sort(key=lambda a: _ORDER.get(a.path.suffix.lower(), 9))
        wanted = [a.data for a in files if a.data] + [f"{stem}.json"]
        behind = next((data[name] for name in wanted if name in data), None)
        if behind:
            used.add(behind.name)
        figures.append(_card(files, behind))
    rest = [_card([artifact], None) for name, artifact in data.items() if name not in used]
    return figures, rest


def _card(files: list[Artifact], behind: Artifact | None) -> Card:
    first = files[0]
    everything = [*files, behind] if behind else files
    kind = {"html": "interactive", "images": "image", "data": "data"}[first.kind]
    return Card(
        title=first.title,
        description=next((a.description for a in files if a.description), ""),
        producer=next((a.producer for a in files if a.producer), None),
        kind=kind,
        url=first.url,
        thumbnail=next((a.url for a in files if a.path.suffix.lower() in _THUMBNAILS), None),
        modified=max(a.modified for a in everything).strftime("%Y-%m-%d"),
        links=[Link(_label(a), a.url, readable(a.size)) for a in everything],
    )


def _label(artifact: Artifact) -> str:
    suffix = artifact.path.suffix.lower().lstrip(".")
    named = {"html": "Interactive", "json": "Data (JSON)", "npz": "Data (npz)"}
    return named.get(suffix, suffix.upper())


def readable(size: int) -> str:
    """Bytes for people: ``1.5 MB``."""
    if size < 1000:
        return f"{size} B"
    return f"{size / 1000:.0f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"
