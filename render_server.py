"""The web server: ``gunicorn render_server:app``, or ``python render_server.py``.

Locally it listens on 127.0.0.1, port 5000; a platform that sets ``PORT`` gets that port on all
interfaces. The model is loaded by the worker alone, so the process that watches it stays small.
"""

import argparse
import importlib
import os
import sys
from pathlib import Path
from typing import Any

from app.settings import MODEL_VARIABLE, RUNS_VARIABLE, wants_reload

DEFAULT_PORT = 5000
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  # where a heartbeat costs no disk
THREADS = 12
"""One text runs, ten may wait, and somebody can still look at the gallery."""


def build() -> Any:
    """The application, as the environment describes it."""
    from app import create_app  # late: the process that only watches workers needs none of it
    from app.settings import Settings
    from app.worker import give_memory_back

    give_memory_back()
    return create_app(Settings.from_environment(os.environ))


def address(port: int | None) -> tuple[str, int]:
    """Where to listen; all interfaces only where the platform has set ``PORT``."""
    platform = os.environ.get("PORT")
    if platform:
        return "0.0.0.0", port or int(platform)  # noqa: S104
    return "127.0.0.1", port or DEFAULT_PORT


def serve_by_gunicorn(host: str, port: int) -> None:
    """One worker of many threads; it imports this module anew for its ``app``."""
    from gunicorn.app.base import BaseApplication

    class Server(BaseApplication):  # type: ignore[misc]  # gunicorn carries no types
        def load_config(self) -> None:
            options = {
                "bind": f"{host}:{port}",
                "workers": 1,
                "worker_class": "gthread",
                "threads": THREADS,
                "timeout": 120,
                "keepalive": 10,
                "worker_tmp_dir": str(SHARED_MEMORY) if SHARED_MEMORY.is_dir() else None,
                "reload": wants_reload(os.environ),
                "loglevel": "warning",
                "control_socket_disable": True,
                "when_ready": lambda _: print(f"Serving on http://{host}:{port}/", flush=True),
            }
            for name, value in options.items():
                if name in self.cfg.settings:  # older ones have no control socket
                    self.cfg.set(name, value)

        def load(self) -> Any:
            return importlib.import_module("render_server").app

    Server().run()


def serve_by_werkzeug(host: str, port: int) -> None:
    """Where gunicorn does not run (Windows)."""
    from werkzeug.serving import run_simple

    run_simple(host, port, build(), threaded=True, use_reloader=wants_reload(os.environ))


def main(arguments: list[str] | None = None) -> int:
    """Serve the live patcher and the gallery."""
    parser = argparse.ArgumentParser(prog="python render_server.py", description=main.__doc__)
    parser.add_argument("--model", metavar="FOLDER", help="exported entropy model")
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
        host, port = address(chosen.port)
    except ValueError:
        parser.error(f"PORT is {os.environ['PORT']!r}; a number is needed")
    sys.argv = sys.argv[:1]  # gunicorn would read them
    if sys.platform == "win32":
        serve_by_werkzeug(host, port)
    else:
        serve_by_gunicorn(host, port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
else:
    app = build()
