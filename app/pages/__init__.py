"""HTML pages, a module each, with its ``blueprint``."""

from app.pages import api, artifact, gallery, generate, home, inside, training

MODULES = (home, generate, inside, training, gallery, artifact, api)
