"""The measures of a training run as columns: arrays of steps and of values."""

import math
from array import array
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any

STEP = "step"
BY_SOURCE = "valid_by_source"
MOST_SERIES = 64
MOST_SOURCES = 512
"""Largest number of sources of text that are kept; further ones are ignored."""
LAST_STEP = 2**53


@dataclass
class Series:
    """One measure of a run.

    Attributes:
        steps: training steps of the values, in increasing order.
        values: values of the measure; a value may be infinite or NaN.
    """

    steps: "array[int]" = field(default_factory=lambda: array("q"))
    values: "array[float]" = field(default_factory=lambda: array("d"))

    def cut(self, step: int) -> None:
        """Delete all values from ``step`` on."""
        place = bisect_left(self.steps, step)
        del self.steps[place:]
        del self.values[place:]


@dataclass
class Columns:
    """All measures of a run.

    Attributes:
        series: measures by name.
        sources: held-out bits per byte by source of text.
        lines: number of records that were read.
        skipped: number of lines that are not a record.
        restarts: number of times that the step went back, as after a crash; the later values
            replace the earlier ones.
        last_step: step of the newest record; -1 if there is none.
    """

    series: dict[str, Series] = field(default_factory=dict)
    sources: dict[str, Series] = field(default_factory=dict)
    lines: int = 0
    skipped: int = 0
    restarts: int = 0
    last_step: int = -1

    def add(self, record: Any) -> None:
        """Add a record; skip a value that is not an object with a whole number ``step``."""
        step = _step(record)
        if step is None:
            self.skipped += 1
            return
        self.lines += 1
        self._append(step, record, self.series, MOST_SERIES)
        by_source = record.get(BY_SOURCE)
        if isinstance(by_source, dict):
            self._append(step, by_source, self.sources, MOST_SOURCES)
        self.last_step = step

    def _append(
        self, step: int, record: dict[str, Any], known: dict[str, Series], most: int
    ) -> None:
        fresh = step > self.last_step  # in the usual case no value is replaced
        for name, value in record.items():
            if type(value) not in (float, int) or name == STEP:  # bool is excluded
                continue
            series = known.get(name)
            if series is None:
                if len(known) >= most or not name.isprintable():
                    continue
                series = known[name] = Series()
            if not fresh and series.steps and series.steps[-1] >= step:
                self._go_back(step, series)
            series.steps.append(step)
            try:
                series.values.append(value)
            except OverflowError:  # a whole number above all floats
                series.values.append(math.inf)

    def _go_back(self, step: int, series: Series) -> None:
        """Delete the values that a repeated step replaces; after a restart, of all measures."""
        if series.steps[-1] == step:
            series.cut(step)
            return
        self.restarts += 1
        for every in (*self.series.values(), *self.sources.values()):
            every.cut(step)


def _step(record: Any) -> int | None:
    step = record.get(STEP) if isinstance(record, dict) else None
    if isinstance(step, float) and step.is_integer():
        step = int(step)
    if not isinstance(step, int) or isinstance(step, bool):
        return None
    return step if 0 <= step <= LAST_STEP else None
