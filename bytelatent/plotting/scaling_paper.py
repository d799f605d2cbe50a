"""Panels of the paper's numbers, from ``plot_data/paper.json``, which names their sources."""

from typing import Any

from bytelatent.plotting.panels import CYCLE, Panel, Series, bars
from bytelatent.scaling.comparison import Paper

"""Tables of the paper by name."""

SCALING_COLOURS = {
    "BLT-Entropy, patches of 4": "blue",
    "BLT-Entropy, patches of 8": "sky",
    "BLT-Space, no cross-attention": "green",
    "SpaceByte": "teal",
    "MegaByte++, patches of 4": "purple",
    "MegaByte++, patches of 6": "rose",
    "Llama 3 (BPE)": "vermillion",
    "Llama 2 (BPE)": "ink",
}
"""Colours of the paper's models; those like one of our families have its colour."""
ABOVE = "bits per byte more than the model as it is"
MODEL_COLOURS = ("vermillion", "rose", "blue")
"""Colours of Llama 3, Llama 3.1 and BLT."""


def scaling(paper: Paper) -> list[Panel]:
    """Return a panel of the paper's bits per byte against training FLOPs."""
    table = paper.get("scaling")
    if table is None:
        return []
    series = [
        Series(name, table["series"][name], x=table["flops"], colour=colour, style="read")
        for name, colour in SCALING_COLOURS.items()
    ]
    return [_curves("The paper's models", table, series)]


def entropy_models(paper: Paper) -> list[Panel]:
    """Return a panel of bits per byte by size and window of the entropy model."""
    table = paper.get("entropy_models")
    if table is None:
        return []
    series = [
        Series(
            f"{row['parameters']}, window {row['window']}",
            row["bits_per_byte"],
            x=table["flops"],
            colour=CYCLE[place % len(CYCLE)],
            style="read",
        )
        for place, row in enumerate(table["rows"])
    ]
    return [_curves("Entropy models of many sizes", table, series)]


def _curves(title: str, table: dict[str, Any], series: list[Series]) -> Panel:
    return Panel(
        title,
        "lines",
        "training FLOPs",
        "bits per byte",
        series,
        log_x=True,
        **_from_paper(table),
    )


def fixed_inference(paper: Paper) -> list[Panel]:
    """Return panels of model sizes at equal inference FLOPs, and of the bytes to overtake BPE."""
    table = paper.get("fixed_inference")
    if table is None:
        return []
    rows = table["rows"]
    classes = [f"{row['flops_per_byte']:.2g} FLOPs per byte".replace("e+0", "e") for row in rows]
    names = {
        "Llama 2": "llama_2",
        "Llama 3": "llama_3",
        "BLT, patches of 6": "blt_6",
        "BLT, patches of 8": "blt_8",
    }
    sizes = {name: [_billions(row[key]) for row in rows] for name, key in names.items()}
    points = {
        "compute-optimal for BPE": [row["compute_optimal_bytes"] / 1e9 for row in rows],
        "BLT overtakes": [row["crossover_bytes"] / 1e9 for row in rows],
    }
    return [
        Panel(
            "Parameters at equal inference FLOPs",
            "bars",
            "",
            "parameters (billion)",
            bars(sizes, ("amber", "vermillion", "blue", "sky")),
            categories=classes,
            **_from_paper(table),
        ),
        Panel(
            "Training bytes",
            "bars",
            "",
            "training bytes (billion)",
            bars(points, ("muted", "blue")),
            categories=classes,
            **_from_paper(table),
        ),
    ]


def scores(paper: Paper, name: str, title: str) -> list[Panel]:
    """Return a panel of a table of percentages, with one series per model."""
    table = paper.get(name)
    if table is None:
        return []
    columns = {
        model: [row[place] for row in table["rows"].values()]
        for place, model in enumerate(table["models"])
    }
    unit = "HellaSwag accuracy (%)" if name == "noise" else "right answers (%)"
    rows = list(table["rows"])
    series = bars(columns, MODEL_COLOURS)
    return [Panel(title, "bars", "", unit, series, categories=rows, **_from_paper(table))]


def ablations(paper: Paper) -> list[Panel]:
    """Return panels of bits per byte above the released shape, one for every ablation table."""
    titles = {
        "cross_attention": "Cross-attention",
        "hash_n_grams": "Hash n-grams, rows of a table",
        "depth": "Layers of encoder and decoder",
    }
    panels = []
    for name, title in titles.items():
        table = paper.get(name)
        if table is None:
            continue
        base = table["rows"][table["base"]]
        lengths = [bits - base for bits in table["rows"].values()]
        panels.append(
            Panel(
                title,
                "bars",
                "",
                ABOVE,
                [Series("the paper's 1B models", lengths, colour="amber")],
                categories=[
                    f"{row} [{bits:.3f}]{' = 0' if row == table['base'] else ''}"
                    for row, bits in table["rows"].items()
                ],
                line=0.0,
                **_from_paper(table),
            )
        )
    return panels


def _billions(text: str) -> float:
    return float(text[:-1]) / (1000 if text.endswith("M") else 1)


def _from_paper(table: dict[str, Any]) -> dict[str, Any]:
    source = f"{table['source']} of {table['paper']}"
    return {"source": source, "layer": "paper", "approximate": table["approximate"]}
