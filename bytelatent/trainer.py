"""Training: setup, steps, measurements, checkpoints."""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bytelatent.args import TrainArgs
from bytelatent.checkpoint import Checkpoints
from bytelatent.config import save_args
from bytelatent.data.windows import WindowSampler
from bytelatent.files import write_text
from bytelatent.metrics import MetricsFile, bits_per_byte
from bytelatent.optim import build_optimizer, learning_rate
from bytelatent.tokenizers.constants import OFFSET
from bytelatent.transformer import LMTransformer

logger = logging.getLogger(__name__)

LossFunction = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Progress:
    """What a step has to say.

    Attributes:
        step, steps: done and in all.
        loss: nats per byte of the last logged stretch.
        bytes_per_second: of that stretch.
        seconds_left: at that speed.
    """

    step: int
    steps: int
    loss: float
    bytes_per_second: float
    seconds_left: float


class Trainer:
    """Trains the byte language model of ``args``; goes on where the last checkpoint stands.

    Args:
        args: the run.
        report: called with every logged :class:`Progress`.
    """

    def __init__(self, args: TrainArgs, report: Callable[[Progress], None]) -> None:
        self.args, self.report = args, report
        self.train_data = WindowSampler(args.data, "train")
        self.valid_data = WindowSampler(args.data, "valid")
        torch.manual_seed(args.seed)
        self.model = LMTransformer(args.entropy_model)
        self.model.init_weights()
        self.model.to(args.device)
        self.optimizer = build_optimizer(self.model, args.optim)
        self.loss = self._loss_function()
        self.checkpoints = Checkpoints(args.dump_dir / "checkpoints", args.checkpoint)
        self.step = self._resume()
        write_text(args.dump_dir / "config.yaml", save_args(args))
        self.metrics = MetricsFile(args.dump_dir / "metrics.jsonl", step=self.step)

    def run(self) -> LMTransformer:
        """Train to the last step, save the model in ``dump_dir/model`` and return it.

        Raises:
            ValueError: the loss is no longer a number; the last checkpoint stays.
        """
        args = self.args
        self.model.train()
        losses: list[Tensor] = []
        began = time.perf_counter()
        while self.step < args.steps:
            losses.append(self._train_step())
            self.step += 1
            if self.step % args.log_every == 0 or self.step == args.steps:
                self._log(losses, time.perf_counter() - began)
                losses, began = [], time.perf_counter()
            if self.step % args.eval.every == 0 or self.step == args.steps:
                self.metrics.append({"step": self.step, "valid_bits_per_byte": self.evaluate()})
                began = time.perf_counter()
            if self.step % args.checkpoint.every == 0 or self.step == args.steps:
                self._save()
                began = time.perf_counter()
        self.model.eval()
        self.model.save_pretrained(args.dump_dir / "model")
        return self.model

    @torch.no_grad()
    def evaluate(self) -> float:
        """Bits per byte on fixed batches of the validation split."""
        self.model.eval()
        nats = [
            float(self.loss(*(x.to(self.args.device) for x in self.valid_data.batch(i))))
            for i in range(self.args.eval.batches)
        ]
        self.model.train()
        return bits_per_byte(sum(nats), len(nats))

    def _train_step(self) -> Tensor:
        args = self.args
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(args.optim, self.step, args.steps)
        tokens, targets = (x.to(args.device) for x in self.train_data.batch(self.step))
        loss = self.loss(tokens, targets)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.model.parameters(), args.optim.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return loss.detach()

    def _loss_function(self) -> LossFunction:
        """Mean nats per byte; targets that are no bytes (BOS, EOS) count as well, padding not."""
        args = self.args
        device_type = torch.device(args.device).type

        def loss(tokens_BS: Tensor, targets_BS: Tensor) -> Tensor:
            with torch.autocast(device_type, torch.bfloat16, enabled=args.dtype == "bf16"):
                logits_BSV = self.model(tokens_BS)
            nats_BS = F.cross_entropy(
                logits_BSV.float().flatten(0, 1), targets_BS.flatten(), reduction="none"
            )
            counts = (targets_BS.flatten() >= OFFSET).float()
            return (nats_BS * counts).sum() / counts.sum()

        return torch.compile(loss, dynamic=False) if args.compile else loss

    def _log(self, losses: list[Tensor], seconds: float) -> None:
        args = self.args
        loss = float(torch.stack(losses).mean())
        if not math.isfinite(loss):
            raise ValueError(
                f"the loss is {loss} at step {self.step}; the last checkpoint in "
                f"{self.checkpoints.folder} is untouched. Lower optim.lr or raise optim.warmup"
            )
        size = args.data.batch_size * args.data.seq_len
        speed = len(losses) * size / seconds
        record = {
            "step": self.step,
            "bytes": self.step * size,
            "loss": loss,
            "bits_per_byte": bits_per_byte(loss, 1),
            "lr": self.optimizer.param_groups[0]["lr"],
            "bytes_per_second": speed,
        }
        self.metrics.append(record)
        left = (args.steps - self.step) * size / speed
        self.report(Progress(self.step, args.steps, loss, speed, left))

    def _save(self) -> None:
        state = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}
        self.checkpoints.save(self.step, state)

    def _resume(self) -> int:
        found = self.checkpoints.latest()
        if found is None:
            return 0
        step, state = found
        try:
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError, KeyError) as error:
            raise ValueError(
                f"the checkpoint of step {step} in {self.checkpoints.folder} does not fit this "
                f"configuration: {str(error).splitlines()[0]}"
            ) from None
        return step
