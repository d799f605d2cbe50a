"""Generated logs: of web servers, system daemons, programs, in JSON and as key=value pairs."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta

from ..draw import TIME_FORMATS, Draw, draw_columns, in_style
from .made import generated
from .made_tables import size

Line = Callable[[datetime], str]
LEVELS = (
    ("DEBUG", "INFO", "WARNING", "ERROR"), ("debug", "info", "warn", "error"), ("D", "I", "W", "E"),
    ("TRACE", "INFO", "WARN", "FATAL"), ("notice", "warning", "err", "crit"),
    ("[DEBUG]", "[INFO]", "[WARN]", "[ERROR]"),
)  # fmt: skip
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/{0}.0.{1}.{2} Safari/537.36",
    "curl/7.{0}.{2}", "python-requests/2.{0}.{2}", "Go-http-client/1.1", "-",
    "Mozilla/5.0 (compatible; {3}bot/{2}.0; +http://{3}.example/bot.html)",
)  # fmt: skip


def level(draw: Draw) -> Callable[[], str]:
    """Return a function that draws log levels, mostly harmless ones."""
    names = draw.rng.choice(LEVELS)
    return lambda: draw.rng.choices(names, (4, 10, 2, 1))[0]


def templates(draw: Draw) -> list[Callable[[], str]]:
    """Return functions that write the messages of one program: constant words, changing values."""
    return [_template(draw) for _ in range(draw.rng.randint(3, 15))]


def _template(draw: Draw) -> Callable[[], str]:
    columns = draw_columns(draw, draw.rng.randint(0, 3) or 1, ("snake", "camel", "kebab"))
    words, joint = draw.phrase(2, 7), draw.rng.choice(("=", ": ", " ", " is "))
    style = draw.rng.random()

    def make() -> str:
        values = {column.name: column.make(draw.rng.randint(0, 999)) for column in columns}
        if style < 0.4:
            return f"{words} {', '.join(f'{k}{joint}{v}' for k, v in values.items())}"
        if style < 0.7:
            return f"{words} {' '.join(map(str, values.values()))} {columns[0].name}"
        return f"{words.capitalize()} ({next(iter(values.values()))})" if style < 0.85 else words

    return make


def access(draw: Draw) -> Line:
    """Return a writer of log lines of a web server, in the common or the combined format."""
    rng, paths = draw.rng, [draw.path() for _ in range(draw.rng.randint(5, 60))]
    hosts, combined = [draw.ip() for _ in range(rng.randint(3, 40))], rng.random() < 0.6
    agents = [
        rng.choice(AGENTS).format(
            rng.randint(50, 130), rng.randint(0, 6000), rng.randint(0, 200), draw.word()
        )
        for _ in range(rng.randint(1, 8))
    ]

    def line(moment: datetime) -> str:
        method = rng.choices(("GET", "POST", "HEAD", "PUT", "DELETE"), (20, 5, 1, 1, 1))[0]
        status = rng.choices((200, 304, 404, 301, 302, 500, 403), (30, 6, 4, 2, 2, 1, 1))[0]
        query = f"?{draw.word()}={draw.integer(4)}" if rng.random() < 0.2 else ""
        request = f'"{method} {rng.choice(paths)}{query} HTTP/{rng.choice(("1.1", "1.1", "2.0"))}"'
        user = draw.word() if rng.random() < 0.05 else "-"
        head = f"{rng.choice(hosts)} - {user} [{moment:%d/%b/%Y:%H:%M:%S +0000}] {request}"
        text = f"{head} {status} {draw.integer(6)}"
        referer = f"https://{draw.host()}/" if rng.random() < 0.5 else "-"
        return f'{text} "{referer}" "{rng.choice(agents)}"' if combined else text

    return line


def syslog(draw: Draw) -> Line:
    """Return a writer of log lines of several daemons on one machine."""
    host, stamp = draw.word(), draw.rng.choice(("%b %d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f+00:00"))
    daemons = [
        (draw.word(), draw.integer(5), templates(draw)) for _ in range(draw.rng.randint(2, 8))
    ]
    numbered = draw.rng.random() < 0.8

    def line(moment: datetime) -> str:
        daemon, number, messages = draw.rng.choice(daemons)
        process = f"{daemon}[{number}]" if numbered else daemon
        return f"{moment.strftime(stamp)} {host} {process}: {draw.rng.choice(messages)()}"

    return line


def program(draw: Draw) -> Line:
    """Return a writer of a program's log: time, level, module and message in a random order."""
    rng, messages, names = draw.rng, templates(draw), level(draw)
    stamp, style = rng.choice(TIME_FORMATS), rng.choice(("dotted", "Pascal", "snake", "kebab"))
    modules = [in_style([draw.word() for _ in range(rng.randint(1, 3))], style) for _ in range(6)]
    pattern = rng.choice(
        (
            "{time} {level} {module}: {text}", "[{time}] {level} - {text}",
            "{time} [{level}] {text}",
            "{level}:{module}:{text}", "{time} | {level:8s} | {module} | {text}", "{level} {text}",
            "{time} {level} [{module}] {text}", "[{module}] {time} {text}", "{time} - {text}",
            "{time} {level} [{thread}] {module} - {text}", "{time};{level};{module};{text}",
        )
    )  # fmt: skip

    def line(moment: datetime) -> str:
        text = pattern.format(
            time=moment.strftime(stamp), level=names(), module=rng.choice(modules),
            thread=f"{rng.choice(('main', 'worker'))}-{rng.randint(1, 9)}",
            text=rng.choice(messages)(),
        )  # fmt: skip
        if rng.random() < 0.02:
            frames = (
                f"  at {rng.choice(modules)}.{draw.word()}({draw.word()}:{draw.integer(3)})"
                for _ in range(4)
            )
            text = "\n".join([text, *frames])
        return text

    return line


