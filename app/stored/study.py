"""The scaling study: the report and the figures in ``plot_data``.

The command ``python -m bytelatent.scaling report`` writes the report, and ``python -m
bytelatent.plotting.scaling_figures`` writes the figures. Missing and damaged files are left out.
"""

from pathlib import Path
from typing import Any

from app.requests.compressed import KeptBody
from app.schemas.scaling import Scaling, ScalingFigure
from app.stored.stored_file import StoredFile
from bytelatent.formats.file_names import SCALING_REPORT_FILE

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


class ReportFile(StoredFile[Scaling]):
    """Reader of the report of the scaling study."""

    def empty(self) -> Scaling:
        """Return the content of a missing file: an empty report."""
        return EMPTY

    def parse(self, value: Any) -> Scaling:
        """Return the report of the file, without figures."""
        return Scaling.model_validate({**value, "figures": []})


class FigureFile(StoredFile[ScalingFigure | None]):
    """Reader of a figure of the scaling study; the stem of the file is the figure's name."""

    def empty(self) -> None:
        """Return None, the content of a missing or damaged file."""

    def parse(self, value: Any) -> ScalingFigure:
        """Return the figure of the file."""
        return ScalingFigure.model_validate({"name": self._path.stem, **value})


class Study:
    """Reader of the scaling study; a changed file is read again.

    Args:
        folder: the folder ``plot_data``.
    """

    def __init__(self, folder: Path) -> None:
        self._report = ReportFile(folder / SCALING_REPORT_FILE)
        self._figures = [FigureFile(folder / f"{name}.json") for name in FIGURES]
        self._kept: tuple[list[int], Scaling, KeptBody] | None = None

    def read(self) -> Scaling:
        """Return the current study; the same object as before if no file has changed."""
        return self._now()[0]

    def body(self) -> KeptBody:
        """Return the current study as a JSON body."""
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
