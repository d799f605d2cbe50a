"""The report of a study: sections of sentences and tables, every figure of them from its records.

``report`` writes them into ``scaling_report.json``, which the web app shows, and between two marks
of ``docs/scaling.md``.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bytelatent.files import read_json, write_json, write_text
from bytelatent.scaling.answers import Section, answers, moves, number
from bytelatent.scaling.args import ScalingArgs
from bytelatent.scaling.collecting import (
    COLLECTED,
    FITS,
    collect_records,
    has_records,
    write_fits,
)
from bytelatent.scaling.comparison import Paper, beside_the_paper
from bytelatent.scaling.study_results import Findings, bits, mean, ordered, read_findings

REPORT, PAPER = "scaling_report.json", "paper.json"
"""Beside the folder of records."""
BEGIN = "<!-- python -m bytelatent.scaling report writes from here -->"
END = "<!-- to here -->"

HOUR = 3600


@dataclass(frozen=True)
class Planned:
    """What a configuration asks for.

    Attributes:
        families, budgets: names, and training FLOPs with the number of seeds.
        ablations: names of variants.
        robustness: families.
    """

    families: Sequence[str]
    budgets: Sequence[tuple[float, int]]
    ablations: Sequence[str] = ()
    robustness: Sequence[str] = ()


@dataclass(frozen=True)
class Report:
    """What is known, in order.

    Attributes:
        head: a sentence on how much of the study there is.
        lacking: sentences on what has not been run.
        sections: what came out.
    """

    head: str
    lacking: list[str]
    sections: list[Section] = field(default_factory=list)


def planned_by(args: ScalingArgs) -> Planned:
    """What the configuration of a study asks for."""
    return Planned(
        list(args.families),
        [(budget.flops, len(budget.seeds)) for budget in args.budgets.values()],
        list(args.ablations.variants) if args.ablations else (),
        args.robustness.families if args.robustness else (),
    )


def report_of(args: ScalingArgs) -> Report:
    """The report of what has been collected in the folder of a study.

    Raises:
        ValueError: a file is damaged.
    """
    paper = args.out.parent / PAPER
    numbers = read_json(paper) if paper.is_file() else {}
    return make_report(read_findings(args.out), planned_by(args), numbers)


def make_report(found: Findings, planned: Planned, paper: Paper) -> Report:
    """The report of what there is so far."""
    wanted = len(planned.families) * sum(seeds for _, seeds in planned.budgets)
    if not found.grid:
        head = "No run of the grid has been recorded yet, so there is nothing to report."
        return Report(head, _lacking(found, planned))
    head = f"{len(found.grid)} of the {wanted} planned runs of the grid are recorded."
    made = [
        _runs(found),
        *answers(found),
        moves(found),
        beside_the_paper(found, paper),
        _measures(found),
        _models(found),
        _rates(found),
        _laws(found),
        _ablations(found),
        *_robustness(found),
    ]
    return Report(head, _lacking(found, planned), [one for one in made if one is not None])


def write_report(args: ScalingArgs) -> list[Path]:
    """Collect and fit what there is, and write the report; the paths.

    The document is ``docs/scaling.md`` beside the folder that holds the folder of records; where
    there is none, none is made.

    Raises:
        ValueError: a record is damaged, or the document lacks its marks.
    """
    refresh(args)
    report, data = report_of(args), args.out.parent
    write_json(data / REPORT, asdict(report))
    document = data.parent / "docs" / "scaling.md"
    if not document.is_file():
        return [data / REPORT]
    text = document.read_text(encoding="utf-8")
    write_text(document, replaced(text, report, document))
    return [data / REPORT, document]


def refresh(args: ScalingArgs) -> None:
    """Collect and fit anew; what there is nothing left for goes away."""
    if has_records(args.out):
        collect_records(args.out)
    else:
        (args.out / COLLECTED).unlink(missing_ok=True)
    try:
        write_fits(args.out, args.fit)
    except ValueError:  # too few budgets so far
        (args.out / FITS).unlink(missing_ok=True)


def replaced(text: str, report: Report, document: Path) -> str:
    """The document with this report between its marks.

    Raises:
        ValueError: it lacks them.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{document}: it must have the lines {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n\n{markdown(report)}\n{END}{after}"


def markdown(report: Report) -> str:
    """The report as a part of a document."""
    parts = [" ".join([report.head, *report.lacking])]
    for one in report.sections:
        parts.append(f"### {one.title}")
        parts += one.text
        if one.rows:
            lines = [one.columns, ["---"] * len(one.columns), *one.rows]
            parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    return "\n\n".join(parts) + "\n"


def _lacking(found: Findings, planned: Planned) -> list[str]:
    """What was planned and is not there."""
    lacking = []
    missing = []
    for budget, seeds in planned.budgets:
        for family in planned.families:
            short = seeds - len(found.runs(family, budget))
            if short > 0:
                runs = f" ({short} of {seeds} seeds)" if 0 < short < seeds else ""
                missing.append(f"{family} at {number(budget)} FLOPs{runs}")
    if missing and found.grid:
        lacking.append(f"Not run yet: {'; '.join(missing)}.")
    done = {one["variant"] for one in found.ablation}
    variants = [name for name in planned.ablations if name not in done]
    if variants:
        lacking.append(f"Ablations not run yet: {', '.join(variants)}.")
    measured = {one["family"] for one in found.robustness}
    families = [name for name in planned.robustness if name not in measured]
    if families:
        lacking.append(f"Robustness not measured yet: {', '.join(families)}.")
    if not found.fits and found.grid:
        lacking.append("No law could be fitted: that takes two budgets.")
    return lacking


def _runs(found: Findings) -> Section:
    """How much was run, where, and from which code."""
    runs = [*found.grid, *found.ablation, *found.sweep]
    hours = sum(sum(one["seconds"].values()) for one in runs) / HOUR
    machines = sorted({_machine(one["machine"]) for one in runs})
    commits = sorted({str(one["commit"])[:10] for one in runs})
    budgets = found.budgets
    span = f"{len(found.families)} families at {len(budgets)} budget{'s' * (len(budgets) > 1)}"
    text = [
        f"{len(found.grid)} runs of the grid: {span} from {number(budgets[0])} to "
        f"{number(budgets[-1])} training FLOPs, a factor of {budgets[-1] / budgets[0]:.3g}; "
        f"{len(found.ablation)} ablations; {len(found.sweep)} runs that chose learning rates. "
        f"Together {hours:.1f} hours of training and measuring, on {'; '.join(machines)}, "
        f"with the code of {', '.join(commits)}."
    ]
    sizes = {one["bits_per_byte"]["total"]["bytes"] for one in found.grid}
    held = " or ".join(f"{int(size):,}" for size in sorted(sizes))
    text.append(f"Bits per byte are those of the same {held} held-out bytes for every family.")
    return Section("runs", "What was run", text)


def _machine(about: dict[str, Any]) -> str:
    device = about.get("gpu") or about["cpu"]
    return f"{device}, {about['threads']} thread{'s' * (about['threads'] != 1)}"


def _measures(found: Findings) -> Section:
    """Bits per byte by family and budget, with the range of seeds."""
    rows = []
    for family in found.families:
        cells = []
        for budget in found.budgets:
            runs = found.runs(family, budget)
            cells.append("–" if not runs else _with_range([bits(run) for run in runs]))
        rows.append([family, *cells])
    columns = ["family", *(f"{number(budget)} FLOPs" for budget in found.budgets)]
    text = ["In brackets the lowest and the highest seed, where there are several."]
    return Section("measures", "Bits per byte", text, columns, rows)


def _with_range(values: list[float]) -> str:
    found = mean(values)
    if found.count == 1:
        return f"{found.value:.3f}"
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def _models(found: Findings) -> Section:
    """What each place of the grid is: size, text, cost."""
    rows = []
    for budget in found.budgets:
        for family in found.families:
            runs = found.runs(family, budget)
            if not runs:
                continue
            one = runs[0]
            inner = one["parameters"]["total"] - one["parameters"]["embeddings"]
            rows.append(
                [
                    number(budget),
                    family,
                    f"{inner:,}",
                    f"{one['parameters']['embeddings']:,}",
                    f"{one['bytes'] / 1e6:.2f}",
                    f"{one['bytes_per_unit']:.2f}",
                    number(one["flops"]["forward_per_byte"]),
                    number(one["flops"]["forward_per_byte_with_entropy_model"]),
                ]
            )
    columns = [
        *("FLOPs", "family", "parameters", "and in tables", "training MB", "bytes per unit"),
        *("FLOPs per byte", "with entropy model"),
    ]
    text = ["A unit is a patch, a token or a byte. FLOPs per byte are those of a forward pass."]
    return Section("models", "Models", text, columns, rows)


def _rates(found: Findings) -> Section | None:
    """The learning rate of every family, and what was tried."""
    rows = []
    for family in found.families:
        one = next(run for run in found.grid if run["family"] == family)["learning_rates"]
        tried = one.get("valid_bits_per_byte")
        if tried is None:
            continue
        words = ", ".join(
            f"{lr}: {'diverged' if bits_ is None else f'{bits_:.3f}'}"
            for lr, bits_ in tried.items()
        )
        rows.append([family, f"{one['chosen']:g}", words])
    if not rows:
        return None
    text = [
        "Chosen per family on the smallest budget by the bits per byte of validation text, and "
        "scaled down for wider models. They are to be compared within a family: rows of tokens "
        "hold other pieces of that text."
    ]
    columns = ["family", "chosen", "tried: bits per byte"]
    return Section("rates", "Learning rates", text, columns, rows)


def _laws(found: Findings) -> Section | None:
    """Parameters of the laws with their bands."""
    law, fits = found.law("training"), found.fitted("training")
    if law is None:
        return None
    shape = "a (C / unit)^-b + c" if law == "offset" else "a (C / unit)^-b"
    rows = []
    for family in ordered(fits):
        one = fits[family]
        cells = []
        for name in ("a", "b", "c"):
            low, high = one["intervals"][name]
            cells.append(f"{one['law'][name]:.3f} ({low:.3f} to {high:.3f})")
        rows.append([family, str(one["points"]), number(one["law"]["unit"]), *cells])
    text = [
        f"Bits per byte = {shape} with C in training FLOPs, the entropy model not counted. In "
        f"brackets {found.fits['band']:.0%} of {found.fits['draws']:,} bootstrap draws. They hold "
        "for the budgets that were run and promise nothing beyond."
    ]
    return Section("laws", "Fitted laws", text, ["family", "runs", "unit", "a", "b", "c"], rows)


def _ablations(found: Findings) -> Section | None:
    """Every variant beside the family as it is."""
    rows, texts = [], []
    for family, budget in sorted({(x["family"], x["flops"]["budget"]) for x in found.ablation}):
        base = found.runs(family, budget)
        if not base:
            continue
        here = mean([bits(run) for run in base])
        spread = f", whose seeds differ by {here.high - here.low:.3f}" if here.count > 1 else ""
        texts.append(
            f"At {number(budget)} training FLOPs, against {here.value:.3f} bits per byte of "
            f"{family} as it is{spread}. Each variant has one seed, so a difference not well above "
            "that of seeds says nothing."
        )
        for one in found.ablation:
            if (one["family"], one["flops"]["budget"]) == (family, budget):
                more = bits(one) - here.value
                unit = f"{one['bytes_per_unit']:.2f}"
                rows.append([one["variant"], f"{bits(one):.3f}", f"{more:+.3f}", unit])
    columns = ["variant", "bits per byte", "more than as it is", "bytes per unit"]
    return Section("ablations", "Ablations", texts, columns, rows) if rows else None


def _robustness(found: Findings) -> list[Section]:
    """Noise, spelling and languages."""
    tables = {one["family"]: one for one in found.robustness}
    families = ordered(tables)
    if not families:
        return []
    places = sorted({f"{one['budget']}, seed {one['seed']}" for one in found.robustness})
    where = f"Models of {'; '.join(places)}."
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
    names = list(dict.fromkeys(name for one in families for name in tables[one][about]))
    return [
        [name, *(_cell(tables[one][about].get(name), words) for one in families)] for name in names
    ]


def _cell(row: dict[str, Any] | None, words: Any) -> str:
    return "–" if row is None else str(words(row))
