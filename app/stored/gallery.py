"""The catalogue as cards: a figure with all its formats and its data is one card."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath
from urllib.parse import quote

from app.stored.catalogue import Artifact, Snapshot

KINDS = {"interactive": "Interactive figures", "image": "Images", "data": "Data"}
SORTS = {"title": "Title", "newest": "Newest first", "largest": "Largest first"}
_PICTURES = (".webp", ".png", ".jpg", ".jpeg", ".svg")
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
        name: of its first file; unique.
        title, description, producer: as recorded.
        kind: ``interactive``, ``image`` or ``data``.
        picture: URL of a small picture of it.
        files: its files, the best to look at first.
        data: the data behind it, or the file itself if it is data.
    """

    name: str
    title: str
    description: str
    producer: str | None
    kind: str
    picture: str | None
    files: tuple[Artifact, ...]
    data: Artifact | None

    @property
    def url(self) -> str:
        """Its page."""
        return artifact_url(self.name)

    @property
    def modified_ns(self) -> int:
        """When its newest file was written."""
        return max(file.modified_ns for file in self.files)

    @property
    def modified(self) -> str:
        """Day of its newest file."""
        return max(file.modified for file in self.files).strftime("%Y-%m-%d")

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(file.size for file in self.files)

    @property
    def words(self) -> str:
        """What a search looks into, folded."""
        names = " ".join(file.name for file in self.files)
        return f"{self.title} {self.description} {self.producer or ''} {names}".casefold()

    @property
    def links(self) -> list[Link]:
        """Its files."""
        return [Link(label(file), file.url, readable(file.size)) for file in self.files]

    def file(self, *suffixes: str) -> Artifact | None:
        """Its first file with one of these suffixes."""
        return next((f for f in self.files if f.path.suffix.lower() in suffixes), None)


@dataclass(frozen=True)
class Gallery:
    """All cards.

    Attributes:
        cards: figures, then data that belongs to none; each by title.
        by_name: cards by the names of their files, and by stems that are no name of another.
    """

    cards: tuple[Card, ...]
    by_name: dict[str, Card]

    @property
    def figures(self) -> list[Card]:
        """Cards that can be looked at."""
        return [card for card in self.cards if card.kind != "data"]

    @property
    def data_files(self) -> list[Card]:
        """Data that belongs to no figure."""
        return [card for card in self.cards if card.kind == "data"]

    def neighbours(self, card: Card) -> tuple[Card | None, Card | None]:
        """The cards before and after."""
        place = self.cards.index(card)
        before = self.cards[place - 1] if place else None
        return before, self.cards[place + 1] if place + 1 < len(self.cards) else None


def artifact_url(name: str) -> str:
    """The page about the figure or data that a file belongs to."""
    return f"/artifact/{quote(name, safe='')}"


def gallery_of(snapshot: Snapshot) -> Gallery:
    """The cards of a moment, put together once."""
    return snapshot.once("gallery", lambda: _gallery(snapshot))


def chosen(
    cards: Iterable[Card], words: Iterable[str] = (), kind: str | None = None, sort: str = "title"
) -> list[Card]:
    """Cards of a kind that hold all words (folded), sorted.

    Args:
        cards: sorted by title.
        sort: a key of :data:`SORTS`.
    """
    wanted = list(words)
    found = [
        card
        for card in cards
        if kind in (None, card.kind) and all(word in card.words for word in wanted)
    ]
    if sort == "newest":
        found.sort(key=lambda card: -card.modified_ns)
    elif sort == "largest":
        found.sort(key=lambda card: -card.size)
    return found


def _gallery(snapshot: Snapshot) -> Gallery:
    data = {a.name: a for a in snapshot.by_name.values() if a.kind == "data"}
    groups: dict[str, list[Artifact]] = {}
    for artifact in snapshot.by_name.values():
        if artifact.kind != "data":
            groups.setdefault(PurePath(artifact.name).stem, []).append(artifact)
    figures, used = [], set()
    for stem, files in groups.items():
        files.sort(key=lambda a: _ORDER.get(a.path.suffix.lower(), 9))
        wanted = [a.data for a in files if a.data] + [f"{stem}.json"]
        behind = next((data[name] for name in wanted if name in data), None)
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


def _card(files: list[Artifact], behind: Artifact | None, small: Artifact | None) -> Card:
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


def label(artifact: Artifact) -> str:
    """What a file is, in a word or two."""
    suffix = artifact.path.suffix.lower().lstrip(".")
    named = {"html": "Interactive", "json": "Data (JSON)", "npz": "Data (npz)"}
    return named.get(suffix, suffix.upper())


def readable(size: int) -> str:
    """Bytes for people: ``1.5 MB``."""
    if size < 1000:
        return f"{size} B"
    return f"{size / 1000:.0f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"
