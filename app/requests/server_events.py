"""Server-sent events."""

import json
from typing import Any

EVENTS = "text/event-stream"
"""Media type of server-sent events."""

EVENT_HEADERS = {"Cache-Control": "no-store", "Vary": "Accept", "X-Accel-Buffering": "no"}
"""Headers of a stream of events; some proxies buffer responses without the last one."""


def sent(event: str, number: int, value: dict[str, Any]) -> bytes:
    """Return one server-sent event; its JSON data has no line feed, so it is one line."""
    data = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return f"id: {number}\nevent: {event}\ndata: {data}\n\n".encode()
