"""Random values as in tables, logs and settings, from seeded draws."""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random

from .parents import Parents
from .shaping import paragraphs_of, sentences_of

Value = str | int | float | bool | None
DOMAINS = ("example.com", "example.org", "example.net", "test", "invalid", "localhost", "internal")
ENDINGS = ("com", "org", "net", "io", "de", "fr", "uk", "jp", "info", "edu", "gov", "dev")
FILE_ENDINGS = (
    "txt", "csv", "json", "log", "png", "jpg", "html", "js", "css", "py", "xml", "pdf", "tar.gz",
    "conf", "md", "bin", "so", "db", "mp3", "zip",
)  # fmt: skip
DATE_FORMATS = (
    "%Y-%m-%d", "%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y%m%d", "%d %b %Y",
    "%b %d, %Y", "%d-%b-%y", "%B %d, %Y", "%d %B %Y", "%A, %d %B %Y", "%m-%d-%Y", "%b %Y",
)  # fmt: skip
TIME_FORMATS = (
    "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S+00:00", "%d/%b/%Y:%H:%M:%S +0000",
    "%Y-%m-%d %H:%M:%S,%f", "%Y-%m-%dT%H:%M:%S.%fZ", "%b %d %H:%M:%S", "%H:%M:%S", "%H:%M",
    "%a %b %d %H:%M:%S %Y", "%a, %d %b %Y %H:%M:%S GMT", "%m/%d/%y %I:%M %p", "%Y%m%d-%H%M%S",
    "%H:%M:%S.%f", "%y/%m/%d %H:%M:%S", "%d.%m.%Y %H:%M",
)  # fmt: skip
RESERVED = frozenset(
    {"severity", "body", "resource", "attributes", "trace", "span", "scope", "tenant", "shard"}
    | {"replica", "lease", "quorum", "compaction", "snapshot", "epoch", "segment", "queue"}
)
"""Words reserved for the held-out logs; no other generator draws them."""


@dataclass(frozen=True)
class Words:
    """Vocabularies: `plain` lower-case English words, `names`, `titles`, `sentences`, `foreign`."""

    plain: list[str]
    names: list[str]
    titles: list[str]
    sentences: list[str]
    foreign: list[str]


@cache
def words_of(parents: Parents) -> Words:
    """Return the vocabularies of the training documents of `wordnet`, `wikipedia` and `udhr`."""
    plain, titles, names, sentences, foreign = set[str](), [], set[str](), [], set[str]()
    for record in parents.records("train", "wordnet"):
        for line in record["text"].split("\n"):
            plain.update(re.findall(r"(?<![\w' .-])[a-z]{3,12}(?=[,:])", line.partition(": ")[0]))
    for record in parents.records("train", "wikipedia"):
        title, *rest = paragraphs_of(record["text"])
        titles.append(title)
        names.update(re.findall(r"\b[A-Z][a-z]{2,11}\b", title))
        sentences += [s for s in sentences_of(" ".join(rest))[:3] if 20 < len(s) < 200]
    for record in parents.records("train", "udhr"):
        foreign.update(record["text"].split()[20:60])
    common = sorted(plain - RESERVED)
    return Words(common, sorted(names), sorted(titles), sentences, sorted(foreign))


class Draw:
    """Random values from the generator `rng` and a small vocabulary for one document."""

    def __init__(self, rng: Random, words: Words) -> None:
        self.rng = rng
        self.words = words
        self.pool = rng.sample(words.plain, min(len(words.plain), rng.randint(20, 200)))
        self.start = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=rng.randint(3650, 24000))

    def word(self) -> str:
        return self.rng.choice(self.pool)

    def name(self) -> str:
        return self.rng.choice(self.words.names)

    def person(self) -> str:
        return f"{self.name()} {self.name()}"

    def sentence(self) -> str:
        return self.rng.choice(self.words.sentences)

    def phrase(self, least: int = 1, most: int = 5) -> str:
        return " ".join(self.word() for _ in range(self.rng.randint(least, most)))

    def hex(self, digits: int) -> str:
        return f"{self.rng.getrandbits(4 * digits):0{digits}x}"

    def base64(self, size: int) -> str:
        return base64.b64encode(self.rng.randbytes(size)).decode()

    def ip(self) -> str:
        if self.rng.random() < 0.05:
            return ":".join(self.hex(4) for _ in range(8))
        first = self.rng.choice(("10", "192.168", "172.16", str(self.rng.randint(1, 223))))
        rest = (str(self.rng.randint(0, 255)) for _ in range(3 - first.count(".")))
        return ".".join([first, *rest])

    def host(self) -> str:
        ending = self.rng.choice((self.rng.choice(ENDINGS), self.rng.choice(DOMAINS)))
        start = self.rng.choice(("", "", "www.", "api.", "mail.", f"{self.word()}."))
        return f"{start}{self.word()}{self.rng.choice(('', '-' + self.word()))}.{ending}"

    def path(self) -> str:
        parts = "/".join(self.word() for _ in range(self.rng.randint(1, 4)))
        return f"/{parts}" + self.rng.choice(("", "/", f".{self.rng.choice(FILE_ENDINGS)}"))

    def url(self) -> str:
        query = f"?{self.word()}={self.rng.choice((self.word(), self.rng.randint(0, 9999)))}"
        scheme = self.rng.choice(("https", "https", "http", "ftp"))
        return f"{scheme}://{self.host()}{self.path()}{self.rng.choice(('', '', query))}"

    def version(self) -> str:
        return ".".join(str(self.rng.randint(0, 30)) for _ in range(self.rng.randint(2, 4)))

    def moment(self, days: float = 400) -> datetime:
        return self.start + timedelta(seconds=self.rng.uniform(0, 86400 * days))

    def integer(self, most_digits: int = 7) -> int:
        return self.rng.randrange(10 ** self.rng.randint(1, most_digits))


