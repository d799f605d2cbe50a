"""The gallery: one card for each figure with all its formats and its data."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath
from urllib.parse import quote

from app.stored.catalogue import Snapshot, StoredArtifact

KINDS = {"interactive": "Interactive figures", "image": "Images", "data": "Data"}
SORTS = {"title": "Title", "newest": "Newest first", "largest": "Largest first"}
_PICTURES = (".webp", ".png", ".jpg", ".jpeg", ".svg")
_ORDER = {".html": 0, ".png": 1, ".svg": 2, ".webp": 3, ".jpg": 4, ".jpeg": 4, ".pdf": 5}


@dataclass(frozen=True)
class Link:
    """Link to a file of a card."""

    label: str
    url: str
    size: str


@dataclass(frozen=True)
class Card:
    """Card of a figure, or of a data file without a figure.

    Attributes:
        name: name of the first file; unique.
        title, description, producer: title, description and command from the records.
        kind: ``interactive``, ``image`` or ``data``.
        picture: URL of a thumbnail, or None.
        files: files of the card, the best one for viewing first.
        data: data file of the figure, or the file itself if the card is a data file.
    """

    name: str
    title: str
    description: str
    producer: str | None
    kind: str
    picture: str | None
    files: tuple[StoredArtifact, ...]
    data: StoredArtifact | None

    @property
    def url(self) -> str:
        """URL of the page about the card."""
        return artifact_url(self.name)

    @property
    def modified_ns(self) -> int:
        """Modification time of the card's newest file, in nanoseconds since 1970."""
        return max(file.modified_ns for file in self.files)

    @property
    def modified(self) -> str:
        """Modification date of the card's newest file."""
        return max(file.modified for file in self.files).strftime("%Y-%m-%d")

    @property
    def size(self) -> int:
        """Size of all files of the card, in bytes."""
        return sum(file.size for file in self.files)

    @property
    def words(self) -> str:
        """Case-folded text that a search looks at."""
        names = " ".join(file.name for file in self.files)
        return f"{self.title} {self.description} {self.producer or ''} {names}".casefold()

    @property
    def links(self) -> list[Link]:
        """Links to the files of the card."""
        return [Link(label(file), file.url, readable(file.size)) for file in self.files]

    def file(self, *suffixes: str) -> StoredArtifact | None:
        """Return the first file of the card with one of the suffixes, or None."""
        return next((f for f in self.files if f.path.suffix.lower() in suffixes), None)


@dataclass(frozen=True)
class Gallery:
    """All cards of the gallery, in order and by name.

    Attributes:
        cards: figures, then data files without a figure, each sorted by title.
        by_name: cards by the names of their files, and by the stems of these names where they are
            unique.
    """

    cards: tuple[Card, ...]
    by_name: dict[str, Card]

    @property
    def figures(self) -> list[Card]:
        """Cards of figures."""
        return [card for card in self.cards if card.kind != "data"]

    @property
    def data_files(self) -> list[Card]:
        """Cards of data files without a figure."""
        return [card for card in self.cards if card.kind == "data"]

    def neighbours(self, card: Card) -> tuple[Card | None, Card | None]:
        """Return the cards before and after a card in the gallery."""
        place = self.cards.index(card)
        before = self.cards[place - 1] if place else None
        return before, self.cards[place + 1] if place + 1 < len(self.cards) else None


def artifact_url(name: str) -> str:
    """Return the URL of the page about the card that a file belongs to."""
    return f"/artifact/{quote(name, safe='')}"


def gallery_of(snapshot: Snapshot) -> Gallery:
    """Return the gallery of a snapshot, which is built once."""
    return snapshot.once("gallery", lambda: _gallery(snapshot))


def chosen(
    cards: Iterable[Card], words: Iterable[str] = (), kind: str | None = None, sort: str = "title"
) -> list[Card]:
    """Return the cards of a kind that contain all search words, sorted.

    Args:
        cards: sorted by title.
        sort: a key of :data:`SORTS`.
    """
    search_words = list(words)
    matching = [
        card
        for card in cards
        if kind in (None, card.kind) and all(word in card.words for word in search_words)
    ]
    if sort == "newest":
        matching.sort(key=lambda card: -card.modified_ns)
    elif sort == "largest":
        matching.sort(key=lambda card: -card.size)
    return matching


def _gallery(snapshot: Snapshot) -> Gallery:
    data = {a.name: a for a in snapshot.by_name.values() if a.kind == "data"}
    groups: dict[str, list[StoredArtifact]] = {}
    for artifact in snapshot.by_name.values():
        if artifact.kind != "data":
            groups.setdefault(PurePath(artifact.name).stem, []).append(artifact)
    figures, used = [], set()
    for stem, files in groups.items():
        files.sort(key=lambda a: _ORDER.get(a.path.suffix.lower(), 9))
        data_names = [a.data for a in files if a.data] + [f"{stem}.json"]
        behind = next((data[name] for name in data_names if name in data), None)
        if behind:
            used.add(behind.name)
        figures.append(_card(files, behind, snapshot.thumbnails.get(stem)))
    rest = [_card([file], file, None) for name, file in data.items() if name not in used]
    cards = (*sorted(figures, key=_by_title), *sorted(rest, key=_by_title))
    by_stem = {PurePath(card.name).stem: card for card in reversed(cards)}
    by_file = {file.name: card for card in reversed(cards) for file in card.files}
    return Gallery(cards, by_stem | by_file | {card.name: card for card in cards})


def _by_title(card: Card) -> tuple[str, str]:
    return card.title.casefold(), card.name


def _card(
    files: list[StoredArtifact], behind: StoredArtifact | None, small: StoredArtifact | None
) -> Card:
    first = files[0]
    picture = small or next((a for a in files if a.path.suffix.lower() in _PICTURES), None)
    extra = (behind,) if behind and behind is not first else ()
    return Card(
        name=first.name,
        title=first.title,
        description=next((a.description for a in files if a.description), ""),
        producer=next((a.producer for a in files if a.producer), None),
        kind={"html": "interactive", "images": "image"}.get(first.kind, "data"),
        picture=picture.url if picture else None,
        files=(*files, *extra),
        data=behind,
    )


def label(artifact: StoredArtifact) -> str:
    """Return a short name of a file's type."""
    suffix = artifact.path.suffix.lower().lstrip(".")
    named = {"html": "Interactive", "json": "Data (JSON)", "npz": "Data (npz)"}
    return named.get(suffix, suffix.upper())


def readable(size: int) -> str:
    """Return a size for people, such as ``1.5 MB``."""
    if size < 1000:
        return f"{size} B"
    return f"{size / 1000:.0f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"
