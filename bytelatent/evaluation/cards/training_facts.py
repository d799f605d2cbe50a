"""Training section of a model card: steps, rounds, the curve and the commands."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bytelatent.config import CONFIGS, load_args
from bytelatent.evaluation.cards.facts import Release, all_bytes, shown
from bytelatent.metrics import find_rounds
from bytelatent.training.args import TrainArgs

BARS = "▁▂▃▄▅▆▇█"
PARTS, MOMENTS = 40, 8
"""Number of bars in the curve, and of held-out measurements in its table."""


def training(release: Release) -> str:
    """Format the section of a model card on training: length, settings and initial weights."""
    args, facts = release.args, release.training
    data, start = args.data, facts["start"]
    speed = np.median([m["bytes_per_second"] for m in release.metrics if "bytes" in m]) / 1e3
    text = f"{facts['steps']:,} steps of {data.batch_size} rows of at most {data.seq_len} bytes,"
    text += f" {facts['bytes'] / 1e6:.1f} MB in all, in {args.dtype} on `{args.device}` (median "
    text += f"{speed:.1f} kB/s). {_rounds_text(release)}"
    if args.init_from is None:
        return f"{text}The weights were drawn with seed {args.seed}."
    whose = (
        "an earlier model of this name" if args.init_from == args.name else f"`{args.init_from}`"
    )
    text += f"The run did not begin with fresh weights but with those of {whose}"
    if start is None or start["bytes"] is None:
        return f"{text}; how much text that had seen is not known."
    text += f", which {start['steps']:,} steps and {start['bytes'] / 1e6:.1f} MB had made"
    text += " from fresh ones" if start["start"] is None else " from those of yet another"
    return f"{text}: {all_bytes(facts) / 1e6:.1f} MB in all."


def _rounds_text(release: Release) -> str:
    """Write a sentence on the rounds; empty for a single round."""
    rounds = find_rounds(release.metrics)
    if len(rounds) < 2:
        return ""
    text = f"The steps were made in {len(rounds)} rounds, each with a fall of the learning rate of "
    text += f"its own: to {rounds[0].last_lr:.2e} at step {rounds[0].last:,}"
    for round_ in rounds[1:]:
        text += f"; begun again with {round_.first_lr:.2e} at step {round_.first:,}, to "
        text += f"{round_.last_lr:.2e} at step {round_.last:,}"
    return f"{text}. One run to the last step gives other weights. "


def commands(release: Release) -> list[str]:
    """Return the commands that train and release the model again."""
    args, rounds = release.args, find_rounds(release.metrics)
    longest = release.evaluation["patcher"]["max_patch_length"] if args.blt is None else None
    train = f"python -m bytelatent.train config={_config(args)}"
    steps = [f" steps={round_.last}" for round_ in rounds] if len(rounds) > 1 else [""]
    options = "" if release.dtype == "fp32" else f" --dtype {release.dtype}"
    if release.beside is not None:
        options += f" --beside {shown(release.beside.path)}"
    if longest is not None:
        options += f" --max-patch-length {longest}"
    run, out = shown(args.dump_dir), shown(release.out)
    return [
        *(["python setup/build_corpus.py"] if release.entries else []),
        *(train + more for more in steps),
        f"python -m bytelatent.release {run} {out}{options}",
    ]


def curve(release: Release) -> str:
    """Draw bits per byte over the run as bars, with a table of held-out measurements."""
    lines = {
        line["step"]: line for line in release.metrics if {"bytes", "bits_per_byte"} <= line.keys()
    }
    ordered = [lines[step] for step in sorted(lines)]
    parts = np.array_split(np.array([line["bits_per_byte"] for line in ordered]), PARTS)
    means = np.array([part.mean() for part in parts if len(part)])
    if not len(means) or not np.isfinite(means).all():
        return ""
    low, high = means.min(), means.max()
    heights = np.round((means - low) / max(high - low, 1e-9) * (len(BARS) - 1)).astype(int)
    text = "Bits per byte of the training text, from the first byte to the last:\n\n"
    text += f"    {means[0]:.2f} {''.join(BARS[height] for height in heights)} {means[-1]:.2f}"
    return text + _held_out(release, ordered)


def _held_out(release: Release, ordered: Sequence[Mapping[str, Any]]) -> str:
    """Format the measurements of the validation split as a table; empty if there are none."""
    valid_bits = {
        line["step"]: line["valid_bits_per_byte"]
        for line in release.metrics
        if "valid_bits_per_byte" in line
    }
    steps = sorted(valid_bits)
    if not steps:
        return ""
    shown_steps = [steps[place] for place in _spread(len(steps), MOMENTS)]
    sizes = np.interp(
        shown_steps,
        [0, *(line["step"] for line in ordered)],
        [0, *(line["bytes"] for line in ordered)],
    )
    rows = [
        ["MB of text", *(f"{size / 1e6:.1f}" for size in sizes)],
        ["---", *("---" for _ in shown_steps)],
        ["validation split, bits per byte", *(f"{valid_bits[step]:.3f}" for step in shown_steps)],
    ]
    return "\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _spread(count: int, most: int) -> list[int]:
    """Return at most ``most`` evenly spread indices below ``count``, including the last one."""
    return sorted({round(place) for place in np.linspace(count - 1, 0, min(count, most))})


def _config(args: TrainArgs) -> str:
    """Return the path of the shipped configuration that starts like the run, or of its own copy."""
    for path in sorted(CONFIGS.glob("*.yaml")):
        if re.search(rf"^name: {re.escape(args.name)}$", path.read_text("utf-8"), re.MULTILINE):
            shipped = load_args(TrainArgs, [f"config={path}"])
            if shipped.init_from == args.init_from:
                return f"bytelatent/configs/{path.name}"
    return f"{shown(args.dump_dir)}/config.yaml"