def json_log(draw: Draw) -> Line:
    """Return a writer of log lines in JSON: time, level, message and a few other fields."""
    rng, messages, names = draw.rng, templates(draw), level(draw)
    time = rng.choice(("ts", "time", "timestamp", "date", "t"))
    keys = (
        rng.choice(("level", "lvl", "priority")),
        rng.choice(("msg", "message", "text", "event")),
    )
    stamp, columns = (
        rng.choice((*TIME_FORMATS, "")),
        draw_columns(draw, rng.randint(1, 6), ("snake", "camel")),
    )
    separators = rng.choice(((",", ":"), (", ", ": ")))

    def line(moment: datetime) -> str:
        record = {
            time: moment.strftime(stamp) if stamp else round(moment.timestamp(), 3),
            keys[0]: names(),
            keys[1]: rng.choice(messages)(),
            **{c.name: c.make(rng.randint(0, 999)) for c in columns if rng.random() < 0.8},
        }
        return json.dumps(record, separators=separators)

    return line


def pairs(draw: Draw) -> Line:
    """Return a writer of log lines of key=value pairs; values with blanks are quoted."""
    rng, messages, names = draw.rng, templates(draw), level(draw)
    columns = draw_columns(draw, rng.randint(2, 7), ("snake", "joined", "kebab"))
    stamp = rng.choice(TIME_FORMATS)

    def line(moment: datetime) -> str:
        fields: dict[str, object] = {
            "time": moment.strftime(stamp), "level": names(), "msg": rng.choice(messages)(),
        } | {c.name: c.make(rng.randint(0, 999)) for c in columns}  # fmt: skip
        texts = {k: str(v) for k, v in fields.items() if v is not None}
        return " ".join(
            f"{k}={json.dumps(v) if ' ' in v or not v else v}" for k, v in texts.items()
        )

    return line


@generated("made-logs", megabytes=5.5, lang="log")
def log(draw: Draw) -> str:
    """Return log lines of one program or machine, in the order of their times."""
    make = draw.rng.choice((access, access, syslog, program, program, json_log, pairs))(draw)
    lines, length = list[str](), size(draw.rng)
    moment, step = draw.start, 10 ** draw.rng.uniform(-2, 3)
    while sum(map(len, lines)) < length:
        moment += timedelta(seconds=draw.rng.expovariate(1 / step))
        lines.append(make(moment))
    return "\n".join(lines) + "\n"
