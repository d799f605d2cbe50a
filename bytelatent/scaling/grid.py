"""The runs of a study: their names, their order and their settings."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bytelatent.config import check_args
from bytelatent.files import json_text
from bytelatent.patching.rules import ENTROPY_MODES
from bytelatent.scaling.args import ScalingArgs, Settings
from bytelatent.scaling.study_folders import Places, Vocabulary
from bytelatent.training.args import TrainArgs


@dataclass(frozen=True)
class Point:
    """A run.

    Attributes:
        name: of its folder and its record.
        family, budget, seed: its place in the grid.
        variant: name of the ablation, None for the family as it is.
        lr: that a sweep tries, before the budget's scale; None takes the chosen one.
    """

    name: str
    family: str
    budget: str
    seed: int
    variant: str | None = None
    lr: float | None = None

    @property
    def kind(self) -> str:
        """``sweep``, ``ablation`` or ``grid``."""
        if self.lr is not None:
            return "sweep"
        return "grid" if self.variant is None else "ablation"


def sweep_point(args: ScalingArgs, family: str, lr: float) -> Point:
    """The run that tries a learning rate: smallest budget, first seed."""
    budget, about = next(iter(args.budgets.items()))
    name = f"{args.name}-sweep-{family}-{lr:g}"
    return Point(name, family, budget, about.seeds[0], lr=lr)


def grid_point(args: ScalingArgs, family: str, budget: str, seed: int) -> Point:
    """The run of a place in the grid."""
    return Point(f"{args.name}-{family}-{budget}-s{seed}", family, budget, seed)


def points(args: ScalingArgs) -> Iterator[Point]:
    """All runs but those of the sweep: small budgets first, and first seeds; ablations after their
    budget.
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


def draft(args: ScalingArgs, point: Point, lr: float, words: Vocabulary | None) -> TrainArgs:
    """The settings of a run, its length still to come.

    Args:
        args: the study.
        point: the run.
        lr: learning rate before the budget's scale.
        words: of a family of ``bpe`` tokens.

    Raises:
        ValueError: settings that no run can have.
    """
    family, budget = args.families[point.family], args.budgets[point.budget]
    variant: Settings = {}
    if point.variant is not None:
        assert args.ablations is not None
        variant = args.ablations.variants[point.variant]
    places = Places(args)
    shared: Settings = {
        "name": point.name,
        "dump_dir": places.run(point.name),
        "seed": point.seed,
        "steps": 1,
        "data": {
            "root_dir": places.text,
            "sources": args.corpus.shares(),
            "seq_len": args.row_bytes,
            "batch_size": args.rows,
            "seed": args.corpus.seed + point.seed,
        },
        "optim": {"lr": lr * budget.lr_scale, "warmup": 0},
        "eval": {"every": 1},
    }
    given = (args.train, shared, family.settings, budget.shapes[family.shape], variant)
    settings = merged(*given)
    if words is not None:
        settings = merged(settings, _of_tokens(words, args))
    if "blt" not in settings:
        settings = merged(settings, _window(settings["data"]["seq_len"]))
    found = check_args(TrainArgs, settings)
    if needs_entropies(found):
        found = check_args(TrainArgs, merged(settings, {"data": {"root_dir": places.entropies}}))
    return found


def scheduled(drafted: TrainArgs, steps: int, warmup: float) -> TrainArgs:
    """The same run with its length in steps; ``warmup`` is a share of it."""
    changes = {"steps": steps, "optim": {"warmup": round(warmup * steps)}, "eval": {"every": steps}}
    return check_args(TrainArgs, merged(drafted.model_dump(), changes))


def without_paths(run: TrainArgs) -> dict[str, Any]:
    """The settings of a run as JSON, without what is true on one machine only."""
    found = run.model_dump(mode="json")
    del found["dump_dir"], found["data"]["root_dir"]
    (found["data"]["tokenizer"]["init_kwargs"] or {}).pop("path", None)
    return found


def fingerprint(drafted: TrainArgs) -> str:
    """What tells runs of other settings from this one."""
    return hashlib.sha256(json_text(without_paths(drafted)).encode()).hexdigest()[:16]


def needs_entropies(run: TrainArgs) -> bool:
    """Whether the run's patches are cut by entropies."""
    return run.patcher is not None and run.patcher.mode() in ENTROPY_MODES


def merged(*given: Settings) -> Settings:
    """Nested settings laid over one another; later ones count."""
    found: Settings = {}
    for settings in given:
        for key, value in settings.items():
            both = isinstance(value, dict) and isinstance(found.get(key), dict)
            found[key] = merged(found[key], value) if both else value
    return found


def _of_tokens(words: Vocabulary, args: ScalingArgs) -> Settings:
    """A vocabulary, and rows that hold as many bytes of every source as those of other families.

    A row of a source is a row of tokens, and these are longer in some sources than in others: a
    source's share of the rows is its share of the text over the length of its tokens.
    """
    tokenizer = {"name": "bpe", "init_kwargs": {"path": str(words.path)}}
    rows = {source: x / words.lengths[source] for source, x in args.corpus.shares().items()}
    total = sum(rows.values())  # tokens for one of a byte model, in the mix
    return {
        "data": {
            "tokenizer": tokenizer,
            "sources": {source: share / total for source, share in rows.items()},
            "seq_len": round(args.row_bytes * total),
        },
        "entropy_model": {"vocab_size": words.size},
    }


def _window(seq_len: int) -> Settings:
    """A row's length is also what a token sees at most: longer texts then bring nothing new."""
    return {"entropy_model": {"sliding_window": seq_len, "max_seqlen": seq_len}}
