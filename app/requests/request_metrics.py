"""``GET /metrics``: numbers for Prometheus, served if ``BLT_METRICS=on``.

The numbers belong to this process, which is the only one that answers requests; a restart resets
them.
"""

from collections.abc import Callable

from flask import Blueprint, Response, current_app

from app.requests.access import Visit

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

blueprint = Blueprint("metrics", __name__)


class Metrics:
    """Counters and gauges of the requests to one app, for Prometheus.

    Args:
        waiting: function that returns the number of requests that wait for the entropy model.

    Raises:
        ValueError: the package prometheus-client is not installed.
    """

    def __init__(self, waiting: Callable[[], float]) -> None:
        try:
            import prometheus_client as prometheus
        except ImportError:
            raise ValueError(
                "BLT_METRICS needs the package prometheus-client: pip install 'bytelatent[metrics]'"
            ) from None
        self._exposition = prometheus.exposition
        self._registry = prometheus.CollectorRegistry()
        prometheus.ProcessCollector(registry=self._registry)
        labels = ("method", "route", "status")
        own = self._registry
        self._requests = prometheus.Counter(
            "blt_requests", "Requests answered.", labels, registry=own
        )
        self._seconds = prometheus.Histogram(
            "blt_request_seconds", "Until the last byte.", ("route",), buckets=SECONDS, registry=own
        )
        self._bytes = prometheus.Counter(
            "blt_response_bytes", "Of bodies.", ("route",), registry=own
        )
        prometheus.Gauge(
            "blt_model_waiting", "Requests that wait for the entropy model.", registry=own
        ).set_function(waiting)

    def __call__(self, visit: Visit) -> None:
        """Count one finished visit."""
        self._requests.labels(visit.method, visit.route, str(visit.status)).inc()
        self._seconds.labels(visit.route).observe(visit.seconds)
        self._bytes.labels(visit.route).inc(visit.sent)

    def text(self) -> tuple[bytes, str]:
        """Return all numbers in the format of Prometheus, and the content type of that format."""
        latest = self._exposition.generate_latest(self._registry)
        return latest, self._exposition.CONTENT_TYPE_LATEST


@blueprint.get("/metrics")
def metrics() -> Response:
    """Answer with all metrics in the format of Prometheus."""
    counters: Metrics = current_app.extensions["metrics"]
    body, content_type = counters.text()
    return Response(body, content_type=content_type, headers={"Cache-Control": "no-store"})
