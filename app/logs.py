"""Where log lines go, and how they look."""

import json
import logging
from datetime import UTC, datetime

ACCESS = "app.requests.access"
"""Its lines are complete: text or JSON already."""

_OURS = ("app", "bytelatent")


class JsonLines(logging.Formatter):
    """Every record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        if record.name == ACCESS:
            return record.getMessage()
        fields = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)


def configure(style: str) -> None:
    """Send our log lines to the standard error, as ``text`` or ``json``; with ``off`` no requests.

    The lines of the HTTP servers follow in JSON too.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if style == "json" else logging.Formatter("%(message)s"))
    names = (*_OURS, "aiohttp.server", "gunicorn.error") if style == "json" else _OURS
    for name in names:
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
    for name in _OURS:
        logging.getLogger(name).setLevel(logging.INFO if style != "off" else logging.WARNING)
