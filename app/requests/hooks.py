"""The steps that run for every request, whichever route it asks for."""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from app.api import headers as api_headers
from app.models.live_model import LiveModel
from app.requests import access, deadline, limits, problems, security
from app.requests import request_metrics as metrics
from app.settings import Settings


def register(app: Flask, settings: Settings) -> None:
    """Register all steps with ``app``; its entropy model must be loaded."""
    watchers: list[access.Watcher] = []
    if settings.metrics:
        model: LiveModel = app.extensions["model"]
        counters = metrics.Metrics(lambda: model.queue.waiting)
        app.extensions["metrics"] = counters
        app.register_blueprint(metrics.blueprint)
        watchers.append(counters)
    access.register(app, log=settings.log, watchers=watchers)
    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=settings.trusted_proxies, x_proto=1
        )
    for module in (deadline, limits, problems, security, api_headers):
        module.register(app)
