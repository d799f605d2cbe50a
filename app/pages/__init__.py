"""HTML pages: each module has the ``blueprint`` of one page; one module has the error pages."""

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

MODULES = (
    home_page,
    generate_page,
    inside_page,
    graph_page,
    training_page,
    scaling_page,
    gallery_page,
    artifact_page,
    api_page,
    error_pages,
)
