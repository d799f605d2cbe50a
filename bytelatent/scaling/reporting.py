"""Report of a study: sections of sentences and tables, with all figures taken from its records.

The command ``report`` writes them to ``scaling_report.json``, which the web app shows, and between
two marks in ``docs/scaling.md``.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bytelatent.files import read_json, write_json, write_text
from bytelatent.formats.file_names import SCALING_REPORT_FILE
from bytelatent.scaling.answers import Section, answers, moves, number
from bytelatent.scaling.args import ScalingArgs
from bytelatent.scaling.collecting import (
    COLLECTED,
    FITS,
    collect_records,
    has_records,
    write_fits,
)
from bytelatent.scaling.comparison import PAPER_FILE, Paper, beside_the_paper
from bytelatent.scaling.study_results import Findings, bits, mean, ordered, read_findings

BEGIN = "<!-- python -m bytelatent.scaling report writes from here -->"
END = "<!-- to here -->"

HOUR = 3600


@dataclass(frozen=True)
class PlannedRuns:
    """Runs that a configuration plans.

    Attributes:
        families: names of the families.
        budgets: training FLOPs and number of seeds of every budget.
        ablations: names of the variants.
        robustness: names of the families whose robustness is measured.
        remarks: sentences on what the readers of the results must know.
    """

    families: Sequence[str]
    budgets: Sequence[tuple[float, int]]
    ablations: Sequence[str] = ()
    robustness: Sequence[str] = ()
    remarks: Sequence[str] = ()


@dataclass(frozen=True)
class Report:
    """Report of a study.

    Attributes:
        head: sentence on how much of the study is done.
        lacking: sentences on what has not been run.
        sections: results.
    """

    head: str
    lacking: list[str]
    sections: list[Section] = field(default_factory=list)


def planned_by(args: ScalingArgs) -> PlannedRuns:
    """Return the runs that the configuration of a study plans."""
    return PlannedRuns(
        list(args.families),
        [(budget.flops, len(budget.seeds)) for budget in args.budgets.values()],
        list(args.ablations.variants) if args.ablations else (),
        args.robustness.families if args.robustness else (),
        args.remarks,
    )


def report_of(args: ScalingArgs) -> Report:
    """Make the report from the collected records in the folder of a study.

    Raises:
        ValueError: a file is damaged.
    """
    paper = args.out.parent / PAPER_FILE
    numbers = read_json(paper) if paper.is_file() else {}
    return make_report(read_findings(args.out), planned_by(args), numbers)


def make_report(findings: Findings, planned: PlannedRuns, paper: Paper) -> Report:
    """Make the report from the findings so far."""
    run_count = len(planned.families) * sum(seeds for _, seeds in planned.budgets)
    if not findings.grid:
        head = "No run of the grid has been recorded yet, so there is nothing to report."
        return Report(head, _lacking(findings, planned))
    head = f"{len(findings.grid)} of the {run_count} planned runs of the grid are recorded."
    sections = [
        _runs(findings, planned.remarks),
        *answers(findings),
        moves(findings),
        beside_the_paper(findings, paper),
        _measures(findings),
        _models(findings),
        _rates(findings),
        _laws(findings),
        _ablations(findings),
        *_robustness(findings),
    ]
    return Report(
        head, _lacking(findings, planned), [section for section in sections if section is not None]
    )


def write_report(args: ScalingArgs) -> list[Path]:
    """Collect the records, fit power laws and write the report; return the paths.

    The document is ``docs/scaling.md`` beside the folder that contains the folder of records; it is
    updated only if it exists.

    Raises:
        ValueError: a record is damaged, or the document lacks its marks.
    """
    refresh(args)
    report, data = report_of(args), args.out.parent
    write_json(data / SCALING_REPORT_FILE, asdict(report))
    document = data.parent / "docs" / "scaling.md"
    if not document.is_file():
        return [data / SCALING_REPORT_FILE]
    text = document.read_text(encoding="utf-8")
    write_text(document, replaced(text, report, document))
    return [data / SCALING_REPORT_FILE, document]


def refresh(args: ScalingArgs) -> None:
    """Collect the records and fit power laws again; remove files that have no data any more."""
    if has_records(args.out):
        collect_records(args.out)
    else:
        (args.out / COLLECTED).unlink(missing_ok=True)
    try:
        write_fits(args.out, args.fit)
    except ValueError:  # too few budgets so far
        (args.out / FITS).unlink(missing_ok=True)


def replaced(text: str, report: Report, document: Path) -> str:
    """Return the text of a document with the report between its marks.

    Raises:
        ValueError: the document lacks its marks.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{document}: it must have the lines {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n\n{markdown(report)}\n{END}{after}"


def markdown(report: Report) -> str:
    """Format the report as Markdown."""
    parts = [" ".join([report.head, *report.lacking])]
    for section in report.sections:
        parts.append(f"### {section.title}")
        parts += section.text
        if section.rows:
            lines = [section.columns, ["---"] * len(section.columns), *section.rows]
            parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    return "\n\n".join(parts) + "\n"


def _lacking(findings: Findings, planned: PlannedRuns) -> list[str]:
    """Say what was planned and has not been run."""
    lacking = []
    missing = []
    for budget, seeds in planned.budgets:
        for family in planned.families:
            short = seeds - len(findings.runs(family, budget))
            if short > 0:
                runs = f" ({short} of {seeds} seeds)" if 0 < short < seeds else ""
                missing.append(f"{family} at {number(budget)} FLOPs{runs}")
    if missing and findings.grid:
        lacking.append(f"Not run yet: {'; '.join(missing)}.")
    done = {record["variant"] for record in findings.ablation}
    variants = [name for name in planned.ablations if name not in done]
    if variants:
        lacking.append(f"Ablations not run yet: {', '.join(variants)}.")
    measured = {record["family"] for record in findings.robustness}
    families = [name for name in planned.robustness if name not in measured]
    if families:
        lacking.append(f"Robustness not measured yet: {', '.join(families)}.")
    if not findings.fits and findings.grid:
        lacking.append("No law could be fitted: that takes two budgets.")
    return lacking


def _runs(findings: Findings, remarks: Sequence[str]) -> Section:
    """Describe how much was run, on which machines, and with which code."""
    runs = [*findings.grid, *findings.ablation, *findings.sweep]
    hours = sum(sum(run["seconds"].values()) for run in runs) / HOUR
    machines = sorted({_machine(run["machine"]) for run in runs})
    commits = sorted({str(run["commit"])[:10] for run in runs})
    budgets = findings.budgets
    span = f"{len(findings.families)} families at {len(budgets)} budget{'s' * (len(budgets) > 1)}"
    text = [
        f"{len(findings.grid)} runs of the grid: {span} from {number(budgets[0])} to "
        f"{number(budgets[-1])} training FLOPs, a factor of {budgets[-1] / budgets[0]:.3g}; "
        f"{len(findings.ablation)} ablations; {len(findings.sweep)} runs that chose learning "
        f"rates. Together {hours:.1f} hours of training and measuring, on {'; '.join(machines)}, "
        f"with the code of {', '.join(commits)}."
    ]
    sizes = {run["bits_per_byte"]["total"]["bytes"] for run in findings.grid}
    held = " or ".join(f"{int(size):,}" for size in sorted(sizes))
    text.append(f"Bits per byte are those of the same {held} held-out bytes for every family.")
    return Section("runs", "What was run", [*text, *remarks])


def _machine(about: dict[str, Any]) -> str:
    device = about.get("gpu") or about["cpu"]
    return f"{device}, {about['threads']} thread{'s' * (about['threads'] != 1)}"


def _measures(findings: Findings) -> Section:
    """Tabulate bits per byte by family and budget, with the range of the seeds."""
    rows = []
    for family in findings.families:
        cells = []
        for budget in findings.budgets:
            runs = findings.runs(family, budget)
            cells.append("–" if not runs else _with_range([bits(run) for run in runs]))
        rows.append([family, *cells])
    columns = ["family", *(f"{number(budget)} FLOPs" for budget in findings.budgets)]
    text = ["In brackets the lowest and the highest seed, where there are several."]
    return Section("measures", "Bits per byte", text, columns, rows)


def _with_range(values: list[float]) -> str:
    average = mean(values)
    if average.count == 1:
        return f"{average.value:.3f}"
    return f"{average.value:.3f} ({average.low:.3f} to {average.high:.3f})"


def _models(findings: Findings) -> Section:
    """Tabulate the size, training text and cost of the models in the grid."""
    rows = []
    for budget in findings.budgets:
        for family in findings.families:
            runs = findings.runs(family, budget)
            if not runs:
                continue
            run = runs[0]
            inner = run["parameters"]["total"] - run["parameters"]["embeddings"]
            rows.append(
                [
                    number(budget),
                    family,
                    f"{inner:,}",
                    f"{run['parameters']['embeddings']:,}",
                    f"{run['bytes'] / 1e6:.2f}",
                    f"{run['bytes_per_unit']:.2f}",
                    number(run["flops"]["forward_per_byte"]),
                    number(run["flops"]["forward_per_byte_with_entropy_model"]),
                ]
            )
    columns = [
        *("FLOPs", "family", "parameters", "and in tables", "training MB", "bytes per unit"),
        *("FLOPs per byte", "with entropy model"),
    ]
    text = ["A unit is a patch, a token or a byte. FLOPs per byte are those of a forward pass."]
    return Section("models", "Models", text, columns, rows)


def _rates(findings: Findings) -> Section | None:
    """Tabulate the learning rate of every family, and the rates that were tried."""
    rows = []
    for family in findings.families:
        rates = next(run for run in findings.grid if run["family"] == family)["learning_rates"]
        tried = rates.get("valid_bits_per_byte")
        if tried is None:
            continue
        words = ", ".join(
            f"{lr}: {'diverged' if bits_ is None else f'{bits_:.3f}'}"
            for lr, bits_ in tried.items()
        )
        rows.append([family, f"{rates['chosen']:g}", words])
    if not rows:
        return None
    text = [
        "Chosen per family on the smallest budget by the bits per byte of validation text, and "
        "scaled down for wider models. They are to be compared within a family: rows of tokens "
        "hold other pieces of that text."
    ]
    columns = ["family", "chosen", "tried: bits per byte"]
    return Section("rates", "Learning rates", text, columns, rows)


def _laws(findings: Findings) -> Section | None:
    """Tabulate the parameters of the laws with their intervals."""
    law, fits = findings.law("training"), findings.fitted("training")
    if law is None:
        return None
    shape = "a (C / unit)^-b + c" if law == "offset" else "a (C / unit)^-b"
    rows = []
    for family in ordered(fits):
        fit = fits[family]
        cells = []
        for name in ("a", "b", "c"):
            low, high = fit["intervals"][name]
            cells.append(f"{fit['law'][name]:.3f} ({low:.3f} to {high:.3f})")
        rows.append([family, str(fit["points"]), number(fit["law"]["unit"]), *cells])
    text = [
        f"Bits per byte = {shape} with C in training FLOPs, the entropy model not counted. In "
        f"brackets {findings.fits['band']:.0%} of {findings.fits['draws']:,} bootstrap draws. They "
        "hold for the budgets that were run and promise nothing beyond."
    ]
    return Section("laws", "Fitted laws", text, ["family", "runs", "unit", "a", "b", "c"], rows)


def _ablations(findings: Findings) -> Section | None:
    """Compare every variant with the unchanged family."""
    rows, texts = [], []
    for family, budget in sorted({(x["family"], x["flops"]["budget"]) for x in findings.ablation}):
        base = findings.runs(family, budget)
        if not base:
            continue
        here = mean([bits(run) for run in base])
        spread = f", whose seeds differ by {here.high - here.low:.3f}" if here.count > 1 else ""
        texts.append(
            f"At {number(budget)} training FLOPs, against {here.value:.3f} bits per byte of "
            f"{family} as it is{spread}. Each variant has one seed, so a difference not well above "
            "that of seeds says nothing."
        )
        for record in findings.ablation:
            if (record["family"], record["flops"]["budget"]) == (family, budget):
                more = bits(record) - here.value
                unit = f"{record['bytes_per_unit']:.2f}"
                rows.append([record["variant"], f"{bits(record):.3f}", f"{more:+.3f}", unit])
    columns = ["variant", "bits per byte", "more than as it is", "bytes per unit"]
    return Section("ablations", "Ablations", texts, columns, rows) if rows else None


def _robustness(findings: Findings) -> list[Section]:
    """Tabulate the results on noise, spelling and languages."""
    tables = {record["family"]: record for record in findings.robustness}
    families = ordered(tables)
    if not families:
        return []
    grid_cells = sorted(
        {f"{record['budget']}, seed {record['seed']}" for record in findings.robustness}
    )
    where = f"Models of {'; '.join(grid_cells)}."
    noise = _table(tables, "noise", lambda row: f"{row['bits_per_byte']:.3f}")
    right = _table(
        tables, "spelling", lambda row: f"{row['right']:.1%} ± {row['standard_error']:.1%}"
    )
    spoken = _table(
        tables, "languages", lambda row: f"{row['bits_per_byte']:.3f} ({row['bytes_per_unit']:.2f})"
    )
    columns = ["", *families]
    return [
        Section("noise", "Noise", [f"{where} Bits per byte of the noisy text."], columns, noise),
        Section(
            "spelling",
            "Spelling",
            [f"{where} Right answers of two that differ in spelling; chance is 50 %."],
            columns,
            right,
        ),
        Section(
            "languages",
            "Languages",
            [f"{where} Bits per byte, and in brackets bytes per patch, token or byte."],
            columns,
            spoken,
        ),
    ]


def _table(tables: dict[str, Any], about: str, words: Any) -> list[list[str]]:
    families = ordered(tables)
    names = list(dict.fromkeys(name for family in families for name in tables[family][about]))
    return [
        [name, *(_cell(tables[family][about].get(name), words) for family in families)]
        for name in names
    ]


def _cell(row: dict[str, Any] | None, words: Any) -> str:
    return "–" if row is None else str(words(row))
