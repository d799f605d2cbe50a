"""Schemas of ``GET /healthz`` and ``GET /readyz``."""

from typing import Literal

from pydantic import Field

from app.schemas.schema import Strict


class Health(Strict):
    """State of the server and of its entropy model."""

    status: Literal["ok", "degraded"]
    model: str | None
    threshold: float | None = Field(description="Entropy threshold of the model in nats.")
    reason: str | None = Field(description="Why no entropy model is loaded.")


class Ready(Strict):
    """State of a server that can accept more texts."""

    status: Literal["ready"]
    waiting: int = Field(ge=0, description="Number of texts that wait for the entropy model.")
