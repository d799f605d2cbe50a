"""Figures of the scaling study: ``python -m bytelatent.plotting.scaling_figures``.

All figures are drawn from ``plot_data/`` alone: ``scaling/`` holds the results of our runs, as
``python -m bytelatent.scaling report`` collects them, ``patch_lengths.json`` holds patches by
language, and ``paper.json`` the paper's numbers, each with its table or figure. Missing data are
left out, and a note reports this.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from bytelatent.architecture import published
from bytelatent.files import read_json
from bytelatent.formats.find import BLT_MINI, ENTROPY_MINI
from bytelatent.formats.released import LM_KIND, find_checkpoint
from bytelatent.formats.released_blt import BLT_KIND
from bytelatent.plotting import patch_lengths, scaling_ours, scaling_paper
from bytelatent.plotting.artifacts import Card
from bytelatent.plotting.command_line import Parser, PlotCommand, PlotJob
from bytelatent.plotting.panel_images import panel_image
from bytelatent.plotting.panel_pages import panel_page
from bytelatent.plotting.panels import Drawing, Layer, Panel
from bytelatent.scaling.comparison import PAPER_FILE, Paper
from bytelatent.scaling.study_results import Findings, read_findings

RECORDS = "scaling"

READ_OFF = "Dashed curves with open circles are the paper's, read off its figures: approximate."
BANDS = (
    "Dots are held-out bits per byte, the mean of the seeds with their range; curves are fitted "
    "laws, bands hold {band:.0%} of {draws:,} bootstrap draws."
)
GAP_BANDS = "Differences of the fitted laws; bands hold {band:.0%} of those of {draws:,} draws."


@dataclass(frozen=True)
class Sources:
    """Data from which the figures are drawn.

    Attributes:
        findings: results of our runs.
        paper: the paper's numbers.
        lengths: patches by language; None if they were not counted.
    """

    findings: Findings
    paper: Paper
    lengths: dict[str, Any] | None


@dataclass(frozen=True)
class PlannedFigure:
    """A figure that is drawn if its data exist.

    Attributes:
        card: gallery card with the names of the figure.
        panels: function that returns the panels; fewer, or none, where there are no data.
        lacking: sentence for the case that no panel is of ``layer``.
        notes: function that returns the sentences below the figure.
        layer: layer that the figure should have.
    """

    card: Card
    panels: Callable[[Sources], list[Panel]]
    lacking: str | None = None
    notes: Callable[[Sources], list[str]] = lambda _: []
    layer: Layer = "ours"


def render(job: PlotJob) -> None:
    """Write pages, images and data of every figure of the scaling study that has data."""
    data: Path = job.writer.data
    lengths = data / f"{patch_lengths.CARD.stem}.json"
    sources = Sources(
        read_findings(data / RECORDS),
        _read(data / PAPER_FILE) or {},
        _read(lengths),
    )
    for planned in FIGURES:
        panels = planned.panels(sources)
        there = any(panel.layer == planned.layer for panel in panels)
        missing = [] if there or planned.lacking is None else [planned.lacking]
        for sentence in missing:
            shown = "only the paper's numbers are here" if panels else "the figure is left out"
            print(f"{planned.card.stem}: {sentence}; {shown}", file=sys.stderr)
        if panels:
            notes = [
                *planned.notes(sources),
                *(f"{words[0].upper()}{words[1:]}." for words in missing),
            ]
            _write(job, Drawing(planned.card, panels, notes))
        else:
            _remove(job, planned.card)


def _read(path: Path) -> dict[str, Any] | None:
    return read_json(path) if path.is_file() else None


def _write(job: PlotJob, drawing: Drawing) -> None:
    job.writer.write_data(drawing.card, drawing.data())
    job.writer.write_page(drawing.card, panel_page(drawing).render())
    job.writer.write_figure(drawing.card, partial(panel_image, drawing))


def _remove(job: PlotJob, card: Card) -> None:
    """Remove the files of a figure whose data no longer exist."""
    for folder in (job.writer.out, job.writer.out / "thumbnails", job.writer.data):
        for path in folder.glob(f"{card.stem}.*"):
            path.unlink()


def _curves(sources: Sources) -> list[Panel]:
    ours = scaling_ours.curves(sources.findings, ("training", "training_with_entropy_model"))
    return [*ours, *scaling_paper.scaling(sources.paper)]


def _curve_notes(sources: Sources) -> list[str]:
    fits = sources.findings.fits
    return [BANDS.format(**fits)] if fits else []


def _gap_notes(sources: Sources) -> list[str]:
    return [GAP_BANDS.format(**sources.findings.fits)] if sources.findings.fits else []


def _inference(sources: Sources) -> list[Panel]:
    measures = ("forward_per_byte", "forward_per_byte_with_entropy_model")
    return scaling_ours.curves(sources.findings, measures)


def _flops(_: Sources) -> list[Panel]:
    paper = {"BLT 1B": published.BLT_1B, "BLT 8B": published.BLT_8B}
    panels = [
        scaling_ours.flops_by_part(
            "blt-mini with blt-entropy-mini, ours",
            find_checkpoint(BLT_MINI, BLT_KIND).args,
            find_checkpoint(ENTROPY_MINI, LM_KIND).args,
        )
    ]
    for name, args in paper.items():
        title = f"{name} in the paper's shape, by {scaling_ours.FORMULAS}"
        panels.append(scaling_ours.flops_by_part(title, args, published.ENTROPY_MODEL))
    return panels


def _lengths(sources: Sources) -> list[Panel]:
    return [] if sources.lengths is None else scaling_ours.patch_lengths(sources.lengths)


def _length_notes(sources: Sources) -> list[str]:
    assert sources.lengths is not None
    others = [
        language["name"] for language in sources.lengths["languages"] if not language["in_mix"]
    ]
    notes = [
        f"Text: {sources.lengths['source']}. The model had it among its training texts, so that "
        "its patches are longer than those of new text.",
        f"The last bar of each is {patch_lengths.LONGEST} bytes and more.",
    ]
    if others:
        names = ", ".join(others)
        notes.append(f"Left out, for the model knows them from this text alone: {names}.")
    return notes


def _robust(about: Literal["noise", "spelling", "languages"], sources: Sources) -> list[Panel]:
    ours = scaling_ours.robustness(sources.findings, about)
    if about == "noise":
        return ours + scaling_paper.scores(sources.paper, "noise", "HellaSwag with noise")
    if about == "spelling":
        return ours + scaling_paper.scores(sources.paper, "cute", "CUTE")
    return ours


FIGURES = (
    PlannedFigure(
        Card(
            "scaling_curves",
            "Scaling: bits per byte by training FLOPs",
            "Held-out bits per byte of patches by entropy, by spaces and of fixed size, of plain "
            "bytes and of BPE tokens, trained with equal FLOPs on equal text; the paper's below.",
        ),
        _curves,
        "no runs of ours have been collected",
        lambda sources: [*_curve_notes(sources), *([READ_OFF] if sources.paper else [])],
    ),
    PlannedFigure(
        Card(
            "scaling_inference",
            "Scaling: bits per byte by inference FLOPs",
            "The same runs by what a byte costs when the model is used, without and with the "
            "entropy model.",
        ),
        _inference,
        "no runs of ours have been collected",
        _curve_notes,
    ),
    PlannedFigure(
        Card(
            "scaling_gaps",
            "Scaling: gaps to patches by entropy",
            "By how many bits per byte each family is behind patches by entropy at equal FLOPs; "
            "below zero it is ahead.",
        ),
        lambda sources: scaling_ours.gaps(sources.findings),
        "no two families have runs enough to compare",
        lambda sources: _gap_notes(sources),
    ),
    PlannedFigure(
        Card(
            "scaling_ablations",
            "Ablations: patches, n-grams, cross-attention, depth",
            "Bits per byte more than the model as it is, ours at one budget beside the paper's "
            "tables 7, 8, 9 and 12.",
        ),
        lambda sources: [
            *scaling_ours.ablations(sources.findings),
            *scaling_paper.ablations(sources.paper),
        ],
        "no ablations of ours have been collected",
        lambda sources: (
            ["Bars of ours reach as far to either side as the seeds of the family differ."]
            if sources.findings.ablation
            else []
        ),
    ),
    PlannedFigure(
        Card(
            "entropy_model_size",
            "Size and window of the entropy model",
            "Bits per byte of the paper's BLTs by the model that cuts their patches.",
        ),
        lambda sources: scaling_paper.entropy_models(sources.paper),
        "there are no numbers of the paper",
        lambda _: [READ_OFF],
        layer="paper",
    ),
    PlannedFigure(
        Card(
            "patch_histograms",
            "Patch lengths by language",
            "Share of the patches by their length, of the same text in every language, cut by "
            "the shipped entropy model.",
        ),
        _lengths,
        "python -m bytelatent.plotting.patch_lengths has not counted patches",
        _length_notes,
    ),
    PlannedFigure(
        Card(
            "languages_by_family",
            "Languages by family",
            "Bits per byte of held-out text of every language, and bytes per patch or token.",
        ),
        partial(_robust, "languages"),
        "robustness of our models has not been measured",
    ),
    PlannedFigure(
        Card(
            "flops_by_part",
            "FLOPs per byte by part and patch size",
            "What a byte costs in each part of a BLT, by the paper's formulas with a context of "
            "8,192 bytes; the entropy model, which the paper does not count, on top.",
        ),
        _flops,
    ),
    PlannedFigure(
        Card(
            "fixed_inference",
            "Equal inference cost: larger patches, larger models",
            "The paper's models of two classes of inference FLOPs, and the training after which "
            "BLT overtakes BPE.",
        ),
        lambda sources: scaling_paper.fixed_inference(sources.paper),
        "there are no numbers of the paper",
        layer="paper",
    ),
    PlannedFigure(
        Card(
            "noise",
            "Robustness to noise",
            "Bits per byte of our models on noisy held-out text, and the paper's 8B models on "
            "noisy HellaSwag.",
        ),
        partial(_robust, "noise"),
        "robustness of our models has not been measured",
    ),
    PlannedFigure(
        Card(
            "spelling",
            "Spelling: CUTE, and synthetic items",
            "Right answers of our models to questions that chance answers by half, and of the "
            "paper's 8B models to those of CUTE.",
        ),
        partial(_robust, "spelling"),
        "robustness of our models has not been measured",
    ),
)


def _add_options(parser: Parser) -> None:
    """Add no options besides the common ones."""


COMMAND = PlotCommand(
    "scaling_figures", "Figures of the scaling study, ours and the paper's.", render, _add_options
)
main = COMMAND.main

if __name__ == "__main__":
    raise SystemExit(main())
