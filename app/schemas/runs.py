"""Schemas of ``GET /api/runs`` and ``GET /api/runs/<name>``."""

from typing import Literal

from pydantic import Field

from app.schemas.schema import Strict


class Run(Strict):
    """Training run, with its progress and its last measures."""

    name: str = Field(
        description="Unique name: `shipped/` or `local/` followed by the relative path of the "
        "folder."
    )
    title: str
    source: Literal["shipped", "local"]
    url: str
    modified: str = Field(description="Time of the last write in ISO 8601, UTC.")
    version: str = Field(description="Text that changes whenever a file of the run changes.")
    size: int = Field(ge=0, description="Size of the file in bytes.")
    step: int | None = Field(description="Last step.")
    planned_steps: int | None = Field(description="Planned number of steps, if it is known.")
    values: dict[str, float] = Field(
        description="Last values of bits_per_byte, valid_bits_per_byte, bytes and bytes_per_second."
    )
    problem: str | None = Field(
        description="What is wrong with files of the run; null if nothing is."
    )
    not_finite: list[str] = Field(
        description="Those of these measures whose last value is NaN or infinite, as of a run that "
        "diverged; `values` lacks them."
    )


class RunList(Strict):
    """Training runs of this server."""

    items: list[Run]
    local: bool = Field(description="Whether the server has a folder of local runs.")


class Curve(Strict):
    """Measure of a run over its steps; each point stands for one value or for neighbouring
    values.
    """

    points: int = Field(description="Number of values in the window.")
    step: list[int]
    bytes: list[int] | None = Field(description="Bytes seen at each point, if the run counts them.")
    mean: list[float | None] = Field(
        description="Mean of the values at each point; null if none of them is finite."
    )
    low: list[float | None] | None = Field(
        description="Minimum of the values at each point; null for a curve whose points are single "
        "values."
    )
    high: list[float | None] | None
    count: list[int] | None = Field(description="Number of finite values at each point.")


class ExpectedRow(Strict):
    """Results of a model on the held-out text of one language, kind or source."""

    name: str
    bytes: int = Field(ge=0)
    bits_per_byte: float
    bytes_per_patch: float | None


class ExpectedRule(Strict):
    """Calibrated threshold of a patching rule."""

    name: str
    threshold: float = Field(description="Threshold in nats.")
    bytes_per_patch: float = Field(
        description="Mean patch length on held-out text of the training mix."
    )


class Expected(Strict):
    """Results that a repetition of the training should reach."""

    model: str
    kind: str
    parameters: int
    split: str
    total: ExpectedRow
    languages: list[ExpectedRow]
    kinds: list[ExpectedRow]
    sources: list[ExpectedRow]
    rules: list[ExpectedRule]


class RunCurves(Run):
    """Training run with its curves."""

    lines: int = Field(description="Number of records in the file.")
    skipped: int = Field(
        description="Number of lines that are not a record, such as an incomplete line after a "
        "crash."
    )
    restarts: int = Field(description="Number of times that the run continued from an older step.")
    expected: Expected | None = Field(description="Results of the model, for a shipped model.")
    series: dict[str, Curve] = Field(description="Curves by the name of the measure in the file.")
    sources: dict[str, Curve] = Field(
        description="Curves of held-out bits per byte by source of text."
    )