def in_style(words: list[str], style: str) -> str:
    """Join words to a name: `snake`, `camel`, `Pascal`, `kebab`, `dotted`, `Title`, `UPPER`..."""
    if style in ("snake", "kebab", "dotted", "joined", "spaced"):
        return {"snake": "_", "kebab": "-", "dotted": ".", "joined": "", "spaced": " "}[style].join(
            words
        )
    if style == "UPPER":
        return "_".join(words).upper()
    if style == "Title":
        return " ".join(words).title()
    first = words[0] if style == "camel" else words[0].title()
    return first + "".join(word.title() for word in words[1:])


STYLES = ("snake", "snake", "camel", "Pascal", "kebab", "Title", "UPPER", "joined")
Make = Callable[[int], Value]


@dataclass(frozen=True)
class Column:
    """A column of a table or a field of records: its name, and its value in the n-th record."""

    name: str
    make: Make


def unique_names(draw: Draw, count: int, style: str) -> list[str]:
    """Return `count` different names in one style."""
    names: dict[str, None] = {}
    while len(names) < count:
        length = draw.rng.choice((1, 1, 1, 2, 2, 3))
        names[in_style([draw.word() for _ in range(length)], style)] = None
    return list(names)


def draw_columns(draw: Draw, count: int, styles: tuple[str, ...] = STYLES) -> list[Column]:
    """Return columns of random kinds; a name that tells the kind is as likely as any other."""
    style = draw.rng.choice(styles)
    columns: dict[str, Column] = {}
    for name in unique_names(draw, count, style):
        hint, factory = draw.rng.choice(KINDS)
        words = draw.rng.choice(([hint], [draw.word(), hint], [draw.word()]))
        named = in_style(words, style)
        named = name if named in columns else named
        make = factory(draw)
        columns[named] = Column(named, _sometimes_empty(draw, make))
    return list(columns.values())


def _sometimes_empty(draw: Draw, make: Make) -> Make:
    share = draw.rng.choice((0.0, 0.0, 0.0, 0.05, 0.3))
    return lambda row: None if draw.rng.random() < share else make(row)


def _serial(draw: Draw) -> Make:
    first, step = draw.rng.choice((0, 1, 1, 100, draw.integer())), draw.rng.choice((1, 1, 1, 5, 10))
    return lambda row: first + step * row


def _code(draw: Draw) -> Make:
    first, width = draw.integer(5), draw.rng.randint(3, 7)
    prefix = draw.word()[: draw.rng.randint(1, 4)].upper() + draw.rng.choice(("", "-", "_", "/"))
    if draw.rng.random() < 0.5:
        return lambda row: f"{prefix}{first + row:0{width}d}"
    return lambda row: f"{prefix}{draw.rng.randrange(10**width):0{width}d}"


def _integer(draw: Draw) -> Make:
    low = draw.rng.choice((0, 0, 1, -draw.integer(4)))
    high = low + 1 + draw.integer(draw.rng.randint(1, 8))
    return lambda row: draw.rng.randint(low, high)


def _skewed(draw: Draw) -> Make:
    mean = 10 ** draw.rng.uniform(0, 5)
    return lambda row: int(draw.rng.expovariate(1 / mean))


def _decimal(draw: Draw) -> Make:
    middle, digits = draw.rng.choice((0, 1, 10, 100, 5000)), draw.rng.randint(1, 6)
    spread = draw.rng.choice((0.01, 0.2, 1, 3)) * (middle or 1)
    return lambda row: round(draw.rng.gauss(middle, spread), digits)


def _walk(draw: Draw) -> Make:
    state = [10 ** draw.rng.uniform(0, 4)]
    size, digits = state[0] * draw.rng.uniform(0.001, 0.1), draw.rng.randint(0, 3)

    def make(row: int) -> float | int:
        state[0] += draw.rng.gauss(0, size)
        return round(state[0], digits) if digits else int(state[0])

    return make


