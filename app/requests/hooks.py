"""The steps that run for every request, whichever route it asks for."""

from collections.abc import Callable

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from app.requests import access, compressed, deadline, limits, prefix, problems, security
from app.requests import request_metrics as metrics
from app.settings import Settings


def register(app: Flask, settings: Settings, waiting: Callable[[], int]) -> None:
    """Register all steps with ``app``.

    Args:
        app: the application.
        settings: its settings.
        waiting: returns the number of requests that wait for the entropy model, for ``/metrics``.
    """
    watchers: list[access.Watcher] = []
    if settings.metrics:
        counters = metrics.Metrics(waiting)
        app.extensions["metrics"] = counters
        app.register_blueprint(metrics.blueprint)
        watchers.append(counters)
    access.register(app, log=settings.log, watchers=watchers)
    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=settings.trusted_proxies, x_proto=1
        )
    prefix.register(app, settings.prefix)
    for module in (compressed, deadline, limits, problems, security):
        module.register(app)
