"""Extraction of text blocks from HTML pages, R data files and gettext catalogues."""

from __future__ import annotations

import html
import re
import struct
import zlib
from collections.abc import Iterator
from typing import Any

from .document import Heading, Verbatim

HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
CONTAINERS = {"div", "table", "thead", "tbody", "ul", "ol", "dl", "section", "article", "aside"}
LEAVES = {"p", "li", "dd", "dt", "td", "th", "tr", "pre", "blockquote", "figcaption", "caption"}
BLOCKS = HEADINGS | CONTAINERS | LEAVES | {"main", "body", "br", "hr"}
NOISE = "//script|//style|//nav|//svg|//form|//button|//footer|//img|//noscript|//comment()"


def import_lxml_html() -> Any:
    """Import `lxml.html`, or raise a RuntimeError that says how to install it."""
    try:
        import lxml.html
    except ImportError:
        raise RuntimeError("this source needs lxml: pip install lxml") from None
    return lxml.html


def html_blocks(page: bytes, main: str = "//body", drop: str = "") -> list[str]:
    """Return the text of a UTF-8 page as blocks.

    `main` is the XPath of the part to read, `drop` the XPath of elements to leave out of it. A
    table row of several cells becomes one line; preformatted text keeps its blanks.
    """
    lxml = import_lxml_html()
    parser = lxml.HTMLParser(encoding="utf-8", remove_pis=True)
    tree = lxml.document_fromstring(page, parser=parser)
    for element in tree.xpath(f"{NOISE}|{drop}" if drop else NOISE):
        if element.getparent() is not None:
            element.drop_tree()
    collector = _Collector()
    for part in tree.xpath(main):
        collector.walk(part)
    collector.flush()
    return collector.blocks


class _Collector:
    """Collector that walks an element tree and gathers inline text into blocks."""

    def __init__(self) -> None:
        self.blocks: list[str] = []
        self._inline: list[str] = []
        self._kind: type[str] = str

    def flush(self) -> None:
        text = re.sub(r"\s+", " ", "".join(self._inline)).strip()
        self._inline.clear()
        if text:
            self.blocks.append(self._kind(text))

    def walk(self, element: Any) -> None:
        is_block = element.tag in BLOCKS
        if is_block:
            self.flush()
        if element.tag == "pre":
            self.blocks.append(Verbatim(element.text_content().expandtabs().strip("\n")))
        elif element.tag == "tr" and len(element) > 1:
            self._inline.append(" | ".join(filter(None, map(_one_line, element))))
        else:
            self._walk_inside(element)
        if is_block:
            self.flush()

    def _walk_inside(self, element: Any) -> None:
        outer = self._kind
        if element.tag in HEADINGS:
            self._kind = Heading
        self._inline.append(element.text or "")
        for child in element:
            self.walk(child)
            self._inline.append(child.tail or "")
        if element.tag in HEADINGS:
            self.flush()
        self._kind = outer


def _one_line(element: Any) -> str:
    return " ".join(element.text_content().split())


_MARKUP_BLOCK = re.compile(
    r"</?(?:p|li|ul|ol|dl|dt|dd|note|important|caution|h\d|br|div|pre|table|tr|td|th|"
    r"para|title|section|fullname|examples?|simpara|variablelist|itemizedlist)\b[^>]*>",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"</?[A-Za-z!][^<>]*>")


def markup_paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a short HTML-like string (faster than a parser)."""
    text = _MARKUP.sub("", _MARKUP_BLOCK.sub("\n", re.sub(r"\s+", " ", text)))
    plain = re.sub("</?p>", "\n", html.unescape(text))  # some tags were escaped twice
    lines = (re.sub(r"\s+", " ", line).strip() for line in plain.split("\n"))
    return [re.sub(r" +([.,;:])(?=\s|$)", r"\1", line) for line in lines if line]


_LATIN_1 = 0x4000  # bit of the flag word of a string


def r_character_vectors(data: bytes) -> Iterator[list[str]]:
    """Yield the character vectors of an R lazy-load file (`.rdb`), one list per stored object.

    The file is a sequence of [4-byte length of the unpacked stream][zlib stream]; a stream is R's
    XDR serialisation, in which a string is a flag word (type 9 in the low byte), a length and its
    bytes. Only strings are read. ValueError if the file was cut off, or if the format of a stream
    is not XDR or its version is neither 2 nor 3.
    """
    start = 0
    while start < len(data):
        stream = zlib.decompressobj()
        raw = stream.decompress(data[start + 4 :])
        if not stream.eof or len(raw) != int.from_bytes(data[start : start + 4], "big"):
            raise ValueError(f"this R file was cut off: its object at byte {start} is not whole")
        start = len(data) - len(stream.unused_data)
        yield list(_r_strings(raw))


def _r_header(raw: bytes) -> int:
    """Return the size of the header: format, three version words and, in version 3, an encoding."""
    version = struct.unpack_from(">i", raw, 2)[0] if raw.startswith(b"X\n") else None
    if version == 2:
        return 14
    if version == 3:
        return 18 + int(struct.unpack_from(">i", raw, 14)[0])
    raise ValueError("this is no R serialisation in XDR of version 2 or 3")


def _r_strings(raw: bytes) -> Iterator[str]:
    position = _r_header(raw)
    while position < len(raw) - 8:
        flags, length = struct.unpack_from(">Ii", raw, position)
        end = position + 8 + length
        if flags & 0xFF == 9 and flags >> 20 == 0 and 0 <= length <= 100_000 and end <= len(raw):
            encoding = "latin-1" if flags & _LATIN_1 else "utf-8"
            yield raw[position + 8 : end].decode(encoding, "replace")
            position = end
        else:
            position += 4


def mo_messages(data: bytes) -> Iterator[tuple[str, str]]:
    """Yield English text and translation of each message of a gettext catalogue (`.mo`).

    Only the first plural form is used; contexts and the header entry are left out. ValueError if
    the data is no catalogue.
    """
    order = {0x950412DE: "<", 0xDE120495: ">"}.get(struct.unpack("<I", data[:4])[0])
    if order is None:
        raise ValueError("this is no gettext catalogue: its magic number is missing")
    count, originals, translations = struct.unpack_from(f"{order}III", data, 8)
    for number in range(count):
        english, translated = (
            _mo_string(data, *struct.unpack_from(f"{order}II", data, table + 8 * number))
            for table in (originals, translations)
        )
        if english:
            yield english.rpartition("\x04")[2], translated


def _mo_string(data: bytes, length: int, start: int) -> str:
    return data[start : start + length].split(b"\0")[0].decode("utf-8", "replace")
