"""The web server: ``python render_server.py``, or ``gunicorn render_server:app``.

Locally it listens on 127.0.0.1, port 5000; a platform that sets ``PORT`` gets that port on all
interfaces. The model is loaded by the worker alone, so the process that watches it stays small.
"""

import argparse
import importlib
import os
import sys
from pathlib import Path
from typing import Any

from app.serving import address, gunicorn_options
from app.settings import MODEL_VARIABLE, RUNS_VARIABLE, Settings, wants_reload


def build() -> Any:
    """The application, as the environment describes it."""
    from app import create_app  # late: the process that only watches workers needs none of it
    from app.logs import configure
    from app.models.own_models import with_own_model
    from app.worker import give_memory_back

    give_memory_back()
    settings = Settings.from_environment(os.environ)
    configure(settings.log)
    return create_app(with_own_model(settings))


def serve_by_gunicorn(port: int | None) -> None:
    """One worker of many threads; it imports this module anew for its ``app``."""
    from gunicorn.app.base import BaseApplication

    class Server(BaseApplication):  # type: ignore[misc]  # gunicorn carries no types
        def load_config(self) -> None:
            for name, value in gunicorn_options(os.environ, port).items():
                self.cfg.set(name, value)

        def load(self) -> Any:
            return importlib.import_module("render_server").app

    Server().run()


def serve_by_werkzeug(port: int | None) -> None:
    """Where gunicorn does not run (Windows)."""
    from werkzeug.serving import run_simple

    host, port = address(os.environ, port)
    run_simple(host, port, build(), threaded=True, use_reloader=wants_reload(os.environ))


def main(arguments: list[str] | None = None) -> int:
    """Serve the web app."""
    parser = argparse.ArgumentParser(prog="python render_server.py", description=main.__doc__)
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
        address(os.environ, chosen.port)
        Settings.from_environment(os.environ)
    except ValueError as error:
        parser.error(str(error))
    sys.argv = sys.argv[:1]  # gunicorn would read them
    if sys.platform == "win32":
        serve_by_werkzeug(chosen.port)
    else:
        serve_by_gunicorn(chosen.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
else:
    app = build()
