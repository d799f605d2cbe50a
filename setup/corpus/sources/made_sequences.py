"""Generated strings without words: dumps, encodings, numbers, letters over small alphabets."""

from __future__ import annotations

import math
import string
from random import Random

from ..draw import Draw
from .made import generated
from .made_tables import size

WIDTHS = (10, 20, 32, 40, 50, 60, 60, 64, 70, 72, 76, 80, 80, 100, 120)
ACIDS = "ACDEFGHIKLMNPQRSTVWY"


def in_lines(text: str, width: int) -> str:
    """Return the text in lines of one width; unchanged where the width is 0."""
    if not width:
        return text
    return "\n".join(text[start : start + width] for start in range(0, len(text), width)) + "\n"


def some_bytes(draw: Draw, count: int) -> bytes:
    """Return noise, text, small numbers, or a mixture of runs of these."""
    data, noise = b"", draw.rng.random()
    while len(data) < count:
        kind = draw.rng.random()
        if kind < noise:
            data += draw.rng.randbytes(draw.rng.randint(8, 400))
        elif kind < noise + (1 - noise) / 2:
            data += draw.sentence().encode()
        else:
            data += b"".join(draw.integer(4).to_bytes(4, "little") for _ in range(20))
    return data[:count]


@generated("made-hex", megabytes=2.0, lang="hex")
def hex_dump(draw: Draw) -> str:
    """Return bytes in hexadecimal: dumps with addresses and letters, plain digits, or hashes."""
    rng, style = draw.rng, draw.rng.random()
    data = some_bytes(draw, size(rng) // 4)
    upper = rng.random() < 0.3
    if style < 0.5:
        text = _dump(data, rng)
    elif style < 0.7:
        text = in_lines(data.hex(), rng.choice((0, *WIDTHS)))
    elif style < 0.85:
        text = in_lines(data.hex(rng.choice(" :")), rng.choice((48, 48, 60, 24, 0)))
    else:
        digits = rng.choice((32, 40, 56, 64))
        lines = (f"{draw.hex(digits)}  {draw.path()[1:]}" for _ in range(len(data) // 24))
        return "\n".join(lines) + "\n"
    return text.upper() if upper and style >= 0.5 else text


def _dump(data: bytes, rng: Random) -> str:
    width, group = rng.choice((16, 16, 16, 8, 32)), rng.choice((1, 1, 2, 4))
    letters, first = rng.random() < 0.8, rng.choice((0, 0, 0, rng.randrange(2**24) * 16))
    address, frame = rng.choice(("{:08x}: ", "{:08x}  ", "{:07x} ", "0x{:04x}: ")), rng.choice("||")
    lines = []
    for start in range(0, len(data), width):
        row = data[start : start + width]
        digits = row.hex(" ", -group).ljust(2 * width + width // group)
        shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        text = f" {frame}{shown}{frame}" if letters else ""
        lines.append((address.format(first + start) + digits + text).rstrip())
    return "\n".join(lines) + "\n"


@generated("made-base64", megabytes=1.5, lang="base64")
def encoded(draw: Draw) -> str:
    """Return Base64 as in e-mails, keys and data URLs, alone or within other text."""
    rng, style = draw.rng, draw.rng.random()
    text = draw.base64(size(rng) // 2)
    if style < 0.4:
        return in_lines(text, rng.choice((64, 76, 76, 60, 0)))
    if style < 0.6:
        name = draw.phrase(1, 3).upper()
        return f"-----BEGIN {name}-----\n{in_lines(text, 64)}-----END {name}-----\n"
    if style < 0.75:
        kind = rng.choice(("image/png", "image/jpeg", "font/woff2", "application/pdf", "text/css"))
        return f'{draw.phrase(0, 4)} "data:{kind};base64,{text}"\n'
    if style < 0.9:
        lines = (
            f"{draw.word()}: {draw.base64(rng.randint(6, 60))}" for _ in range(len(text) // 60)
        )
        return "\n".join(lines) + "\n" + text[:200]
    head = f"Content-Type: {draw.word()}/{draw.word()}\nContent-Transfer-Encoding: base64\n\n"
    return head + in_lines(text, 76)


@generated("made-numbers", megabytes=3.0, lang="numbers")
def numbers(draw: Draw) -> str:
    """Return series, matrices, sums, lists of decimals, powers and times, in many notations."""
    rng = draw.rng
    kinds = (_series, _matrix, _sums, _named, _formatted, _matrix, _digits)
    return rng.choice(kinds)(draw, size(rng) // 2)


def _series(draw: Draw, length: int) -> str:
    rng, joint = draw.rng, draw.rng.choice((", ", ",", " ", "\n", "\t", "; "))
    a, b = rng.randint(-99, 999), rng.randint(1, 50)
    rule = rng.choice(
        (
            lambda n: a + b * n, lambda n: b * n * n + a, lambda n: (n + 2) ** (2 + b % 2),
            lambda n: rng.randint(0, 10 ** (1 + b % 6)), lambda n: round(math.sqrt(n + b), 4),
            lambda n: a - b * n, lambda n: n * (n + b) // 2, lambda n: (a * n + b) % (7 + b),
            lambda n: round(100 * math.sin(n / b), 2), lambda n: pow(2, n % 60) + a,
        )
    )  # fmt: skip
    parts = [str(rule(n)) for n in range(length // 4)]
    text = joint.join(parts)[:length].rpartition(joint)[0]
    return rng.choice(("", f"{draw.word()} = [")) + text


def _matrix(draw: Draw, length: int) -> str:
    rng = draw.rng
    columns, digits = rng.randint(2, 12), rng.randint(0, 6)
    scale, width = 10 ** rng.uniform(-2, 4), rng.choice((0, 0, 10, 12))
    form = rng.choice(
        (f"{width}.{digits}f", f"{width}.{digits}f", f".{digits}e", f"+.{digits}f", ".4g")
    )
    joint = rng.choice((" ", "  ", ", ", "\t", ";"))
    opened, closed = rng.choice((("", ""), ("", ""), ("[", "],"), ("{", "},"), ("(", ")")))
    lines = list[str]()
    while sum(map(len, lines)) < length:
        row = joint.join(format(rng.gauss(0, scale), form) for _ in range(columns))
        lines.append(opened + row + closed)
    return "\n".join(lines) + "\n"


def _sums(draw: Draw, length: int) -> str:
    rng, most = draw.rng, 10 ** draw.rng.randint(1, 5)
    signs, blank = rng.sample("+-*", rng.randint(1, 3)), rng.choice((" ", ""))
    lines = list[str]()
    while sum(map(len, lines)) < length:
        a, b, sign = rng.randrange(most), rng.randrange(most), rng.choice(signs)
        result = {"+": a + b, "-": a - b, "*": a * b}[sign]
        lines.append(f"{a}{blank}{sign}{blank}{b}{blank}={blank}{result}")
    return "\n".join(lines) + "\n"


def _named(draw: Draw, length: int) -> str:
    rng, lines = draw.rng, list[str]()
    names, digits = [draw.phrase(1, 2) for _ in range(rng.randint(2, 8))], rng.randint(0, 6)
    joint, scale = rng.choice((": ", " = ", "=", "\t", " ")), 10 ** rng.uniform(-1, 4)
    while sum(map(len, lines)) < length:
        fields = (f"{name}{joint}{rng.gauss(scale, scale / 4):.{digits}f}" for name in names)
        lines.append(f"{len(lines)} " + rng.choice((" ", ", ")).join(fields))
    return "\n".join(lines) + "\n"


def _formatted(draw: Draw, length: int) -> str:
    rng, lines = draw.rng, list[str]()
    form = rng.choice(
        ("{:,}", "${:,}.00", "{:_}", "{:e}", "0x{:x}", "{:b}", "No. {}", "{:010d}", "{}%")
    )
    most = 10 ** rng.randint(2, 9)
    while sum(map(len, lines)) < length:
        lines.append(form.format(rng.randrange(most)))
    return rng.choice(("\n", " ", ", ")).join(lines) + "\n"


def _digits(draw: Draw, length: int) -> str:
    text = "".join(draw.rng.choices(string.digits, k=length))
    return in_lines(text, draw.rng.choice((0, *WIDTHS)))


def alphabet(rng: Random) -> str:
    """Return the symbols of one document: of DNA or proteins, digits, or any letters."""
    kind = rng.random()
    if kind < 0.4:
        return rng.choice(("ACGT", "acgt", "ACGU", "ACGTN", "TACG"))
    if kind < 0.5:
        return "01"
    if kind < 0.6:
        return rng.choice((ACIDS, ACIDS, ACIDS.lower()))
    letters = rng.choice(
        (string.ascii_lowercase, string.ascii_uppercase, string.digits, string.ascii_letters,
         string.ascii_letters + string.digits, "абвгдежзиклмнопрстуфхцчшыэюя",
         "αβγδεζηθικλμνξοπρστυφχψω",
         string.hexdigits.lower()[:16], "-_.*+/#", string.printable[:94])
    )  # fmt: skip
    return "".join(rng.sample(letters, rng.randint(2, len(letters))))


def sequence(symbols: str, length: int, rng: Random) -> str:
    """Return random symbols: equally likely, skewed, or each dependent on the one before it."""
    style = rng.random()
    if style < 0.5:
        return "".join(rng.choices(symbols, k=length))
    if style < 0.8:
        weights = [rng.expovariate(1) + 0.02 for _ in symbols]
        return "".join(rng.choices(symbols, weights, k=length))
    rows = {symbol: [rng.expovariate(1) + 0.02 for _ in symbols] for symbol in symbols}
    chain = [symbols[0]]
    while len(chain) < length:
        chain.append(rng.choices(symbols, rows[chain[-1]])[0])
    return "".join(chain)


def is_plain_dna(symbols: str, width: int) -> bool:
    """Return whether unbroken text over the symbols would have the form of the held-out DNA."""
    return width == 0 and set(symbols) == set("ACGT")


@generated("made-sequences", megabytes=7.0, lang="sequence")
def sequences(draw: Draw) -> str:
    """Return strings over a small alphabet, in lines, in FASTA, with blanks, or unbroken.

    Capital A, C, G and T are never unbroken, because that form is held out.
    """
    rng = draw.rng
    symbols, width, style = alphabet(rng), rng.choice((0, 0, 0, *WIDTHS)), rng.random()
    if is_plain_dna(symbols, width):
        width = rng.choice(WIDTHS)
    if style < 0.2:
        return _fasta(draw, symbols, width or 60)
    if style < 0.3:
        length, gap = rng.randint(3, 12), rng.choice((" ", " ", ",", "-", "\t"))
        text = sequence(symbols, size(rng), rng)
        parts = [text[start : start + length] for start in range(0, len(text), length)]
        return gap.join(parts) + "\n"
    if style < 0.4:
        length = rng.randint(4, 40)
        parts = (sequence(symbols, length, rng) for _ in range(size(rng) // length))
        return "\n".join(parts) + "\n"
    return in_lines(sequence(symbols, size(rng), rng), width)


def _fasta(draw: Draw, symbols: str, width: int) -> str:
    rng, text, length = draw.rng, "", size(draw.rng)
    mark = rng.choice((">", ">", ">", ";", "@"))
    while len(text) < length:
        name = f"{draw.word()[:4].upper()}{rng.randint(1, 99999):05d}"
        about = draw.phrase(1, 5) if rng.random() < 0.7 else ""
        text += f"{mark}{name}{rng.choice(('', '.1', '|'))} {about}".rstrip() + "\n"
        text += in_lines(sequence(symbols, rng.randint(60, 1500), rng), width)
    return text