def _money(draw: Draw) -> Make:
    sign, most = draw.rng.choice(("$", "€", "£", "", "", "USD ")), 10 ** draw.rng.randint(1, 6)
    comma = draw.rng.choice((",", ""))
    return lambda row: f"{sign}{draw.rng.uniform(0, most):{comma}.2f}"


def _percent(draw: Draw) -> Make:
    digits, sign = draw.rng.randint(0, 2), draw.rng.choice(("%", "%", " %"))
    return lambda row: f"{draw.rng.uniform(0, 100):.{digits}f}{sign}"


def _category(draw: Draw) -> Make:
    choices = [draw.phrase(1, 2) for _ in range(draw.rng.randint(2, 9))]
    change = draw.rng.choice((str, str, str.upper, str.title))
    weights = [draw.rng.expovariate(1) + 0.01 for _ in choices]
    return lambda row: change(draw.rng.choices(choices, weights)[0])


def _flag(draw: Draw) -> Make:
    values: tuple[Value, Value] = draw.rng.choice(
        ((True, False), (True, False), ("yes", "no"), ("Y", "N"), (1, 0), ("on", "off"), ("x", ""))
    )
    share = draw.rng.random()
    return lambda row: values[draw.rng.random() < share]


def _date(draw: Draw) -> Make:
    pattern, step = draw.rng.choice(DATE_FORMATS), draw.rng.choice((1, 1, 7, 30))
    if draw.rng.random() < 0.5:
        return lambda row: (draw.start + timedelta(days=step * row)).strftime(pattern)
    return lambda row: draw.moment(9000).strftime(pattern)


def _time(draw: Draw) -> Make:
    pattern, step = draw.rng.choice((*TIME_FORMATS, "")), 10 ** draw.rng.uniform(0, 5)
    state = [draw.start]

    def make(row: int) -> Value:
        state[0] += timedelta(seconds=draw.rng.expovariate(1 / step))
        return state[0].strftime(pattern) if pattern else int(state[0].timestamp())

    return make


def _identifier(draw: Draw) -> Make:
    digits = draw.rng.choice((6, 7, 8, 12, 16, 32, 40))
    if draw.rng.random() < 0.4:
        return lambda row: str(uuid.UUID(int=draw.rng.getrandbits(128), version=4))
    return lambda row: draw.hex(digits)


def _mail(draw: Draw) -> Make:
    hosts, dot = [draw.host() for _ in range(draw.rng.randint(1, 4))], draw.rng.choice("._-")
    return lambda row: f"{draw.name().lower()}{dot}{draw.name().lower()}@{draw.rng.choice(hosts)}"


def _phone(draw: Draw) -> Make:
    pattern = draw.rng.choice(
        ("###-###-####", "(###) ###-####", "+## ### ######", "0#### ######", "+1##########")
    )
    return lambda row: re.sub("#", lambda _: str(draw.rng.randint(0, 9)), pattern)


def _place(draw: Draw) -> Make:
    digits, limit = draw.rng.randint(2, 6), draw.rng.choice((90, 180))
    return lambda row: round(draw.rng.uniform(-limit, limit), digits)


def _of(method: str) -> Callable[[Draw], Make]:
    return lambda draw: lambda row: getattr(draw, method)()


def _chosen(vocabulary: str) -> Callable[[Draw], Make]:
    return lambda draw: lambda row: draw.rng.choice(getattr(draw.words, vocabulary))


KINDS: tuple[tuple[str, Callable[[Draw], Make]], ...] = (
    ("id", _serial), ("number", _serial), ("code", _code), ("sku", _code), ("count", _integer),
    ("quantity", _integer), ("age", _integer), ("size", _skewed), ("views", _skewed),
    ("value", _decimal), ("score", _decimal), ("weight", _decimal), ("close", _walk),
    ("level", _walk), ("price", _money), ("amount", _money), ("rate", _percent),
    ("type", _category), ("status", _category), ("group", _category), ("active", _flag),
    ("enabled", _flag), ("date", _date), ("day", _date), ("time", _time), ("updated", _time),
    ("uuid", _identifier), ("hash", _identifier), ("email", _mail), ("phone", _phone),
    ("lat", _place), ("lon", _place), ("name", _of("person")), ("user", _of("name")),
    ("note", _of("phrase")), ("label", _of("word")), ("comment", _of("sentence")),
    ("url", _of("url")), ("path", _of("path")), ("ip", _of("ip")), ("host", _of("host")),
    ("version", _of("version")), ("title", _chosen("titles")), ("city", _chosen("names")),
    ("term", _chosen("foreign")), ("key", _of("word")),
)  # fmt: skip
