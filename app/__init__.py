"""The web app: entropies and patches of a visitor's text, and a gallery of stored figures.

The package imports only the torch-free modules of ``bytelatent``, and it imports them when an app
is created: the gunicorn process that supervises the workers does not need them.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.models.generator import TextMaker
    from app.models.live_model import LiveModel
    from app.settings import Settings


def create_app(
    settings: "Settings | None" = None,
    model: "LiveModel | None" = None,
    maker: "TextMaker | None" = None,
) -> "Flask":
    """Return a new Flask application.

    Args:
        settings: folders and limits; by default those of this checkout.
        model: the entropy model that measures texts; by default loaded from the folder in
            ``settings``.
        maker: the BLT that generates text; by default loaded from the folder in ``settings``.
    """
    from app.factory import make_app

    return make_app(settings, model, maker)
