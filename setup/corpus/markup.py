"""Markdown and HTML pages from the paragraphs of a document."""

from __future__ import annotations

import html
import re
from random import Random

from .shaping import Wrapping, sentences_of, wrap

_WORD = re.compile(r"[A-Za-z]{3,}")
_PLAIN_WORD = re.compile(r"(?<![\w*`<>&/\"=#-])[A-Za-z]{4,}(?![\w*`<>;/\"=-])")
DOMAINS = ("example.com", "example.org", "example.net", "docs.example.org", "blog.example.com")


def slug(words: str, rng: Random, most: int = 4) -> str:
    """Join a few of the words in lower case with hyphens: `abstract-art-movement`."""
    matches = _WORD.findall(words.lower()) or ["page"]
    start = rng.randrange(len(matches))
    return "-".join(matches[start : start + rng.randint(1, most)])


def address(words: str, rng: Random) -> str:
    """Return a random URL on a domain that is reserved for examples, or a relative URL."""
    ending = rng.choice(("", "", "/", ".html", ".md", f"?id={rng.randint(1, 9999)}", "#top"))
    path = "/".join(slug(words, rng, 3) for _ in range(rng.randint(1, 3)))
    return rng.choice((f"https://{rng.choice(DOMAINS)}/", "/", "", "../")) + path + ending


