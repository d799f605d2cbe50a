"""HTML pages, a module each, with its ``blueprint``."""

from app.pages import api, artifact, gallery, generate, graph, home, inside, scaling, training

MODULES = (home, generate, inside, graph, training, scaling, gallery, artifact, api)
