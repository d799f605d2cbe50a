"""``GET /api/scaling``."""

from typing import Literal

from pydantic import Field

from app.schemas.schema import Strict


class ScalingSeries(Strict):
    """Numbers of a chart that belong together."""

    name: str
    y: list[float | None] = Field(description="Heights of a curve, or lengths of bars.")
    x: list[float] = Field(description="Places of a curve; none for bars.")
    low: list[float | None] | None = Field(description="Lower end of a band or of an error.")
    high: list[float | None] | None = Field(description="Upper end.")
    colour: str
    style: Literal["measured", "fit", "band", "read", "plain"] = Field(
        description="Runs of ours, a law through them, a curve by itself, points of the paper, or "
        "none of these."
    )


class ScalingPanel(Strict):
    """One chart."""

    title: str
    kind: Literal["lines", "areas", "bars", "histogram"]
    x_title: str
    y_title: str = Field(description="What heights, or lengths of bars, are.")
    series: list[ScalingSeries]
    source: str = Field(description="Where the numbers come from.")
    layer: Literal["ours", "paper"]
    approximate: bool = Field(description="Whether they were read off a published figure.")
    categories: list[str] = Field(description="Of bars.")
    log_x: bool
    line: float | None = Field(description="A length or height to compare with.")
    most: float | None = Field(description="How high the axis of a histogram goes, if that is set.")
    columns: list[str] = Field(description="Of the numbers as a table.")
    rows: list[list[str]]


class ScalingFigure(Strict):
    """A figure, as its data file holds it."""

    name: str = Field(description="Of its files in the gallery, without their suffix.")
    title: str
    description: str
    notes: list[str]
    panels: list[ScalingPanel]


class ScalingSection(Strict):
    """A part of the report."""

    id: str
    title: str
    text: list[str] = Field(description="Paragraphs.")
    columns: list[str] = Field(description="Of a table; none where there is no table.")
    rows: list[list[str]]


class Scaling(Strict):
    """The scaling study: what it found, and what its figures show."""

    head: str = Field(description="How much of the study there is.")
    lacking: list[str] = Field(description="What has not been run.")
    sections: list[ScalingSection]
    figures: list[ScalingFigure]
