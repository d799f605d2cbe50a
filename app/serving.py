"""How gunicorn runs the app; ``gunicorn.conf.py`` hands this over, however gunicorn is started.

One process answers (it holds the model), by many threads. Threads see whole requests only: see
:mod:`app.whole_requests`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.settings import Settings, wants_reload

DEFAULT_PORT = 5000
THREADS = 40
"""31 are at work or wait where the queues of both models and of graphs are full: the gallery still
answers."""

CONNECTIONS = 800
"""Fewer than the 1,024 files that most systems let a process open."""

GRACE_SECONDS = 25
"""A platform kills 30 seconds after it has asked a server to stop."""

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  # where a heartbeat costs no disk


def address(environment: Mapping[str, str], port: int | None = None) -> tuple[str, int]:
    """Where to listen; all interfaces only where the platform has set ``PORT``.

    Raises:
        ValueError: ``PORT`` is no port.
    """
    platform = environment.get("PORT", "")
    if not platform:
        return "127.0.0.1", port or DEFAULT_PORT
    if not (platform.isascii() and platform.isdigit() and 0 < int(platform) < 65536):
        raise ValueError(f"PORT is {platform!r}; a number from 1 to 65535 is needed")
    return "0.0.0.0", port or int(platform)  # noqa: S104


def gunicorn_options(environment: Mapping[str, str], port: int | None = None) -> dict[str, Any]:
    """Settings of gunicorn, by their names there.

    Raises:
        ValueError: a variable of the environment has a value that is not accepted.
    """
    Settings.from_environment(environment)  # says now what the worker would stumble over
    host, port = address(environment, port)
    return {
        "wsgi_app": "render_server:app",
        "bind": f"{host}:{port}",
        "workers": 1,
        "worker_class": "app.whole_requests.Worker",
        "threads": THREADS,
        "worker_connections": CONNECTIONS,
        "timeout": 120,
        "graceful_timeout": GRACE_SECONDS,
        "keepalive": 10,
        "limit_request_line": 4094,
        "limit_request_fields": 64,
        "limit_request_field_size": 4096,
        "worker_tmp_dir": str(SHARED_MEMORY) if SHARED_MEMORY.is_dir() else None,
        "reload": wants_reload(environment),
        "loglevel": "warning",
        "control_socket_disable": True,
        "when_ready": _ready,
    }


def _ready(server: Any) -> None:
    for host, port in server.address:
        print(f"Serving on http://{host}:{port}/", flush=True)
