"""HTML pages, a module each, with its ``blueprint``."""

from app.pages import api, artifact, gallery, generate, home, training

MODULES = (home, generate, training, gallery, artifact, api)
