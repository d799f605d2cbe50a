"""HTML pages, a module each, with its ``blueprint``."""

from app.pages import api, artifact, gallery, home, training

MODULES = (home, training, gallery, artifact, api)
