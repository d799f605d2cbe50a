"""Base classes of all schemas."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import CoreSchema, core_schema

Nats = Annotated[float, Field(ge=0, allow_inf_nan=False)]


EXAMPLE_TEXT = "Daenerys Targaryen is in Game of Thrones"
"""Text of the example requests of several routes."""


@dataclass(frozen=True)
class OneOf:
    """Annotation of a string that is one of several names, like ``Literal`` for a list in a value.

    Attributes:
        names: accepted names.
    """

    names: tuple[str, ...]

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        """Return the schema of ``Literal`` for the names, with its errors and its JSON schema."""
        return core_schema.literal_schema(list(self.names))


class Strict(BaseModel):
    """Base of schemas that reject unknown keys and values of another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Request(Strict):
    """Base of the schemas of request bodies."""


class FieldProblem(Strict):
    """Error in one field of a request."""

    field: str
    message: str


class ProblemDocument(BaseModel):
    """Error document (RFC 9457)."""

    model_config = ConfigDict(extra="forbid")

    type: str
    title: str
    status: int
    detail: str
    instance: str
    field: str | None = None
    errors: list[FieldProblem] | None = None


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON schema of ``model``; nested models are references to OpenAPI components."""
    mode: Literal["validation", "serialization"] = (
        "validation" if issubclass(model, Request) else "serialization"
    )
    return model.model_json_schema(ref_template="#/components/schemas/{model}", mode=mode)
