"""What a scaling study is told."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

NAME = r"^[a-z0-9][a-z0-9.-]*$"
"""Names of studies, families, budgets and variants: parts of file names."""

Settings = dict[str, Any]
"""Some settings of a run, nested as in :class:`bytelatent.training.args.TrainArgs`."""


class CorpusArgs(BaseModel):
    """Text that all models of a study share.

    Attributes:
        root_dir: a corpus with ``train/``, ``valid/`` and ``test/``.
        sources: weight of every source; its share of the text.
        train_bytes: whole documents that are drawn for training; a little more than the longest
            run reads, so that none reads a document twice.
        valid_bytes: for choosing learning rates.
        test_bytes: for the bits per byte that are reported.
        seed: draws documents and their order.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    root_dir: Path
    sources: dict[str, float] = Field(min_length=1)
    train_bytes: int = Field(ge=1)
    valid_bytes: int = Field(ge=1)
    test_bytes: int = Field(ge=1)
    seed: int = Field(default=777, ge=0)

    def shares(self) -> dict[str, float]:
        """The sources of weight above 0, with shares that sum to 1."""
        total = sum(self.sources.values())
        return {name: weight / total for name, weight in self.sources.items() if weight > 0}


class FamilyArgs(BaseModel):
    """Models of one kind.

    Attributes:
        shape: the key of its shapes in every budget; families may share them.
        tokens: what the models read; ``bpe`` learns a vocabulary from the training text.
        settings: of its runs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    shape: str
    tokens: Literal["bytes", "bpe"] = "bytes"
    settings: Settings = {}


class BudgetArgs(BaseModel):
    """An amount of training.

    Attributes:
        flops: of training, forward and backward, without those of the entropy model.
        seeds: of weights and of the order of documents; one run each.
        lr_scale: times the learning rate that was chosen on the smallest budget.
        shapes: settings of the models by the families' ``shape``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    flops: float = Field(gt=0)
    seeds: tuple[int, ...] = (0,)
    lr_scale: float = Field(default=1.0, gt=0)
    shapes: dict[str, Settings]


class SweepArgs(BaseModel):
    """How every family's learning rate is chosen, on the smallest budget and its first seed.

    Attributes:
        lrs: that are tried; the one of the lowest held-out loss is taken.
        extend: so many more are tried, twice or half as high, while the best is the last one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    lrs: tuple[float, ...] = Field(min_length=1)
    extend: int = Field(default=2, ge=0)


class AblationArgs(BaseModel):
    """Variants of one family at one budget.

    Attributes:
        family, budget, seed: of which they are variants; that run itself is in the grid.
        variants: settings of each by its name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    family: str
    budget: str
    seed: int = 0
    variants: dict[str, Settings]


class RobustnessArgs(BaseModel):
    """Noise, languages and spelling, for trained models side by side.

    Attributes:
        families: whose models of ``budget`` and ``seed`` are measured.
        noise_bytes: of held-out text that noise is put on.
        language_bytes: of held-out text of every language.
        items: questions of each kind of spelling.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    families: tuple[str, ...]
    budget: str
    seed: int = 0
    noise_bytes: int = Field(default=60_000, ge=1)
    language_bytes: int = Field(default=6_000, ge=1)
    items: int = Field(default=200, ge=1)


class FitArgs(BaseModel):
    """How power laws are fitted.

    Attributes:
        draws: of the bootstrap.
        band: share of the draws that lies within the band.
        reference: family that the others are compared with.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    draws: int = Field(default=1000, ge=10)
    band: float = Field(default=0.9, gt=0, lt=1)
    reference: str = "blt-entropy"


class ScalingArgs(BaseModel):
    """A study: a grid of families, budgets and seeds, with what is measured on it.

    Attributes:
        name: begins the name of every run.
        folder: for text, entropies, vocabulary, and a folder for every run.
        out: for the records; several studies may share it.
        threads: torch's; null leaves them as they are.
        corpus: the text.
        row_bytes: context of every family in bytes, in training and in measuring. Rows of tokens
            have as many bytes in the mean.
        rows: of a step.
        vocab_size: of ``bpe`` families, special ids included.
        entropy_model: the byte model that cuts patches by entropy.
        entropy_dtype: numbers that it computes training entropies with.
        warmup: share of the steps in which the learning rate rises.
        train: settings that all runs share.
        families, budgets: the grid; budgets in ascending order.
        sweep: null takes ``train.optim.lr`` for all.
        ablations, robustness, fit: see there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=NAME)
    folder: Path
    out: Path
    threads: int | None = Field(default=1, ge=1)
    corpus: CorpusArgs
    row_bytes: int = Field(default=512, ge=8)
    rows: int = Field(default=8, ge=1)
    vocab_size: int = Field(default=4096, ge=260, le=65536)
    entropy_model: str = "blt-entropy-mini"
    entropy_dtype: Literal["fp32", "bf16"] = "bf16"
    warmup: float = Field(default=0.05, ge=0, lt=1)
    train: Settings = {}
    families: dict[str, FamilyArgs] = Field(min_length=1)
    budgets: dict[str, BudgetArgs] = Field(min_length=1)
    sweep: SweepArgs | None = None
    ablations: AblationArgs | None = None
    robustness: RobustnessArgs | None = None
    fit: FitArgs = FitArgs()

    @model_validator(mode="after")
    def _check(self) -> Self:
        flops = [budget.flops for budget in self.budgets.values()]
        if flops != sorted(flops):
            raise ValueError(f"budgets: their flops must ascend, got {flops}")
        for name, budget in self.budgets.items():
            for family, about in self.families.items():
                if about.shape not in budget.shapes:
                    raise ValueError(f"budgets.{name}.shapes: none for {family}: {about.shape!r}")
        if self.ablations is not None:
            self._check_place("ablations", self.ablations, [self.ablations.family])
        if self.robustness is not None:
            self._check_place("robustness", self.robustness, self.robustness.families)
        return self

    def _check_place(self, what: str, args: AblationArgs | RobustnessArgs, families: Any) -> None:
        if args.budget not in self.budgets:
            raise ValueError(f"{what}.budget: {args.budget!r} is none of {', '.join(self.budgets)}")
        for family in families:
            if family not in self.families:
                known = ", ".join(self.families)
                raise ValueError(f"{what}: the family {family!r} is none of {known}")
