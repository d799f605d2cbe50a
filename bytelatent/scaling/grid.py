"""Runs of a study: their names, their order and their settings."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bytelatent.config import check_args
from bytelatent.files import json_text
from bytelatent.patching.rules import ENTROPY_MODES
from bytelatent.scaling.args import ScalingArgs, Settings
from bytelatent.scaling.study_folders import BpeVocabulary, StudyPaths
from bytelatent.training.args import TrainArgs


@dataclass(frozen=True)
class Point:
    """One run of a study.

    Attributes:
        name: name of its folder and its record.
        family, budget, seed: its cell of the grid.
        variant: name of the ablation; None for the unchanged family.
        lr: learning rate that a sweep tries, before the budget's scale; None uses the chosen one.
    """

    name: str
    family: str
    budget: str
    seed: int
    variant: str | None = None
    lr: float | None = None

    @property
    def kind(self) -> str:
        """Kind of the run: ``sweep``, ``ablation`` or ``grid``."""
        if self.lr is not None:
            return "sweep"
        return "grid" if self.variant is None else "ablation"


def sweep_point(args: ScalingArgs, family: str, lr: float) -> Point:
    """Return the run that tries a learning rate, at the smallest budget and its first seed."""
    budget, about = next(iter(args.budgets.items()))
    name = f"{args.name}-sweep-{family}-{lr:g}"
    return Point(name, family, budget, about.seeds[0], lr=lr)


def grid_point(args: ScalingArgs, family: str, budget: str, seed: int) -> Point:
    """Return the run of a cell of the grid."""
    return Point(f"{args.name}-{family}-{budget}-s{seed}", family, budget, seed)


def points(args: ScalingArgs) -> Iterator[Point]:
    """Yield all runs except those of the sweep, in the order in which they are trained.

    Small budgets and first seeds come first; ablations follow the grid runs of their budget.
    """
    for budget, about in args.budgets.items():
        for seed in about.seeds:
            for family in args.families:
                yield grid_point(args, family, budget, seed)
        ablations = args.ablations
        if ablations is not None and ablations.budget == budget:
            for variant in ablations.variants:
                yield Point(
                    f"{args.name}-ablation-{variant}-{budget}-s{ablations.seed}",
                    ablations.family,
                    budget,
                    ablations.seed,
                    variant=variant,
                )


def draft(args: ScalingArgs, point: Point, lr: float, words: BpeVocabulary | None) -> TrainArgs:
    """Return the settings of a run without its final number of steps.

    Args:
        args: settings of the study.
        point: the run.
        lr: learning rate before the budget's scale.
        words: vocabulary of a family of ``bpe`` tokens; None for other families.

    Raises:
        ValueError: the settings of the run are invalid.
    """
    family, budget = args.families[point.family], args.budgets[point.budget]
    variant: Settings = {}
    if point.variant is not None:
        assert args.ablations is not None
        variant = args.ablations.variants[point.variant]
    paths = StudyPaths(args)
    shared: Settings = {
        "name": point.name,
        "dump_dir": paths.run(point.name),
        "seed": point.seed,
        "steps": 1,
        "data": {
            "root_dir": paths.text,
            "sources": args.corpus.shares(),
            "seq_len": args.row_bytes,
            "batch_size": args.rows,
            "seed": args.corpus.seed + point.seed,
        },
        "optim": {"lr": lr * budget.lr_scale, "warmup": 0},
        "eval": {"every": 1},
    }
    layers = (args.train, shared, family.settings, budget.shapes[family.shape], variant)
    settings = merged(*layers)
    if words is not None:
        settings = merged(settings, _of_tokens(words, args))
    if "blt" not in settings:
        settings = merged(settings, _window(settings["data"]["seq_len"]))
    run = check_args(TrainArgs, settings)
    if needs_entropies(run):
        run = check_args(TrainArgs, merged(settings, {"data": {"root_dir": paths.entropies}}))
    return run


def scheduled(drafted: TrainArgs, steps: int, warmup: float) -> TrainArgs:
    """Return the settings of a run with its number of steps; ``warmup`` is a share of the steps."""
    changes = {"steps": steps, "optim": {"warmup": round(warmup * steps)}, "eval": {"every": steps}}
    return check_args(TrainArgs, merged(drafted.model_dump(), changes))


def without_paths(run: TrainArgs) -> dict[str, Any]:
    """Return the settings of a run as JSON, without paths that are valid on one machine only."""
    settings = run.model_dump(mode="json")
    del settings["dump_dir"], settings["data"]["root_dir"]
    (settings["data"]["tokenizer"]["init_kwargs"] or {}).pop("path", None)
    return settings


def fingerprint(drafted: TrainArgs) -> str:
    """Return a hash of the settings of a run, which identifies its record."""
    return hashlib.sha256(json_text(without_paths(drafted)).encode()).hexdigest()[:16]


def needs_entropies(run: TrainArgs) -> bool:
    """Return whether the patches of the run are cut by entropies."""
    return run.patcher is not None and run.patcher.mode() in ENTROPY_MODES


def merged(*layers: Settings) -> Settings:
    """Merge nested settings; later values replace earlier ones."""
    result: Settings = {}
    for settings in layers:
        for key, value in settings.items():
            both = isinstance(value, dict) and isinstance(result.get(key), dict)
            result[key] = merged(result[key], value) if both else value
    return result


def _of_tokens(words: BpeVocabulary, args: ScalingArgs) -> Settings:
    """Return the settings of a vocabulary, with rows of as many bytes as in other families.

    A row of a source is a row of tokens, and tokens are longer in some sources than in others. The
    share of a source in the rows is therefore its share of the text divided by the length of its
    tokens.
    """
    tokenizer = {"name": "bpe", "init_kwargs": {"path": str(words.path)}}
    rows = {source: x / words.lengths[source] for source, x in args.corpus.shares().items()}
    total = sum(rows.values())  # tokens of this vocabulary per byte token
    return {
        "data": {
            "tokenizer": tokenizer,
            "sources": {source: share / total for source, share in rows.items()},
            "seq_len": round(args.row_bytes * total),
        },
        "entropy_model": {"vocab_size": words.size},
    }


def _window(seq_len: int) -> Settings:
    """Return settings that limit the context to a row's length, in longer texts too."""
    return {"entropy_model": {"sliding_window": seq_len, "max_seqlen": seq_len}}
