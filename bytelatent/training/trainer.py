"""Training loop: setup, steps, evaluation and checkpoints.

The configuration of a run determines its result: the batches follow from the seed (see
:mod:`bytelatent.data`), the fresh weights from the seed, and dropout from the seed, the step and
the process. A run that was killed and resumed therefore ends with the same weights as an
uninterrupted run, and the number of processes changes only rounding errors.
"""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule

from bytelatent.architecture.flops_per_byte import training_flops_per_byte
from bytelatent.config import save_args
from bytelatent.data.batch import Batch
from bytelatent.data.loader import Loader
from bytelatent.distributed.allocator import keep_freed_memory
from bytelatent.distributed.devices import warn_of_slow_bf16
from bytelatent.distributed.env import World
from bytelatent.distributed.parallel import full_weights, place
from bytelatent.files import write_text
from bytelatent.formats.file_names import METRICS_FILE, RUN_CONFIG_FILE, TRAIN_ARGS_FILE
from bytelatent.loading import Model, write_settings
from bytelatent.metrics import MetricsFile, Tally, bits_per_byte, memory_bytes
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.model.layers import TransformerBlock
from bytelatent.tokenizers.constants import BOS_ID, PAD_ID
from bytelatent.training.args import TrainArgs
from bytelatent.training.checkpoint import RUN_FILE, Checkpoints, Settings, unreadable
from bytelatent.training.divergence import refuse_not_finite, refuse_risen_loss
from bytelatent.training.live_patches import TrainingPatcher
from bytelatent.training.optim import build_optimizers, learning_rate, set_learning_rate
from bytelatent.training.profiling import profiled
from bytelatent.training.start import INIT_ONLY_KEYS, check_memory, starting_model
from bytelatent.training.stopping import StopRequest
from bytelatent.transformer import LMTransformer

logger = logging.getLogger(__name__)


MODEL_KEYS = ("entropy_model", "blt", "patcher", "data.tokenizer")
"""Settings that define the model: another value means another model."""

RUN_KEYS = ("seed", "steps", "dtype", "init_from", "data", "patcher_model", "optim")
"""Settings besides :data:`MODEL_KEYS` that determine the result of a run."""


@dataclass(frozen=True)
class StepReport:
    """Progress of a run at a logged step.

    Attributes:
        step, steps: number of steps done and total number of steps.
        bits_per_byte: bits per byte of the training text since the last report.
        bytes_per_second: bytes per second since the last report, for all processes together.
        seconds_left: estimated time in seconds to the end of the run.
    """

    step: int
    steps: int
    bits_per_byte: float
    bytes_per_second: float
    seconds_left: float


