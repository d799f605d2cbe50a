"""HTML pages, a module each, with its ``blueprint``."""

from app.pages import api, home

MODULES = (home, api)
