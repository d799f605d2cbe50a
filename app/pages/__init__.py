"""HTML pages, a module each, with its ``blueprint``."""

from app.pages import api, artifact, gallery, home

MODULES = (home, gallery, artifact, api)
