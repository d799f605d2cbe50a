"""Settings of a scaling study."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

NAME = r"^[a-z0-9][a-z0-9.-]*$"
"""Pattern for names of studies, families, budgets and variants, used in file names."""

Settings = dict[str, Any]
"""Some settings of a run, nested as in :class:`bytelatent.training.args.TrainArgs`."""


class ScalingCorpusArgs(BaseModel):
    """Settings of the text that all models of a study share.

    Attributes:
        root_dir: folder of a corpus with ``train/``, ``valid/`` and ``test/``.
        sources: weight of every source; its share of the text.
        train_bytes: size of the training text, which consists of whole documents; a little more
            than the longest run reads, so that no run reads a document twice.
        valid_bytes: size of the text that chooses learning rates.
        test_bytes: size of the text on which bits per byte are reported.
        seed: seed of the choice of documents and of their order.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    root_dir: Path
    sources: dict[str, float] = Field(min_length=1)
    train_bytes: int = Field(ge=1)
    valid_bytes: int = Field(ge=1)
    test_bytes: int = Field(ge=1)
    seed: int = Field(default=777, ge=0)

    def shares(self) -> dict[str, float]:
        """Return the sources whose weight is above 0, with shares that sum to 1."""
        total = sum(self.sources.values())
        return {name: weight / total for name, weight in self.sources.items() if weight > 0}


class FamilyArgs(BaseModel):
    """Settings of a family: models of one kind.

    Attributes:
        shape: key of the family's shapes in every budget; several families may share it.
        tokens: tokens that the models read; ``bpe`` learns a vocabulary from the training text.
        settings: settings of the family's runs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    shape: str
    tokens: Literal["bytes", "bpe"] = "bytes"
    settings: Settings = {}


class BudgetArgs(BaseModel):
    """Settings of a budget: an amount of training.

    Attributes:
        flops: training FLOPs, forward and backward, without those of the entropy model.
        seeds: seeds of the weights and of the order of documents; there is one run per seed.
        lr_scale: factor on the learning rate that the sweep chose on the smallest budget.
        shapes: settings of the models by the families' ``shape``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    flops: float = Field(gt=0)
    seeds: tuple[int, ...] = (0,)
    lr_scale: float = Field(default=1.0, gt=0)
    shapes: dict[str, Settings]


class SweepArgs(BaseModel):
    """Settings of the search for learning rates, on the smallest budget and its first seed.

    Attributes:
        lrs: learning rates to try; the one with the lowest held-out loss is chosen.
        extend: number of further learning rates, twice or half as high, that are tried while the
            best one is the highest or the lowest.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    lrs: tuple[float, ...] = Field(min_length=1)
    extend: int = Field(default=2, ge=0)


class AblationArgs(BaseModel):
    """Settings of the variants of one family at one budget.

    Attributes:
        family, budget, seed: run of the grid of which the ablations are variants.
        variants: settings of each variant by its name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    family: str
    budget: str
    seed: int = 0
    variants: dict[str, Settings]


class RobustnessArgs(BaseModel):
    """Settings of the comparison of trained models on noise, languages and spelling.

    Attributes:
        families: families to measure.
        budget, seed: budget and seed of the models that are measured.
        noise_bytes: size in bytes of the held-out text to which noise is added.
        language_bytes: size in bytes of the held-out text of every language.
        items: number of questions of each spelling task.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    families: tuple[str, ...]
    budget: str
    seed: int = 0
    noise_bytes: int = Field(default=60_000, ge=1)
    language_bytes: int = Field(default=6_000, ge=1)
    items: int = Field(default=200, ge=1)


class FitArgs(BaseModel):
    """Settings of the fits of power laws.

    Attributes:
        draws: number of draws of the bootstrap.
        band: share of the draws that lie within the band.
        reference: family with which the other families are compared.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    draws: int = Field(default=1000, ge=10)
    band: float = Field(default=0.9, gt=0, lt=1)
    reference: str = "blt-entropy"


class ScalingArgs(BaseModel):
    """Settings of a study: a grid of families, budgets and seeds, and its measurements.

    Attributes:
        name: prefix of the name of every run.
        folder: folder for the text, the entropies, the vocabulary and one folder per run.
        out: folder for the records; several studies may share it.
        threads: number of torch's threads; null keeps the current number.
        corpus: text of the study.
        row_bytes: context of every family in bytes, for training and for measuring. Rows of tokens
            contain this number of bytes on average.
        rows: number of rows in a step.
        vocab_size: size of the vocabulary of ``bpe`` families, special ids included.
        entropy_model: byte model that cuts patches by entropy.
        entropy_dtype: number format in which it computes the entropies of the training text.
        warmup: share of the steps in which the learning rate rises.
        train: settings that all runs share.
        families, budgets: the grid; budgets are in ascending order.
        sweep: search for learning rates; null uses ``train.optim.lr`` for all runs.
        ablations: variants of one family; null for none.
        robustness: comparison on noise, languages and spelling; null for none.
        fit: fits of power laws.
        remarks: sentences that the report shows under what was run.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=NAME)
    folder: Path
    out: Path
    threads: int | None = Field(default=1, ge=1)
    corpus: ScalingCorpusArgs
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
    remarks: tuple[str, ...] = ()

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
