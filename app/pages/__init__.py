"""HTML pages, a module each, with its ``blueprint``; and one for their errors."""

from app.pages import (
    api,
    artifact,
    errors,
    gallery,
    generate,
    graph,
    home,
    inside,
    scaling,
    training,
)

MODULES = (home, generate, inside, graph, training, scaling, gallery, artifact, api, errors)
