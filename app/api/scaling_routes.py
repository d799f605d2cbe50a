"""The route ``GET /api/scaling``: the results of the scaling study and the data of its figures."""

from flask import Blueprint, Response, current_app, request

from app.api.openapi_fragment import UP_TO_DATE, OpenApiFragment, json_of
from app.schemas.scaling import Scaling
from app.stored.study import Study

blueprint = Blueprint("api_scaling", __name__)

OPENAPI = OpenApiFragment(
    {
        "/api/scaling": {
            "get": {
                "operationId": "getScaling",
                "summary": "Get the scaling study: report, figures, and the paper's numbers",
                "responses": {
                    "200": json_of("Content of the page /scaling.", Scaling),
                    "304": {"description": UP_TO_DATE},
                },
            }
        }
    },
    (Scaling,),
)


@blueprint.get("/api/scaling")
def get_scaling() -> Response:
    """Answer with the scaling study."""
    study: Study = current_app.extensions["study"]
    return study.body().response(request)
