"""HTML pages, a module each, with its ``blueprint``."""

from app.pages import api, artifact, gallery, generate, graph, home, inside, training

MODULES = (home, generate, inside, graph, training, gallery, artifact, api)
