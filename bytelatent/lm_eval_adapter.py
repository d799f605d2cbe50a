"""``python -m bytelatent.lm_eval_adapter``: our models in EleutherAI's lm-evaluation-harness.

    python -m bytelatent.lm_eval_adapter run --model bytelatent \\
        --model_args model=blt-entropy-mini --tasks lambada_openai

Takes the words of the command ``lm_eval``, which then knows a model ``bytelatent``. --model_args
may have model, entropy_model, max_bytes, dtype (fp32, bf16) and device. In Python, make the model
by ``lm_eval_class()(model=...)`` and give it to ``lm_eval.simple_evaluate``.
"""

import sys
from collections.abc import Sequence
from typing import Any, Protocol

import torch

from bytelatent.command import run_command
from bytelatent.data.held_out import cut_pieces
from bytelatent.evaluation.corpus import MAX_BYTES
from bytelatent.evaluation.scoring import ByteScores, continuation, score
from bytelatent.loading import load_text_model
from bytelatent.tokenizers.blt_tokenizer import utf8_bytes

NAME = "bytelatent"
DEFAULT_GENERATED = 256
"""Bytes that are generated if a task does not say how many; the harness counts tokens, ours are
bytes."""

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


class Request(Protocol):
    """What is needed of the harness's ``Instance``."""

    @property
    def args(self) -> tuple[Any, ...]:
        """What the task asks for."""
        ...


