"""The function that assembles the Flask application from its parts."""

from flask import Flask
from flask_compress import Compress

from app import api, pages
from app.api import headers
from app.models.architectures import Architectures
from app.models.generator import TextMaker
from app.models.graphs import GraphMaker
from app.models.inspector import Inspector
from app.models.live_model import LiveModel
from app.models.threshold_curve import Calibration
from app.requests import hooks
from app.runs.training_runs import Runs
from app.settings import SITE, Settings
from app.stored import assets
from app.stored.catalogue import Catalogue
from app.stored.example_file import ExampleFile
from app.stored.language_file import FILE as LANGUAGES
from app.stored.language_file import LanguageFile
from app.stored.study import Study
from app.stored.trace_file import TraceFile
from bytelatent.graph.graph_page import ASSETS as GRAPH_ASSETS


def make_app(
    settings: Settings | None = None,
    model: LiveModel | None = None,
    maker: TextMaker | None = None,
) -> Flask:
    """Return the application; :func:`app.create_app` describes the arguments."""
    settings = settings or Settings()
    app = Flask(__name__, template_folder=str(SITE / "templates"), static_folder=None)
    app.url_map.merge_slashes = False  # a path with "//" is not redirected
    app.config.update(
        MAX_CONTENT_LENGTH=settings.body_limit,
        TEMPLATES_AUTO_RELOAD=settings.reload,
        COMPRESS_ALGORITHM=["br", "gzip"],
        COMPRESS_ALGORITHM_STREAMING=["br", "gzip"],
        COMPRESS_BR_LEVEL=1,  # responses that are not cached: 1 ms instead of 10, a fifth longer
        COMPRESS_LEVEL=1,
        COMPRESS_MIMETYPES=[
            *("text/html", "text/plain", "text/csv", "image/svg+xml"),
            *("application/json", "application/problem+json", "application/x-ndjson"),
        ],
    )
    app.debug = False  # Flask reads FLASK_DEBUG; it must never turn the debugger on
    app.json.sort_keys = False  # type: ignore[attr-defined]  # attribute of the default provider
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.extensions["settings"] = settings
    app.extensions["model"] = model or LiveModel.load(settings)
    app.extensions["text_maker"] = maker or TextMaker.load(settings)
    app.extensions["inspector"] = Inspector(app.extensions["text_maker"], settings)
    app.extensions["inspected"] = ExampleFile(settings.inspected_file)
    app.extensions["architectures"] = Architectures(settings)
    app.extensions["graph_maker"] = GraphMaker(app.extensions["model"], settings)
    app.extensions["calibration"] = Calibration.load(settings.model_folder)
    app.extensions["catalogue"] = Catalogue(
        [settings.demo_output, settings.plot_data], max_age=settings.catalogue_max_age
    )
    app.extensions["runs"] = Runs(
        settings.shipped_models, settings.runs, max_age=4 * settings.catalogue_max_age
    )
    app.extensions["examples"] = ExampleFile(settings.examples_file)
    app.extensions["traces"] = TraceFile(settings.traces_file)
    app.extensions["languages"] = LanguageFile(settings.plot_data / LANGUAGES)
    app.extensions["study"] = Study(settings.plot_data)
    app.extensions["assets"] = assets.Assets(
        {"": SITE / "static", "graph/": GRAPH_ASSETS}, reload=settings.reload
    )
    app.extensions["pages"] = pages.PAGES
    queue = app.extensions["model"].queue
    hooks.register(app, settings, lambda: queue.waiting)
    headers.register(app)
    Compress(app)
    of_api = [module.blueprint for module in (*api.MODULES, api, assets)]
    for blueprint in (*pages.BLUEPRINTS, *of_api):
        app.register_blueprint(blueprint)
    return app