class Trainer:
    """Trainer of the model of ``args``; it resumes from the last checkpoint.

    Args:
        args: settings of the run.
        report: function that is called in the main process with every logged :class:`StepReport`.
        world: processes that train together.
        stop: request to save and stop after the current step, which may be set at any time; a new
            one when None.
    """

    def __init__(
        self,
        args: TrainArgs,
        report: Callable[[StepReport], None],
        world: World | None = None,
        stop: StopRequest | None = None,
    ) -> None:
        self.args, self.report, self.world = args, report, world or World()
        self.device = self.world.device(args.device)
        if self.device.type == "cpu":
            keep_freed_memory()
        self.stop = stop or StopRequest()
        check_memory(args, self.world, self.device)
        if args.dtype == "bf16" and self.world.is_main:
            warn_of_slow_bf16(self.device)
        self.patcher = TrainingPatcher.build(args, self.device)
        self.data = self._loader("train")
        self.held_out = self._loader("valid").fixed_batches(args.eval.batches)
        self.model = self._model()
        self.optimizers = build_optimizers(self.model, args.optim)
        self.nats = self._nats_function()
        folder = args.dump_dir / "checkpoints"
        settings = Settings(
            args.model_dump(mode="json", include={"entropy_model", "blt", "patcher", *RUN_KEYS}),
            fixed=MODEL_KEYS,
            free=INIT_ONLY_KEYS | {"max_seqlen", "path"},
        )
        self.checkpoints = Checkpoints(folder, args.checkpoint, self.world, settings)
        self.lowest, self.bytes_seen = math.inf, 0
        self.step = self._resume()
        if self.step > args.steps:
            raise ValueError(
                f"steps: the run in {args.dump_dir} has done {self.step} steps, which is more than "
                f"{args.steps}; give steps={self.step} or more, or another dump_dir"
            )

    def run(self) -> bool:
        """Train to the last step and save the model in ``dump_dir/model``.

        Returns:
            Whether the last step is done; False if the run was asked to stop and its state is
            saved, or if it was asked before the first step.

        Raises:
            DivergedError: the loss or a gradient is not finite, or the loss has diverged; the last
                checkpoint is kept.
            ValueError: the data are damaged, or a file cannot be written.
        """
        args, tally = self.args, Tally()
        (asked,) = self.world.sum(torch.tensor(self.stop.requested, device=self.device))
        if asked and self.step < args.steps:
            return False
        is_new = self._prepare_files()
        self.model.train()
        batches = iter(self.data)
        with profiled(args.profile, args.dump_dir / "profile", self.world) as tick:
            while self.step < args.steps:
                began = time.perf_counter()
                stop = self._train_step(next(batches), tally)
                tally.seconds += time.perf_counter() - began
                self.step += 1
                tick()
                last = stop or self.step == args.steps
                if last or self.step % args.log_every == 0:
                    self._log(tally)
                    tally = Tally()
                if self.step == args.steps or self.step % args.eval.every == 0:
                    self._evaluate()
                if last or self.step % args.checkpoint.every == 0:
                    self._refuse_risen_loss(tally)
                    self._save()
                if stop and self.step < args.steps:
                    break
        bad = self._bad_lines()
        if bad and self.world.is_main:
            logger.warning("skipped %d bad lines in all, counted anew in every epoch", bad)
        if self.step < args.steps:
            return False
        self._save_model(is_new)
        return True

    def _prepare_files(self) -> bool:
        """Write the configuration and open the metrics; return whether any step is left to do.

        The configuration of a run that is finished already stays as it is.
        """
        args, main = self.args, self.world.is_main
        config, is_new = args.dump_dir / RUN_CONFIG_FILE, self.step < args.steps
        if main and (is_new or not config.exists()):
            write_text(config, save_args(args))
        path = args.dump_dir / METRICS_FILE
        self.metrics = MetricsFile(path, args.metrics, step=self.step, write=main)
        return is_new

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """Return bits per byte on fixed validation batches, in total (key ``""``) and by source."""
        self.model.eval()
        sums: dict[str, list[float]] = {}
        for batch in self.held_out:
            nats_BS = self.nats(*self._inputs(batch)).reshape(batch.targets_BS.shape)
            nats_B = (nats_BS * batch.counted_BS.to(self.device)).sum(1).tolist()
            sizes_B = batch.sizes_BS.sum(1).tolist()
            for source, nats, size in zip(batch.sources, nats_B, sizes_B, strict=True):
                nats_and_bytes = sums.setdefault(source, [0.0, 0.0])
                nats_and_bytes[0] += nats
                nats_and_bytes[1] += size
        self.model.train()
        total: dict[str, list[float]] = {}
        for part in self.world.gather(sums):
            for source, (nats, size) in part.items():
                for name in ("", source):
                    nats_and_bytes = total.setdefault(name, [0.0, 0.0])
                    nats_and_bytes[0] += nats
                    nats_and_bytes[1] += size
        return {name: bits_per_byte(nats, max(1.0, size)) for name, (nats, size) in total.items()}

    def _train_step(self, batch: Batch, tally: Tally) -> bool:
        """Take one optimiser step; return whether any process asks to stop after it."""
        args, world = self.args, self.world
        torch.manual_seed(args.seed + 1_000_003 * self.step + world.rank)
        set_learning_rate(self.optimizers, learning_rate(args.optim, self.step, args.steps))
        learnt_BS = learnt(batch.targets_BS)
        (targets,) = world.sum(learnt_BS.sum().to(self.device))
        parts = batch.split(args.micro_batch or len(batch.sources))
        sums = torch.zeros(3, dtype=torch.float64, device=self.device)
        for number, part in enumerate(parts):
            self._sync_gradients(number == len(parts) - 1)
            sums += self._backward(part, float(targets))
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), args.optim.clip)
        gradient_norm = float(norm.full_tensor() if hasattr(norm, "full_tensor") else norm)
        wants_stop = torch.tensor(self.stop.requested, device=self.device)
        bytes_here = batch.sizes_BS.sum().to(self.device)
        totals = world.sum(*sums, wants_stop, bytes_here)
        nats, byte_nats, patches, stop, size = (float(total) for total in totals)
        refuse_not_finite(nats, gradient_norm, self.step + 1, self.checkpoints.folder)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        tally.nats += nats
        tally.targets += float(targets)
        tally.byte_nats += byte_nats
        tally.patches += patches
        tally.size += size
        self.bytes_seen += int(size)
        tally.gradient_norms.append(gradient_norm)
        return stop > 0

    def _backward(self, part: Batch, targets: float) -> Tensor:
        """Compute the gradients of a part; return sums of nats, nats of bytes, and patches."""
        inputs = self._inputs(part)
        nats_BS = self.nats(*inputs).reshape(part.targets_BS.shape)
        learnt_BS, counted_BS = learnt(inputs[1]), part.counted_BS.to(self.device)
        nats = (nats_BS * learnt_BS).sum()
        # Sharded gradients are averaged over the processes; the loss is a sum over all of them.
        torch.autograd.backward(nats * (self.world.size / targets))
        patches = (inputs[2] > 0).sum() if inputs[2] is not None else counted_BS.sum()
        bytes_alone = (nats_BS.detach() * counted_BS).sum()
        return torch.stack([nats.detach().double(), bytes_alone.double(), patches.double()])

    def _inputs(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return tokens, targets and patch lengths on the device."""
        lengths = None if self.patcher is None else self.patcher(batch).to(self.device)
        return batch.tokens_BS.to(self.device), batch.targets_BS.to(self.device), lengths

    def _nats_function(self) -> Callable[[Tensor, Tensor, Tensor | None], Tensor]:
        """Return a function that computes the nats of every target, ``[B * S]``."""
        args, model, kind = self.args, self.model, self.device.type

        def nats(tokens_BS: Tensor, targets_BS: Tensor, lengths_BP: Tensor | None) -> Tensor:
            with torch.autocast(kind, torch.bfloat16, enabled=args.dtype == "bf16"):
                inputs = (tokens_BS,) if lengths_BP is None else (tokens_BS, lengths_BP)
                logits_BSV = model(*inputs)
            return F.cross_entropy(
                logits_BSV.float().flatten(0, 1), targets_BS.flatten(), reduction="none"
            )

        if not args.compile:
            return nats
        if self.world.size == 1:
            return torch.compile(nats)
        for block in _blocks(model):
            block.compile()
        return nats

    def _model(self) -> nn.Module:
        """Build the model on its device, with its weights, distributed over the processes."""
        bf16 = self.args.dtype == "bf16"
        return place(
            self._fresh, _blocks, self.args.distributed, self.world, device=self.device, bf16=bf16
        )

    def _fresh(self, weights: bool) -> Model:
        """Build the model on the CPU with initial weights, or on the meta device without."""
        args = self.args
        kind = LMTransformer if args.entropy_model else ByteLatentTransformer
        if not weights:
            with torch.device("meta"):
                return kind(args.model)  # type: ignore[arg-type]
        return starting_model(args)

    def _loader(self, split: str) -> Loader:
        patcher = self.patcher.in_loader if self.patcher else None
        world, known = self.world, self.args.data.tokenizer.build().vocab_size
        if known > self.args.model.vocab_size:
            raise ValueError(
                f"data.tokenizer: it has {known} ids, the model's vocab_size is "
                f"{self.args.model.vocab_size}"
            )
        return Loader(self.args.data, split, rank=world.rank, world=world.size, patcher=patcher)

    def _sync_gradients(self, sync: bool) -> None:
        if isinstance(self.model, FSDPModule):
            self.model.set_requires_gradient_sync(sync)

    def _refuse_risen_loss(self, tally: Tally) -> None:
        folder, factor = self.checkpoints.folder, self.args.divergence_factor
        refuse_risen_loss(tally.loss, self.lowest, factor, self.step, folder)

    def _bad_lines(self) -> int:
        """Return the number of data lines that all processes together have skipped so far."""
        if self.args.data.on_bad_line == "error":
            return 0
        here = sum(count["bad_lines"] for count in self.data.counters().values())
        (total,) = self.world.sum(torch.tensor(here, device=self.device))
        return int(total)

    def _log(self, tally: Tally) -> None:
        args, seconds = self.args, tally.seconds
        if not tally.size:  # ends of empty documents: their loss says nothing
            if self.world.is_main:
                logger.warning("step %d: no byte of text since the last report", self.step)
            return
        self._refuse_risen_loss(tally)
        self.lowest = min(self.lowest, tally.loss)
        speed = tally.size / seconds
        patch_size = tally.size / tally.patches
        norms = tally.gradient_norms
        record: dict[str, Any] = {
            "step": self.step,
            "loss": tally.loss,
            "bits_per_byte": bits_per_byte(tally.byte_nats, tally.size),
            "lr": self.optimizers[0].param_groups[0]["lr"],
            "gradient_norm": sum(norms) / len(norms),
            "bytes": self.bytes_seen,
            "bytes_per_second": speed,
            "flops_per_second": speed
            * training_flops_per_byte(args.model, patch_size, args.data.seq_len),
            "memory_bytes": memory_bytes(self.device),
        }
        if args.blt is not None:
            record["bytes_per_patch"] = patch_size
        elif patch_size > 1:
            record["bytes_per_token"] = patch_size
        if bad := self._bad_lines():
            record["bad_lines"] = bad
        self.metrics.append(record)
        left = (args.steps - self.step) * seconds / len(norms)
        if self.world.is_main:
            self.report(StepReport(self.step, args.steps, record["bits_per_byte"], speed, left))

    def _evaluate(self) -> None:
        scores = self.evaluate()
        record = {"step": self.step, "valid_bits_per_byte": scores.pop("")}
        self.metrics.append(record | {"valid_by_source": scores})

    def _save(self) -> None:
        row_streams: dict[str, Any] = {}
        for part in self.world.gather(self.data.state_dict()):
            row_streams |= part
        lowest = self.lowest if math.isfinite(self.lowest) else None
        run = {"data": row_streams, "lowest": lowest, "bytes": self.bytes_seen}
        self.checkpoints.save(self.step, self.model, self.optimizers, run)

    def _resume(self) -> int:
        run = self.checkpoints.load(self.model, self.optimizers)
        if run is None:
            return 0
        try:
            self.data.load_state_dict(run["data"])
            self.lowest = math.inf if run["lowest"] is None else float(run["lowest"])
            self.bytes_seen = int(run["bytes"])
        except (AttributeError, KeyError, TypeError) as error:
            folder = self.checkpoints.folder / f"{run['step']:010d}"
            raise ValueError(unreadable(folder, f"{RUN_FILE} lacks {error}")) from None
        return int(run["step"])

    def _save_model(self, with_settings: bool) -> None:
        weights = full_weights(self.model)
        if self.world.is_main:
            model = self._fresh(weights=False)
            model.load_state_dict(weights, assign=True)
            model.save_pretrained(self.args.dump_dir / "model")
            if with_settings or not (self.args.dump_dir / "model" / TRAIN_ARGS_FILE).exists():
                write_settings(self.args.dump_dir / "model", self.args)
        self.world.barrier()


def learnt(targets_BS: Tensor) -> Tensor:
    """Return a mask of the targets in the loss: bytes and ends of documents, not padding or BOS."""
    return (targets_BS != PAD_ID) & (targets_BS != BOS_ID)


def _blocks(model: nn.Module) -> list[nn.Module]:
    return [module for module in model.modules() if isinstance(module, TransformerBlock)]
