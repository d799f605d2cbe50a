"""``GET /api/scaling``: what the scaling study found, and what its figures show."""

from flask import Blueprint, Response, current_app, request

from app.api.openapi_fragment import OpenApiFragment, json_of
from app.schemas.scaling import Scaling
from app.stored.study import Study

blueprint = Blueprint("api_scaling", __name__)

OPENAPI = OpenApiFragment(
    {
        "/api/scaling": {
            "get": {
                "operationId": "getScaling",
                "summary": "The scaling study: report, figures, and the paper's numbers",
                "responses": {
                    "200": json_of("What the page /scaling shows.", Scaling),
                    "304": {"description": "The copy named by If-None-Match is still good."},
                },
            }
        }
    },
    (Scaling,),
)


@blueprint.get("/api/scaling")
def get_scaling() -> Response:
    """The study."""
    study: Study = current_app.extensions["study"]
    return study.body().response(request)
