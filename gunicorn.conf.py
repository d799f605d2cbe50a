"""Settings of a plain start, ``gunicorn render_server:app``, behind a proxy that buffers.

One process holds the models, and its threads share them. A thread of gunicorn waits for its client:
only a proxy that buffers requests and answers keeps slow clients from taking all threads.
"""

import os
import signal
import sys

from app.requests.stopping import stopping
from app.server.process import GRACE_SECONDS, THREADS
from app.settings import Settings, address, wants_reload

try:
    Settings.from_environment(os.environ)  # says now what the worker would stumble over
    host, port = address(os.environ)
except ValueError as error:
    sys.exit(f"error: {error}")

wsgi_app = "render_server:app"
bind = f"{host}:{port}"
workers = 1
worker_class = "gthread"
threads = THREADS
timeout = 120
graceful_timeout = GRACE_SECONDS
keepalive = 10
limit_request_fields = 64
limit_request_field_size = 4096
reload = wants_reload(os.environ)
loglevel = "warning"
control_socket_disable = True


def when_ready(server):
    """Say where the server can be found."""
    print(f"Serving on http://{host}:{port}/", flush=True)


def post_worker_init(worker):
    """Let streams end when the worker is told to stop."""
    stop = signal.getsignal(signal.SIGTERM)

    def begin_to_stop(number, frame):
        stopping.set()
        stop(number, frame)

    signal.signal(signal.SIGTERM, begin_to_stop)