class ByteModel:
    """The three questions of the harness, without the harness.

    A byte model sees a text of any length; a BLT sees the last ``max_bytes`` of one, and texts
    without a context in pieces of at most that (see :data:`bytelatent.evaluation.corpus.COUNTING`).

    Args:
        model: a folder, a shipped model, or a repository.
        entropy_model: that cuts a BLT's patches, if its folder does not say.
        max_bytes: see above.
        dtype: of the weights, ``fp32`` or ``bf16``.
        device: where to run; the CPU when None, and in place of a GPU that is not there.
        harness: what the harness gives to every model (``batch_size``, ``max_batch_size``); texts
            are batched by bytes here, so it has no use.

    Raises:
        ValueError: the model cannot be loaded, or an option is impossible.
    """

    def __init__(
        self,
        model: str,
        *,
        entropy_model: str | None = None,
        max_bytes: int = MAX_BYTES,
        dtype: str = "fp32",
        device: str | None = None,
        **harness: Any,
    ) -> None:
        unknown = harness.keys() - {"batch_size", "max_batch_size"}
        if unknown:
            raise ValueError(
                f"model_args: {min(unknown)} is unknown; known are model, entropy_model, "
                "max_bytes, dtype and device"
            )
        if dtype not in DTYPES:
            raise ValueError(f"model_args: dtype {dtype!r} is none of {', '.join(DTYPES)}")
        if int(max_bytes) < 2:
            raise ValueError(f"model_args: max_bytes {max_bytes} is not 2 or more")
        # The command of the harness asks for cuda:0 unless it is told otherwise.
        if device is None or (device.startswith("cuda") and not torch.cuda.is_available()):
            device = "cpu"
        self.text_model = load_text_model(
            model, entropy_model=entropy_model, dtype=DTYPES[dtype], device=device
        )
        self.max_bytes = None if self.text_model.is_byte_model else int(max_bytes)

    def loglikelihood(self, requests: Sequence[Request]) -> list[tuple[float, bool]]:
        """For (context, continuation): log-probability in nats, and whether it is the likeliest.

        Raises:
            ValueError: the model cannot run on a text.
        """
        pairs = [tuple(utf8_bytes(text) for text in request.args[:2]) for request in requests]
        contexts = [self._last(context, len(following)) for context, following in pairs]
        texts = [context + pair[1] for context, pair in zip(contexts, pairs, strict=True)]
        scores = score(self.text_model, texts)
        return [
            (_log_p(one, len(context)), bool(one.likeliest_N[len(context) :].all()))
            for one, context in zip(scores, contexts, strict=True)
        ]

    def loglikelihood_rolling(self, requests: Sequence[Request]) -> list[float]:
        """For (text,): log-probability in nats of all its bytes, each counted once.

        Raises:
            ValueError: the model cannot run on a text.
        """
        found = []
        for request in requests:
            data = utf8_bytes(request.args[0])
            pieces = [data] if self.max_bytes is None else cut_pieces(data, self.max_bytes)
            found.append(sum((_log_p(one, 0) for one in score(self.text_model, pieces)), 0.0))
        return found

    def generate_until(self, requests: Sequence[Request]) -> list[str]:
        """For (context, options): the likeliest text up to a stop word, which is left out.

        Raises:
            ValueError: an option asks for samples, or the model cannot run on a text.
        """
        return [self._generate(*request.args[:2]) for request in requests]

    def _generate(self, context: str, options: dict[str, Any]) -> str:
        if options.get("do_sample") and options.get("temperature", 1.0):
            raise ValueError(
                f"do_sample: {options['do_sample']} with temperature "
                f"{options.get('temperature', 1.0)}; only the likeliest text can be generated"
            )
        until = options.get("until") or []
        stops = [utf8_bytes(stop) for stop in ([until] if isinstance(until, str) else until)]
        limit = int(options.get("max_gen_toks", DEFAULT_GENERATED))
        prompt = utf8_bytes(context)
        if self.max_bytes is not None:
            # A long answer must not push all of its question out.
            prompt = self._last(prompt, min(limit, self.max_bytes // 2))
        found = bytearray()
        bytes_left = continuation(self.text_model, prompt)
        while len(found) < limit and (byte := next(bytes_left, None)) is not None:
            found.append(byte)
            stop = next((stop for stop in stops if stop and found.endswith(stop)), None)
            if stop is not None:
                del found[-len(stop) :]
                break
        return found.decode("utf-8", errors="replace")

    def _last(self, context: bytes, room: int) -> bytes:
        """The end of ``context`` that leaves room for so many bytes after it."""
        if self.max_bytes is None:
            return context
        return context[max(0, len(context) - max(0, self.max_bytes - room)) :]


def _log_p(scores: ByteScores, first: int) -> float:
    """Log-probability of all bytes from the place ``first`` on."""
    return -float(scores.nats_N[first:].sum(dtype="float64"))


def lm_eval_class() -> type[Any]:
    """:class:`ByteModel` as a model of the harness, registered there as ``bytelatent``.

    Raises:
        ValueError: the harness is not installed.
    """
    try:
        from lm_eval.api.model import LM
        from lm_eval.api.registry import get_model, register_model
    except ImportError as error:
        raise ValueError(
            f"this needs {error.name} (pip install 'bytelatent[eval]'): lm-evaluation-harness"
        ) from None

    class BytelatentLM(ByteModel, LM):  # type: ignore[misc]
        """See :class:`ByteModel`."""

        def __init__(self, model: str, **options: Any) -> None:
            LM.__init__(self)
            ByteModel.__init__(self, model, **options)

    try:
        found: type[Any] = get_model(NAME)
    except (KeyError, ValueError):
        found = register_model(NAME)(BytelatentLM)
    return found


def run(words: Sequence[str]) -> None:
    """Run the command of the harness with our models.

    Raises:
        ValueError: the harness is missing, or a model or setting cannot be used.
    """
    lm_eval_class()
    from lm_eval.__main__ import cli_evaluate

    sys.argv = ["lm_eval", *words]
    cli_evaluate()


def main(argv: Sequence[str] | None = None) -> int:
    """The command: that of the harness, with our models."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help"):
        print(f"{__doc__}\nMore: python -m bytelatent.lm_eval_adapter run --help")
        return 0 if words else 2
    return run_command(run, words)


if __name__ == "__main__":
    sys.exit(main())
