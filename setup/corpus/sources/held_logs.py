"""Held-out logs in JSON, with fields, messages and values that no training generator uses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from ..document import Document, Exact
from .held import held

DOCUMENTS = 20
BYTES = 4500
SEVERITIES = ("SEVERITY_TRACE", "SEVERITY_INFO", "SEVERITY_WARN", "SEVERITY_ERROR")
SERVICES = ("checkout-gateway", "ledger-writer", "quota-broker", "geo-resolver", "mail-relay")
REGIONS = ("eu-north-1", "us-west-2", "ap-south-1", "sa-east-1")
BODIES = (
    "tenant {tenant} exceeded its quorum budget by {count} units",
    "lease {lease} renewed for shard {shard} after {millis} ms",
    "compaction of segment {shard} reclaimed {size} bytes",
    "snapshot {lease} shipped to replica {replica}",
    "replica {replica} fell {count} epochs behind its leader",
    "handshake with {replica} refused: certificate expired {count} hours ago",
    "backpressure released on shard {shard}, queue depth {count}",
    "upstream answered {status} in {millis} ms, attempt {count} of 5",
)


def record(rng: Random, moment: datetime, service: str, region: str) -> dict[str, Any]:
    """Return one log record in the format of OpenTelemetry."""
    values: dict[str, Any] = {
        "tenant": f"tn_{rng.getrandbits(32):08x}",
        "lease": f"{rng.getrandbits(48):012x}",
        "shard": rng.randint(0, 1023),
        "replica": f"{region}{rng.choice('abc')}/{rng.randint(0, 31)}",
        "count": rng.randint(1, 400),
        "millis": round(rng.lognormvariate(3, 1.2), 2),
        "size": rng.randrange(10**9),
        "status": rng.choice((200, 429, 502, 503, 504)),
    }
    severity = rng.choices(range(4), (2, 12, 3, 1))[0]
    names = rng.sample(sorted(values), rng.randint(1, 4))
    return {
        "timeUnixNano": str(int(moment.timestamp() * 1e6) * 1000),
        "severityNumber": 1 + 4 * severity,
        "severityText": SEVERITIES[severity],
        "body": {"stringValue": rng.choice(BODIES).format(**values)},
        "resource": {"service.name": service, "cloud.region": region},
        "attributes": {f"app.{name}": values[name] for name in names},
        "traceId": f"{rng.getrandbits(128):032x}",
        "spanId": f"{rng.getrandbits(64):016x}",
    }


@held(
    "held-json-logs",
    licence="public domain",
    note="Generated: records of services that do not exist.",
    lang="log",
    parameters={"documents": DOCUMENTS, "bytes": BYTES, "seed": "held-json-logs/NUMBER"},
)
def json_logs() -> Iterator[Document]:
    """Yield logs: the records of one service in one region, one per line, in the order of time."""
    for number in range(DOCUMENTS):
        own = f"held-json-logs/{number:02d}"
        rng = Random(own)
        service, region = rng.choice(SERVICES), rng.choice(REGIONS)
        moment = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=rng.uniform(0, 700))
        text = ""
        while len(text) < BYTES:
            moment += timedelta(seconds=rng.expovariate(2))
            text += json.dumps(record(rng, moment, service, region), separators=(",", ":")) + "\n"
        yield Document(own, [Exact(text)])
