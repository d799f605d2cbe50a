"""HTML pages: a module each with its record ``PAGE`` and its ``blueprint``; one has error pages."""

from app.pages import (
    api_page,
    artifact_page,
    error_pages,
    gallery_page,
    generate_page,
    graph_page,
    home_page,
    inside_page,
    scaling_page,
    training_page,
)
from app.pages.page_record import PageRecord

_MODULES = (
    home_page,
    generate_page,
    inside_page,
    graph_page,
    training_page,
    scaling_page,
    gallery_page,
    artifact_page,
    api_page,
)

PAGES: tuple[PageRecord, ...] = tuple(module.PAGE for module in _MODULES)
"""All pages; those with a text for the navigation bar stand there in this order."""

BLUEPRINTS = tuple(module.blueprint for module in (*_MODULES, error_pages))
