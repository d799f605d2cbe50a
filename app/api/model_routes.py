"""``GET /api/model``: the models of this server."""

from http import HTTPStatus

from flask import Blueprint, Response, current_app, jsonify, request

from app.api.openapi_fragment import OpenApiFragment, json_of, problem
from app.models.live_model import LiveModel
from app.models.loaded_models import OpenApiFragment as DescribedModel
from app.models.loaded_models import State, describe
from app.requests.problems import ProblemError
from app.schemas.model import Models
from app.settings import Settings

blueprint = Blueprint("api_model", __name__)

OPENAPI = OpenApiFragment(
    {
        "/api/model": {
            "get": {
                "operationId": "getModels",
                "summary": "The models of this server",
                "responses": {
                    "200": json_of("What is loaded, its shape, files and licence.", Models),
                    "304": {"description": "The copy named by If-None-Match is still good."},
                },
            }
        },
        "/api/model/{kind}/card": {
            "get": {
                "operationId": "getModelCard",
                "summary": "The card of a model",
                "parameters": [
                    {
                        "name": "kind",
                        "in": "path",
                        "required": True,
                        "schema": {"enum": ["entropy", "blt"]},
                    }
                ],
                "responses": {
                    "200": {
                        "description": "Its README.md.",
                        "content": {"text/markdown": {"schema": {"type": "string"}}},
                    },
                    "404": problem("There is no such model, or it has no card."),
                },
            }
        },
    },
    (Models,),
)


@blueprint.get("/api/model")
def models() -> Response:
    """The models of this server."""
    described = {kind: model.description.model_dump() for kind, model in described_models().items()}
    response = jsonify(described)
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response


@blueprint.get("/api/model/<string:kind>/card")
def card(kind: str) -> Response:
    """The card of a model, as text."""
    found = described_models().get(kind)
    if found is None or found.card is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "There is nothing of this name here.")
    return Response(
        found.card,
        content_type="text/markdown; charset=utf-8",
        headers={"Cache-Control": "no-cache"},
    )


def described_models() -> dict[str, DescribedModel]:
    """Both models by kind; they are described once, since they were loaded once."""
    known: dict[str, DescribedModel] | None = current_app.extensions.get("described_models")
    if known is None:
        settings: Settings = current_app.extensions["settings"]
        model: LiveModel = current_app.extensions["model"]
        source = model.source
        threshold = source.threshold if source else None
        entropy = State(source is not None, model.reason, threshold)
        maker = current_app.extensions.get("text_maker")
        makes = State(bool(maker and maker.source), maker.reason if maker else None)
        known = {
            "entropy": describe(settings.model_folder, "entropy", entropy),
            "blt": describe(settings.blt_folder, "blt", makes),
        }
        current_app.extensions["described_models"] = known
    return known
