"""Headers of API responses: the version, and the origins whose pages may call the API (CORS)."""

from flask import Flask, Response, current_app, request

from app.api.openapi import VERSION

ROUTES = ("/api/", "/data/", "/openapi.json")
EXPOSED = "API-Version, ETag, Retry-After, X-Request-ID"


def register(app: Flask) -> None:
    """Add the version and the CORS headers to the API responses of ``app``."""
    app.after_request(_add)


def _add(response: Response) -> Response:
    if not request.path.startswith(ROUTES):
        return response
    response.headers["API-Version"] = VERSION
    allowed: tuple[str, ...] = current_app.extensions["settings"].cors_origins
    if not allowed:
        return response
    response.vary.add("Origin")
    origin = request.headers.get("Origin", "")
    if "*" in allowed or origin in allowed:
        response.headers["Access-Control-Allow-Origin"] = "*" if "*" in allowed else origin
        response.headers["Access-Control-Expose-Headers"] = EXPOSED
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = "GET, HEAD, POST"
            response.headers["Access-Control-Allow-Headers"] = "Content-Type"
            response.headers["Access-Control-Max-Age"] = "600"
    return response
