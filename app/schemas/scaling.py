"""Schemas of ``GET /api/scaling``."""

from typing import Literal

from pydantic import Field

from app.schemas.schema import Strict


class ScalingSeries(Strict):
    """Series of numbers in a chart: a curve, or the bars of one colour."""

    name: str
    y: list[float | None] = Field(description="Y values of a curve, or lengths of bars.")
    x: list[float] = Field(description="X values of a curve; empty for bars.")
    low: list[float | None] | None = Field(description="Lower ends of a band or of error bars.")
    high: list[float | None] | None = Field(description="Upper ends of a band or of error bars.")
    colour: str
    style: Literal["measured", "fit", "band", "read", "plain"] = Field(
        description="Style: values of our runs, a law fitted to them, a band, values read from the "
        "paper, or none of these."
    )


class ScalingPanel(Strict):
    """Chart of a figure, with its numbers as a table."""

    title: str
    kind: Literal["lines", "areas", "bars", "histogram"]
    x_title: str
    y_title: str = Field(description="Title of the y axis, or of the lengths of bars.")
    series: list[ScalingSeries]
    source: str = Field(description="Source of the numbers.")
    layer: Literal["ours", "paper"]
    approximate: bool = Field(description="Whether the numbers were read from a published figure.")
    categories: list[str] = Field(description="Categories of a bar chart.")
    log_x: bool
    line: float | None = Field(description="Reference value that is drawn as a line.")
    most: float | None = Field(description="Upper end of the axis of a histogram, if it is fixed.")
    columns: list[str] = Field(description="Column titles of the numbers as a table.")
    rows: list[list[str]]


class ScalingFigure(Strict):
    """Figure of the scaling study, with the content of its data file."""

    name: str = Field(description="Name of the figure's files in the gallery, without a suffix.")
    title: str
    description: str
    notes: list[str]
    panels: list[ScalingPanel]


class ScalingSection(Strict):
    """Section of the report of the scaling study: paragraphs and a table."""

    id: str
    title: str
    text: list[str] = Field(description="Paragraphs of the section.")
    columns: list[str] = Field(description="Column titles of a table; empty without a table.")
    rows: list[list[str]]


class Scaling(Strict):
    """Scaling study: the report and the figures."""

    head: str = Field(description="Sentence about the extent of the study.")
    lacking: list[str] = Field(description="Parts of the study that have not been run.")
    sections: list[ScalingSection]
    figures: list[ScalingFigure]
