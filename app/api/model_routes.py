"""The routes of ``/api/model``: the models of this server and their cards."""

from flask import Blueprint, Response, current_app, jsonify, request

from app.api.openapi_fragment import UP_TO_DATE, OpenApiFragment, json_of, problem
from app.models.live_model import LiveModel
from app.models.loaded_models import DescribedModel, ModelState, describe
from app.requests.prefix import at
from app.requests.problems import not_found
from app.schemas.model import Models
from app.settings import Settings

blueprint = Blueprint("api_model", __name__)

OPENAPI = OpenApiFragment(
    {
        "/api/model": {
            "get": {
                "operationId": "getModels",
                "summary": "List the models of this server",
                "responses": {
                    "200": json_of("Models with their shapes, files and licences.", Models),
                    "304": {"description": UP_TO_DATE},
                },
            }
        },
        "/api/model/{kind}/card": {
            "get": {
                "operationId": "getModelCard",
                "summary": "Get the card of a model",
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
                        "description": "Model card, the README.md of the model.",
                        "content": {"text/markdown": {"schema": {"type": "string"}}},
                    },
                    "404": problem("No model has this kind, or the model has no card."),
                },
            }
        },
    },
    (Models,),
)


@blueprint.get("/api/model")
def models() -> Response:
    """Answer with the models of this server."""
    described = {kind: model.description.model_dump() for kind, model in described_models().items()}
    for description in described.values():
        description["card"] = description["card"] and at(description["card"])
    response = jsonify(described)
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response


@blueprint.get("/api/model/<string:kind>/card")
def card(kind: str) -> Response:
    """Answer with the card of a model, as text."""
    model = described_models().get(kind)
    if model is None or model.card is None:
        raise not_found()
    return Response(
        model.card,
        content_type="text/markdown; charset=utf-8",
        headers={"Cache-Control": "no-cache"},
    )


def described_models() -> dict[str, DescribedModel]:
    """Return both models by kind; they are described once, because they are loaded once."""
    known: dict[str, DescribedModel] | None = current_app.extensions.get("described_models")
    if known is None:
        settings: Settings = current_app.extensions["settings"]
        model: LiveModel = current_app.extensions["model"]
        source = model.source
        threshold = source.threshold if source else None
        entropy = ModelState(source is not None, model.reason, threshold)
        maker = current_app.extensions.get("text_maker")
        makes = ModelState(bool(maker and maker.source), maker.reason if maker else None)
        known = {
            "entropy": describe(settings.model_folder, "entropy", entropy),
            "blt": describe(settings.blt_folder, "blt", makes),
        }
        current_app.extensions["described_models"] = known
    return known
