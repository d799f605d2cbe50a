"""The destination and the format of log lines."""

import json
import logging
from datetime import UTC, datetime

ACCESS = "app.requests.access"
"""Logger of the request log; its messages are complete lines of text or JSON."""

_OURS = ("app", "bytelatent")


class JsonLines(logging.Formatter):
    """Formatter that writes every log record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return ``record`` as a line of JSON."""
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
    """Send the log lines of this project to standard error.

    Args:
        style: ``text`` or ``json``; with ``off`` requests are not logged. With ``json`` the lines
            of the HTTP servers are JSON too.
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
