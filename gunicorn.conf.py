"""What gunicorn reads by itself when it is started here: ``gunicorn render_server:app``."""

import os
import sys

from app.serving import gunicorn_options

try:
    globals().update(gunicorn_options(os.environ))
except ValueError as error:
    sys.exit(f"error: {error}")
