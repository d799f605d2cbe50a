"""What the web app can be told, and the environment variables that tell it."""

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
"""A byte of text may be six bytes of JSON (``\\u0000``)."""

LOG_FORMATS = ("text", "json", "off")


@dataclass(frozen=True)
class GenerationLimits:
    """What one request for a text, and all of them together, may take.

    Attributes:
        bytes: of a text.
        prompt: bytes of a prompt.
        seconds: of making one text; what there is then is its end.
        stall: seconds that a client may take none of what is sent.
        at_once: texts made at the same time.
        waiting: requests that may wait meanwhile.
        wait_seconds: how long each of them waits before it is sent away.
    """

    bytes: int = 512
    prompt: int = 2048
    seconds: float = 60.0
    send_timeout: float = 10.0
    max_concurrent: int = 1
    waiting: int = 3
    wait_seconds: float = 20.0


@dataclass(frozen=True)
class Settings:
    """Everything that differs between a laptop, a test and a deployment.

    Attributes:
        model_folder: the exported entropy model.
        blt_folder: the exported BLT that makes text.
        own_model: folder of a model to show in place of one of these, whichever it is.
        demo_output: folder of figures, the first that the catalogue looks into.
        plot_data: folder of the data behind them; also holds the precomputed examples.
        patience: seconds for which changed content of a stored figure may go unnoticed.
        shipped_models: folder of models; those with a ``metrics.jsonl`` have their curves shown.
        runs: folder of training runs that are shown as they are written.
        text_limit: bytes of UTF-8 that one request may carry.
        inspect_limit: likewise, where everything a BLT computes is shown.
        graph_limit: likewise, of a text that becomes a graph.
        graph_waiting: requests for graphs that may wait while one is made.
        at_once: texts that the entropy model measures at the same time, each on one core.
        waiting_limit: requests that may wait for it meanwhile.
        wait_seconds: how long each of them waits before it is sent away.
        request_seconds: how long the model may work for one request.
        threads: cores that the BLT may use for a text.
        rate_limit: requests a minute that one client may post; 0 for any number.
        trusted_proxies: how many addresses at the end of ``X-Forwarded-For`` are written by proxies
            of ours; 0 where there are none.
        generation: what requests for a text may take.
        cors_origins: origins whose pages may ask the API; ``*`` for all.
        metrics: offer ``/metrics``.
        log: how requests are logged: ``text``, ``json`` or ``off``.
        reload: read templates and static files anew for every request.
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
    generation: GenerationLimits = GenerationLimits()
    cors_origins: tuple[str, ...] = ()
    metrics: bool = False
    log: str = "off"
    reload: bool = False

    @property
    def examples_file(self) -> Path:
        """Precomputed examples, as ``python -m app.precompute examples`` writes them."""
        return self.plot_data / "live_examples.json"

    @property
    def inspected_file(self) -> Path:
        """Texts followed through the BLT, as ``python -m app.precompute inspected`` writes them."""
        return self.plot_data / "inspected_texts.json"

    @property
    def traces_file(self) -> Path:
        """Recorded texts, as ``python -m app.precompute traces`` writes them."""
        return self.plot_data / "generation_traces.json"

    @property
    def body_limit(self) -> int:
        """Bytes of the longest body that any request may have."""
        return self.text_limit * ESCAPED + 4096

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Settings of a server; :data:`VARIABLES` are read, and ``FLASK_DEBUG`` for reloading.

        Raises:
            ValueError: a variable has a value that is not accepted; the message names it.
        """
        found: dict[str, Any] = {"log": "text"}
        for name, (field, read) in VARIABLES.items():
            value = environment.get(name, "").strip()
            if not value:
                continue
            try:
                found[field] = read(value)
            except ValueError as error:
                raise ValueError(f"{name} is {value!r}; {error}") from None
        return cls(**found, reload=wants_reload(environment))


def wants_reload(environment: Mapping[str, str]) -> bool:
    """``FLASK_DEBUG`` asks for reloading; a platform that sets ``PORT`` never gets it."""
    debug = environment.get("FLASK_DEBUG", "").lower() in _YES
    return debug and "PORT" not in environment


def address(environment: Mapping[str, str], port: int | None = None) -> tuple[str, int]:
    """Return host and port to listen on; all interfaces only where a platform has set ``PORT``.

    Raises:
        ValueError: ``PORT`` is no port.
    """
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
    "BLT_WAITING": ("waiting_limit", _count),
    "BLT_RATE_LIMIT": ("rate_limit", _count),
    "BLT_TRUSTED_PROXIES": ("trusted_proxies", _count),
    "BLT_CORS_ORIGINS": ("cors_origins", _origins),
    "BLT_METRICS": ("metrics", _switch),
    "BLT_LOG": ("log", _log),
}
"""Environment variables: the field that each sets, and how its value is read."""
