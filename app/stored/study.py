"""The scaling study as its commands wrote it into ``plot_data``: the report and the figures.

``python -m bytelatent.scaling report`` writes the one, ``python -m
bytelatent.plotting.scaling_figures`` the others. What is missing or damaged is left out.
"""

from functools import partial
from pathlib import Path
from typing import Any

from app.requests.compressed import KeptBody
from app.schemas.scaling import Scaling, ScalingFigure
from app.stored.stored_file import StoredFile

REPORT = "scaling_report.json"
FIGURES = (
    *("scaling_curves", "scaling_inference", "scaling_gaps", "scaling_ablations"),
    *("noise", "spelling", "languages_by_family", "entropy_model_size", "fixed_inference"),
    *("flops_by_part", "patch_histograms"),
)
EMPTY = Scaling(
    head="There is no report of a study yet; python -m bytelatent.scaling report writes one.",
    lacking=[],
    sections=[],
    figures=[],
)


class Study:
    """The study on disk, read again when a file of it changes.

    Args:
        folder: ``plot_data``.
    """

    def __init__(self, folder: Path) -> None:
        self._report = StoredFile(folder / REPORT, _report, EMPTY)
        self._figures = [
            StoredFile[ScalingFigure | None](folder / f"{name}.json", partial(_figure, name), None)
            for name in FIGURES
        ]
        self._kept: tuple[list[int], Scaling, KeptBody] | None = None

    def read(self) -> Scaling:
        """What there is now; the same object as before if nothing has changed."""
        return self._now()[0]

    def body(self) -> KeptBody:
        """The same as JSON."""
        return self._now()[1]

    def _now(self) -> tuple[Scaling, KeptBody]:
        report = self._report.read()
        figures = [figure for file in self._figures if (figure := file.read()) is not None]
        parts = [id(report), *map(id, figures)]
        kept = self._kept
        if kept is None or kept[0] != parts:
            scaling = report.model_copy(update={"figures": figures})
            kept = parts, scaling, KeptBody(scaling.model_dump_json().encode())
            self._kept = kept
        return kept[1], kept[2]


def _report(value: Any) -> Scaling:
    return Scaling.model_validate({**value, "figures": []})


def _figure(name: str, value: Any) -> ScalingFigure:
    return ScalingFigure.model_validate({"name": name, **value})
