"""The settings of the web app, and the environment variables that set them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
"""The checkout, or the folder where packages are installed."""

SITE = Path(__file__).resolve().parent / "site"
"""Where a package keeps templates, static files and artifacts."""

if not SITE.is_dir():
    SITE = ROOT  # a checkout has them at its top

DEFAULT_PORT = 5000
MODEL_VARIABLE = "BLT_MODEL"
RUNS_VARIABLE = "BLT_RUNS"
PRETRAINED = ROOT / "bytelatent" / "pretrained"
DEFAULT_MODEL = PRETRAINED / "blt-entropy-mini"
DEFAULT_BLT = PRETRAINED / "blt-mini"

TEXT_LIMIT = 64 * 1024
INSPECT_LIMIT = 400
GRAPH_LIMIT = 16 * 1024
ESCAPED = 6
"""Largest number of JSON bytes for one byte of text, as in ``\\u0000``."""

FORWARDED = "forwarded"
"""Prefix that stands for the one in ``X-Forwarded-Prefix``."""

LOG_FORMATS = ("text", "json", "off")


@dataclass(frozen=True)
class GenerationLimits:
    """Limits of text generation, for one request and for all requests together.

    Attributes:
        bytes: largest number of bytes of a generated text.
        prompt: largest number of bytes of a prompt.
        seconds: longest time to generate one text; the text ends when this time is over.
        send_timeout: seconds after which a connection is closed whose client accepts no more data.
        max_concurrent: number of texts that are generated at the same time, in one batch.
        max_queued: number of requests that may wait in the queue.
        wait_seconds: longest time that a request waits in the queue before it is refused.
    """

    bytes: int = 512
    prompt: int = 2048
    seconds: float = 60.0
    send_timeout: float = 10.0
    max_concurrent: int = 8
    max_queued: int = 4
    wait_seconds: float = 20.0


@dataclass(frozen=True)
class Settings:
    """All settings that differ between a laptop, a test and a deployment.

    Attributes:
        model_folder: folder of the exported entropy model.
        blt_folder: folder of the exported BLT that generates text.
        own_model: folder of a model that replaces the entropy model or the BLT, whichever kind it
            is.
        demo_output: folder of figures; the catalogue reads it first.
        plot_data: folder of the figures' data files and of the precomputed examples.
        catalogue_max_age: longest time in seconds until changed content of a stored figure is
            noticed.
        shipped_models: folder of the shipped models; the app shows the training curves of each
            model with a ``metrics.jsonl``.
        runs: folder of training runs; the app shows their curves while they are written.
        text_limit: largest number of UTF-8 bytes of the text in one request.
        inspect_limit: the same limit for a text of ``POST /api/inspect``.
        graph_limit: the same limit for a text of ``POST /api/graph``.
        graph_max_queued: number of graph requests that may wait while a graph is computed.
        max_concurrent: number of texts that the entropy model measures at the same time, each on
            one core.
        max_queued: number of requests that may wait for the entropy model.
        wait_seconds: longest time that a request waits in a queue before it is refused.
        request_seconds: longest time that the model works for one request.
        threads: number of cores that the BLT uses for one text.
        rate_limit: number of requests that one client may post in a minute; 0 means no limit.
        trusted_proxies: number of addresses at the end of ``X-Forwarded-For`` that our own proxies
            write; 0 without a proxy.
        prefix: path below which visitors see the app, such as ``/blt``; ``forwarded`` if a proxy
            names it in ``X-Forwarded-Prefix``; empty at the root of a site.
        generation: limits of text generation.
        cors_origins: origins whose pages may call the API; ``*`` allows all origins.
        metrics: whether the app serves ``/metrics``.
        log: format of the request log: ``text``, ``json`` or ``off``.
        reload: whether templates and static files are read again for every request.
    """

    model_folder: Path = DEFAULT_MODEL
    blt_folder: Path = DEFAULT_BLT
    own_model: Path | None = None
    demo_output: Path = SITE / "demo_output"
    plot_data: Path = SITE / "plot_data"
    catalogue_max_age: float = 0.25
    shipped_models: Path = PRETRAINED
    runs: Path | None = None
    text_limit: int = TEXT_LIMIT
    inspect_limit: int = INSPECT_LIMIT
    graph_limit: int = GRAPH_LIMIT
    graph_max_queued: int = 3
    max_concurrent: int = 2
    max_queued: int = 10
    wait_seconds: float = 20.0
    request_seconds: float = 30.0
    threads: int = 2
    rate_limit: int = 1200
    trusted_proxies: int = 0
    prefix: str = ""
    generation: GenerationLimits = GenerationLimits()
    cors_origins: tuple[str, ...] = ()
    metrics: bool = False
    log: str = "off"
    reload: bool = False

    @property
    def examples_file(self) -> Path:
        """Path of the precomputed examples that ``python -m app.precompute examples`` writes."""
        return self.plot_data / "live_examples.json"

    @property
    def inspected_file(self) -> Path:
        """Path of the inspected texts that ``python -m app.precompute inspected`` writes."""
        return self.plot_data / "inspected_texts.json"

    @property
    def traces_file(self) -> Path:
        """Path of the recorded texts that ``python -m app.precompute traces`` writes."""
        return self.plot_data / "generation_traces.json"

    @property
    def body_limit(self) -> int:
        """Largest number of bytes of a request's body."""
        return self.text_limit * ESCAPED + 4096

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Return the settings of a server, read from the environment variables in :data:`VARIABLES`
        and from ``FLASK_DEBUG``.

        Raises:
            ValueError: the value of a variable is not accepted; the message names the variable.
        """
        values: dict[str, Any] = {"log": "text"}
        for name, (field, read) in VARIABLES.items():
            value = environment.get(name, "").strip()
            if not value:
                continue
            try:
                values[field] = read(value)
            except ValueError as error:
                raise ValueError(f"{name} is {value!r}; {error}") from None
        return cls(**values, reload=wants_reload(environment))


def wants_reload(environment: Mapping[str, str]) -> bool:
    """Return whether ``FLASK_DEBUG`` turns reloading on; with ``PORT`` set it never does."""
    debug = environment.get("FLASK_DEBUG", "").lower() in _YES
    return debug and "PORT" not in environment


def address(environment: Mapping[str, str], port: int | None = None) -> tuple[str, int]:
    """Return host and port to listen on; all interfaces only where a platform has set ``PORT``.

    Raises:
        ValueError: ``PORT`` or ``port`` is no port.
    """
    if port is not None and not 0 <= port < 65536:
        raise ValueError(f"--port is {port}; a number from 1 to 65535 is needed")
    platform = environment.get("PORT", "")
    if not platform:
        return "127.0.0.1", port or DEFAULT_PORT
    if not (platform.isascii() and platform.isdigit() and 0 < int(platform) < 65536):
        raise ValueError(f"PORT is {platform!r}; a number from 1 to 65535 is needed")
    return "0.0.0.0", port or int(platform)  # noqa: S104


_YES, _NO = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off"})


def _switch(value: str) -> bool:
    if value.lower() not in _YES | _NO:
        raise ValueError("on or off is accepted")
    return value.lower() in _YES


def _count(value: str) -> int:
    if value.lower() in _NO:
        return 0
    if not (value.isascii() and value.isdigit()):
        raise ValueError("a whole number, or off, is accepted")
    return int(value)


def _seconds(value: str) -> float:
    seconds = float(value) if value.replace(".", "", 1).isdigit() else 0.0
    if not 0 < seconds <= 3600:
        raise ValueError("a number of seconds above 0 and up to 3600 is accepted")
    return seconds


def _prefix(value: str) -> str:
    prefix = value.rstrip("/")
    parts = prefix.split("/")[1:]
    wrong = any(part in ("", ".", "..") or not part.isprintable() for part in parts)
    if value != FORWARDED and ((prefix and prefix[0] != "/") or wrong or set(prefix) & set("?#\\")):
        raise ValueError(f"a path such as /blt, or {FORWARDED}, is accepted")
    return prefix


def _log(value: str) -> str:
    if value not in LOG_FORMATS:
        raise ValueError(f"{', '.join(LOG_FORMATS)} are accepted")
    return value


def _origins(value: str) -> tuple[str, ...]:
    origins = tuple(part for part in value.replace(",", " ").split() if part)
    for origin in origins:
        scheme, _, rest = origin.partition("://")
        if origin != "*" and (scheme not in ("http", "https") or not rest or "/" in rest):
            raise ValueError("origins such as https://example.org, or *, are accepted")
    return origins


VARIABLES: dict[str, tuple[str, Callable[[str], Any]]] = {
    MODEL_VARIABLE: ("own_model", Path),
    RUNS_VARIABLE: ("runs", Path),
    "BLT_REQUEST_SECONDS": ("request_seconds", _seconds),
    "BLT_WAITING": ("max_queued", _count),
    "BLT_RATE_LIMIT": ("rate_limit", _count),
    "SCRIPT_NAME": ("prefix", _prefix),
    "BLT_PREFIX": ("prefix", _prefix),
    "BLT_TRUSTED_PROXIES": ("trusted_proxies", _count),
    "BLT_CORS_ORIGINS": ("cors_origins", _origins),
    "BLT_METRICS": ("metrics", _switch),
    "BLT_LOG": ("log", _log),
}
"""Environment variables: for each, the field that it sets and the function that reads its value."""
