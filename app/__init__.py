"""The web app: what a visitor types is measured and cut into patches, beside a gallery.

Of ``bytelatent`` it imports the torch-free modules only, and those when an app is made: the
process that watches the workers needs none of them.
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
    """The application.

    Args:
        settings: folders and limits; the defaults are those of the checkout.
        model: the model to ask; loaded from the settings' folder when left out.
        maker: the BLT that makes text, likewise.
    """
    from app.factory import make_app

    return make_app(settings, model, maker)
