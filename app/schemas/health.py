"""``GET /healthz`` and ``GET /readyz``."""

from typing import Literal

from pydantic import Field

from app.schemas.schema import Strict


class Health(Strict):
    """Whether the server and its model are well."""

    status: Literal["ok", "degraded"]
    model: str | None
    threshold: float | None = Field(description="Nats, the model's own.")
    reason: str | None = Field(description="Why there is no model.")


class Ready(Strict):
    """The server can take more texts."""

    status: Literal["ready"]
    waiting: int = Field(ge=0, description="Texts that wait for the entropy model.")