class Markdown:
    """Markdown writer whose style is drawn once for the whole document."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.setext = rng.random() < 0.25
        self.bullet = rng.choice("--*+")
        self.strong = rng.choice(("**", "**", "__"))
        self.emphasis = rng.choice("*_")
        self.marked = rng.choice((0.0, 0.005, 0.01, 0.03))
        self.width = rng.choice((0, 0, 72, 80, 100))

    def page(self, paragraphs: list[str]) -> str:
        """Return paragraphs as a Markdown page; the first paragraph is the title if it is short."""
        title, rest = paragraphs[0], paragraphs[1:]
        if len(title) > 90 or not rest:
            title, rest = slug(title, self.rng).replace("-", " ").capitalize(), paragraphs
        blocks = [self.heading(title, 1)]
        if self.rng.random() < 0.15:
            blocks.insert(0, self.front_matter(title))
        for paragraph in rest:
            if len(rest) > 3 and self.rng.random() < 0.15:
                name = slug(paragraph, self.rng).replace("-", " ")
                blocks.append(self.heading(name.capitalize(), self.rng.choice((2, 2, 3))))
            blocks.append(self.block(paragraph))
        return "\n\n".join(blocks) + "\n"

    def front_matter(self, title: str) -> str:
        rng = self.rng
        date = f"{rng.randint(1995, 2030)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
        lines = [f'title: "{title}"', f"date: {date}", f"tags: [{slug(title, rng, 1)}]"]
        rng.shuffle(lines)
        return "\n".join(["---", *lines[: rng.randint(1, 3)], "---"])

    def heading(self, title: str, level: int) -> str:
        if self.setext and level < 3:
            return f"{title}\n{'=-'[level - 1] * len(title)}"
        return f"{'#' * level} {title}"

    def block(self, paragraph: str) -> str:
        style = self.rng.random()
        text = self.marks(paragraph)
        if paragraph.startswith("- "):
            return f"{self.bullet} {text[2:]}"
        if style < 0.12:
            numbered = self.rng.random() < 0.4
            items = enumerate(map(self.marks, sentences_of(paragraph)), 1)
            return "\n".join(f"{n}. {s}" if numbered else f"{self.bullet} {s}" for n, s in items)
        if style < 0.2:
            return self.wrapped(text, "> ")
        if style < 0.23:
            return f"---\n\n{self.wrapped(text)}"
        return self.wrapped(text)

    def wrapped(self, text: str, prefix: str = "") -> str:
        return wrap([text], Wrapping(self.width, prefix), self.rng) if self.width else prefix + text

    def marks(self, text: str) -> str:
        """Return the text with some words emphasised, linked or set as code."""

        def mark(match: re.Match[str]) -> str:
            word, draw = match[0], self.rng.random() / self.marked
            if draw < 0.4:
                return f"{self.emphasis}{word}{self.emphasis}"
            if draw < 0.6:
                return f"{self.strong}{word}{self.strong}"
            if draw < 0.85:
                return f"[{word}]({address(word, self.rng)})"
            return f"`{word}`" if draw < 1 else word

        return _PLAIN_WORD.sub(mark, text) if self.marked else text


class Page:
    """HTML writer whose style is drawn once for the whole document."""

    def __init__(self, rng: Random, words: str) -> None:
        self.rng = rng
        self.words = words
        self.classes = [slug(words, rng, 2) for _ in range(rng.randint(3, 8))]
        self.with_class = rng.choice((0.0, 0.1, 0.5, 0.9))
        self.step = rng.choice(("", "", "  ", "    ", "\t"))
        self.newline = rng.choice(("\n", "\n", "\n", "\n", "\n\n", ""))
        self.named = rng.random() < 0.4  # entities by name or number instead of characters
        self.marked = rng.choice((0.0, 0.005, 0.02, 0.04))
        self.quote = rng.choice('"""\'')

    def attribute(self, name: str, value: str) -> str:
        return f" {name}={self.quote}{value}{self.quote}"

    def opened(self, tag: str) -> str:
        attributes = ""
        if self.rng.random() < self.with_class:
            names = self.rng.sample(self.classes, self.rng.choice((1, 1, 2)))
            attributes += self.attribute("class", " ".join(names))
        if self.rng.random() < self.with_class / 4:
            attributes += self.attribute("id", slug(self.words, self.rng, 2))
        return f"<{tag}{attributes}>"

    def element(self, tag: str, inner: str) -> str:
        return f"{self.opened(tag)}{inner}</{tag}>"

    def text(self, text: str) -> str:
        """Return a text escaped for HTML, with some words emphasised, linked or set as code."""
        escaped = html.escape(text, quote=False)
        if self.named:
            for character, entity in ENTITIES.items():
                escaped = escaped.replace(character, entity)
        return _PLAIN_WORD.sub(self._mark, escaped) if self.marked else escaped

    def _mark(self, match: re.Match[str]) -> str:
        word, draw = match[0], self.rng.random() / self.marked
        if draw < 0.35:
            return self.element("a" if draw < 0.01 else "em", word)
        if draw < 0.5:
            return self.element(self.rng.choice(("strong", "b", "i", "span", "code")), word)
        if draw < 1:
            return f"<a{self.attribute('href', address(word, self.rng))}>{word}</a>"
        return word

    def body(self, paragraphs: list[str]) -> list[str]:
        """Return the HTML lines of the paragraphs, the title first."""
        title, *rest = paragraphs
        lines = [self.element("h1", self.text(title)) if len(title) < 90 else self.block(title)]
        wrapper = self.rng.choice(("", "div", "article", "section", "main"))
        inner = [line for paragraph in rest for line in self.block(paragraph).split("\n")]
        if wrapper:
            return [*lines, self.opened(wrapper), *(self.step + x for x in inner), f"</{wrapper}>"]
        return lines + inner

    def block(self, paragraph: str) -> str:
        style = self.rng.random()
        if paragraph.startswith("- "):
            return self.element("li", self.text(paragraph[2:]))
        if style < 0.1:
            tag = self.rng.choice(("ul", "ol"))
            items = (self.element("li", self.text(part)) for part in sentences_of(paragraph))
            return "\n".join([self.opened(tag), *(self.step + item for item in items), f"</{tag}>"])
        if style < 0.15:
            return self.element("blockquote", f"<p>{self.text(paragraph)}</p>")
        if style < 0.2:
            heading = slug(paragraph, self.rng).replace("-", " ").capitalize()
            return f"{self.element('h2', heading)}\n{self.element('p', self.text(paragraph))}"
        return self.element(self.rng.choice(("p", "p", "p", "p", "div")), self.text(paragraph))

    def page(self, paragraphs: list[str]) -> str:
        """Return the paragraphs as a whole HTML page, or as a fragment of a page."""
        lines = self.body(paragraphs)
        if self.rng.random() < 0.4:
            return self.newline.join(lines)
        title = html.escape(paragraphs[0][:90])
        head = [f"<meta{self.attribute('charset', 'utf-8')}>", f"<title>{title}</title>"]
        links = (self.attribute("rel", "stylesheet"), self.attribute("href", "/css/site.css"))
        if self.rng.random() < 0.5:
            head.append(f"<link{''.join(links)}>")
        self.rng.shuffle(head)
        doctype = self.rng.choice(("<!DOCTYPE html>", "<!doctype html>"))
        language = self.attribute("lang", "en") if self.rng.random() < 0.6 else ""
        indented = ([self.step + line for line in part] for part in (head, lines))
        first, second = indented
        page = [doctype, f"<html{language}>", "<head>", *first, "</head>", "<body>", *second]
        return self.newline.join([*page, "</body>", "</html>"]) + "\n"


ENTITIES = {
    "—": "&mdash;", "–": "&ndash;", "“": "&ldquo;", "”": "&rdquo;", "’": "&#8217;",
    "‘": "&lsquo;", "é": "&eacute;", "\u00a0": "&nbsp;", '"': "&quot;", "ü": "&uuml;",
}  # fmt: skip
