"""The web server: ``python render_server.py`` in a checkout, ``bytelatent serve`` anywhere.

Locally it listens on 127.0.0.1, port 5000; a platform that sets ``PORT`` gets that port on all
interfaces. The model is loaded by the worker alone, so the process that watches it stays small.
"""

import argparse
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.server.process import supervise
from app.settings import MODEL_VARIABLE, RUNS_VARIABLE, Settings, address, wants_reload

BACKLOG = 1024
"""Connections that wait while a worker is replaced."""


def build() -> Any:
    """Return the web app with the settings that the environment variables give."""
    from app import create_app  # late: the process that only watches workers needs none of it
    from app.logs import configure
    from app.models.own_models import with_own_model
    from app.server.worker import give_memory_back

    give_memory_back()
    settings = Settings.from_environment(os.environ)
    configure(settings.log)
    return create_app(with_own_model(settings))


def serve(host: str, port: int) -> int:
    """Serve the web app by a worker process, which is replaced if it is killed; return its status.

    Raises:
        ValueError: the port is taken.
    """
    try:
        listener = socket.create_server((host, port), backlog=BACKLOG)
    except OSError as error:
        raise ValueError(f"port {port}: {error.strerror}") from None

    def work() -> None:
        import asyncio  # late: the process that only watches needs none of it

        from app.requests.memory import give_back
        from app.server import http

        app = build()
        give_back()  # what loading has left free
        asyncio.run(http.serve(app, listener))

    with listener:
        _tell(host, port)
        return supervise(work)


def serve_by_werkzeug(host: str, port: int) -> None:
    """Serve the web app by Werkzeug, for reloading and for Windows, where no process can fork."""
    from werkzeug.serving import run_simple

    _tell(host, port)
    run_simple(host, port, build(), threaded=True, use_reloader=wants_reload(os.environ))


def _tell(host: str, port: int) -> None:
    print(f"Serving on http://{host}:{port}/", flush=True)


def main(arguments: Sequence[str] | None = None, *, prog: str = "bytelatent serve") -> int:
    """Serve the web app."""
    parser = argparse.ArgumentParser(prog=prog, description=main.__doc__)
    parser.add_argument("--model", metavar="FOLDER", help="exported entropy model or BLT")
    parser.add_argument("--runs", metavar="FOLDER", help="show the training runs below it")
    parser.add_argument("--port", type=int, help="default: PORT, or 5000")
    chosen = parser.parse_args(arguments)
    if chosen.model:
        os.environ[MODEL_VARIABLE] = chosen.model
    if chosen.runs:
        if not Path(chosen.runs).is_dir():
            parser.error(f"--runs: {chosen.runs} is no folder")
        os.environ[RUNS_VARIABLE] = chosen.runs
    try:
        host, port = address(os.environ, chosen.port)
        Settings.from_environment(os.environ)
        if sys.platform != "win32" and not wants_reload(os.environ):
            return serve(host, port)
        serve_by_werkzeug(host, port)
    except ValueError as error:
        parser.error(str(error))
    return 0
