"""``GET /api/runs`` and ``GET /api/runs/<name>``."""

from typing import Literal

from pydantic import Field

from app.schemas.schema import Strict


class Run(Strict):
    """A training run."""

    name: str = Field(description="Unique; `shipped/` or `local/` and the way to its folder.")
    title: str
    source: Literal["shipped", "local"]
    url: str
    modified: str = Field(description="When it was last written, ISO 8601, UTC.")
    version: str = Field(description="Another text whenever its file has changed.")
    size: int = Field(ge=0, description="Bytes of its file.")
    step: int | None = Field(description="The last one.")
    planned_steps: int | None = Field(description="How many it is to have, if known.")
    values: dict[str, float] = Field(
        description="The last bits_per_byte, valid_bits_per_byte, bytes and bytes_per_second."
    )


class RunList(Strict):
    """The training runs that there are."""

    items: list[Run]
    local: bool = Field(description="Whether the server was told of a folder of local runs.")


class Curve(Strict):
    """A measure along a run. A point stands for one measure, or for neighbouring ones."""

    points: int = Field(description="Measures in the window.")
    step: list[int]
    bytes: list[int] | None = Field(description="Bytes seen by then, if the run counts them.")
    mean: list[float | None] = Field(description="Null where there is no finite number.")
    low: list[float | None] | None = Field(description="Null where a point is one measure.")
    high: list[float | None] | None
    count: list[int] | None = Field(description="Finite numbers in each point.")


class ExpectedRow(Strict):
    """Held-out text of one group."""

    name: str
    bytes: int = Field(ge=0)
    bits_per_byte: float
    bytes_per_patch: float | None


class ExpectedRule(Strict):
    """A calibrated threshold."""

    name: str
    threshold: float = Field(description="Nats.")
    bytes_per_patch: float = Field(description="Of held-out text of the training mix.")


class Expected(Strict):
    """What whoever trains the same should find."""

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
    """A training run with its curves."""

    lines: int = Field(description="Records in its file.")
    skipped: int = Field(description="Lines that are no record, such as one that a kill cut off.")
    restarts: int = Field(description="Times that the run went on from an older step.")
    expected: Expected | None = Field(description="Figures of a shipped model.")
    series: dict[str, Curve] = Field(description="By measure, as the file names them.")
    sources: dict[str, Curve] = Field(description="Held-out bits per byte, by source of text.")
