"""The web server of a checkout: ``python render_server.py``, or ``gunicorn render_server:app``."""

import sys

from app.server.command import build, main

if __name__ == "__main__":
    sys.exit(main(prog="python render_server.py"))
else:
    app = build()
