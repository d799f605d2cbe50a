"""``python -m bytelatent.lm_eval_adapter``: run EleutherAI's lm-evaluation-harness on our models.

    python -m bytelatent.lm_eval_adapter run --model bytelatent \\
        --model_args model=blt-entropy-mini --tasks lambada_openai

The command has the arguments of the command ``lm_eval`` and adds a model with the name
``bytelatent``. --model_args may contain model, entropy_model, max_bytes, dtype (fp32, bf16) and
device. In Python, create the model with ``lm_eval_class()(model=...)`` and pass it to
``lm_eval.simple_evaluate``.
"""

import sys
from collections.abc import Sequence
from typing import Any, Protocol

import torch

from bytelatent.command import run_command
from bytelatent.data.held_out import cut_pieces
from bytelatent.evaluation.continuations import continuations
from bytelatent.evaluation.corpus import MAX_BYTES
from bytelatent.evaluation.scoring import ByteScores, score
from bytelatent.formats.weights import DTYPES
from bytelatent.generation.options import GenerationOptions
from bytelatent.loading import load_text_model
from bytelatent.tokenizers.blt_tokenizer import utf8_bytes

NAME = "bytelatent"
DEFAULT_GENERATED = 256
"""Number of bytes to generate if a task sets no limit. The harness counts tokens; the tokens of
these models are bytes."""

LIMITS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")
"""Names under which a task may give the largest number of tokens; the first of them counts."""

PRECISIONS = ("fp32", "bf16")


class Request(Protocol):
    """Protocol of a request of the harness, which its class ``Instance`` implements."""

    @property
    def args(self) -> tuple[Any, ...]:
        """Arguments of the request, such as a context and its continuation."""
        ...


class HarnessModel:
    """Model with the three methods that the harness calls; it does not need the harness.

    The context of an entropy model (byte model) has no limit. The context of a BLT is the last
    ``max_bytes`` bytes; a text without a context is cut into pieces of at most ``max_bytes`` bytes
    (see :data:`bytelatent.evaluation.corpus.COUNTING`).

    Args:
        model: a folder, a shipped model, or a repository.
        entropy_model: entropy model of a BLT; when None the one that its folder names.
        max_bytes: limit of the context of a BLT, in bytes.
        dtype: dtype of the weights, ``fp32`` or ``bf16``.
        device: device to run on; the CPU when None or if there is no GPU.
        harness: arguments that the harness passes to every model (``batch_size``,
            ``max_batch_size``); they have no effect, because texts are batched by bytes.

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
        if dtype not in PRECISIONS:
            raise ValueError(f"model_args: dtype {dtype!r} is none of {', '.join(PRECISIONS)}")
        if int(max_bytes) < 2:
            raise ValueError(f"model_args: max_bytes {max_bytes} is not 2 or more")
        # The command of the harness passes cuda:0 by default.
        if device is None or (device.startswith("cuda") and not torch.cuda.is_available()):
            device = "cpu"
        self.text_model = load_text_model(
            model, entropy_model=entropy_model, dtype=DTYPES[dtype], device=device
        )
        self.max_bytes = None if self.text_model.is_byte_model else int(max_bytes)

    def loglikelihood(self, requests: Sequence[Request]) -> list[tuple[float, bool]]:
        """Return the log-probability of each continuation; a request is (context, continuation).

        Each result has the log-probability in nats, and whether the continuation is the likeliest.

        Raises:
            ValueError: the model cannot run on a text.
        """
        pairs = [tuple(utf8_bytes(text) for text in request.args[:2]) for request in requests]
        contexts = [self._last(context, len(following)) for context, following in pairs]
        texts = [context + pair[1] for context, pair in zip(contexts, pairs, strict=True)]
        scores = score(self.text_model, texts)
        return [
            (_log_p(scored, len(context)), bool(scored.likeliest_N[len(context) :].all()))
            for scored, context in zip(scores, contexts, strict=True)
        ]

    def loglikelihood_rolling(self, requests: Sequence[Request]) -> list[float]:
        """Return the log-probability of each text in nats; a request is (text,).

        Every byte counts once.

        Raises:
            ValueError: the model cannot run on a text.
        """
        sums = []
        for request in requests:
            data = utf8_bytes(request.args[0])
            pieces = [data] if self.max_bytes is None else cut_pieces(data, self.max_bytes)
            scores = score(self.text_model, pieces)
            sums.append(sum((_log_p(scored, 0) for scored in scores), 0.0))
        return sums

    def generate_until(self, requests: Sequence[Request]) -> list[str]:
        """Return the likeliest text after each context; a request is (context, options).

        The text ends before the first stop word. A BLT generates several texts at the same time.

        Raises:
            ValueError: an option requests random samples, or the model cannot run on a text.
        """
        wanted = [self._wanted(*request.args[:2]) for request in requests]
        prompts, how = [prompt for prompt, _ in wanted], [options for _, options in wanted]
        texts = continuations(self.text_model, prompts, how)
        return [text.decode("utf-8", errors="replace") for text in texts]

    @property
    def tokenizer_name(self) -> str:
        """Name of the chat template, which the harness asks for with --apply_chat_template.

        Raises:
            ValueError: always, because the models have no chat template.
        """
        raise ValueError(
            "apply_chat_template: these models continue a text and have no chat template; leave "
            "the option out"
        )

    def _wanted(self, context: str, options: dict[str, Any]) -> tuple[bytes, GenerationOptions]:
        """Return the prompt and the options of a request."""
        # The harness takes a temperature without do_sample for a request of samples.
        temperature = float(options.get("temperature", 1.0 if options.get("do_sample") else 0.0))
        if options.get("do_sample") is not False and temperature > 0:
            raise ValueError(
                f"do_sample: {options.get('do_sample')} with temperature {temperature}; only the "
                "likeliest text can be generated"
            )
        until = options.get("until") or []
        stops = [utf8_bytes(stop) for stop in ([until] if isinstance(until, str) else until)]
        limits = (options[name] for name in LIMITS if options.get(name) is not None)
        limit = int(next(limits, DEFAULT_GENERATED))
        prompt = utf8_bytes(context)
        if self.max_bytes is not None:
            # The limit of a long text must leave half of the bytes to the context.
            prompt = self._last(prompt, min(limit, self.max_bytes // 2))
        return prompt, GenerationOptions(limit, stop=[stop for stop in stops if stop])

    def _last(self, context: bytes, room: int) -> bytes:
        """Return the end of ``context`` that leaves room for ``room`` bytes after it."""
        if self.max_bytes is None:
            return context
        return context[max(0, len(context) - max(0, self.max_bytes - room)) :]


def _log_p(scores: ByteScores, first: int) -> float:
    """Return the log-probability in nats of all bytes from position ``first`` on."""
    return -float(scores.nats_N[first:].sum(dtype="float64"))


def lm_eval_class() -> type[Any]:
    """Return a class of the harness for :class:`HarnessModel`, registered as ``bytelatent``.

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

    class BytelatentLM(HarnessModel, LM):  # type: ignore[misc]
        """Model of the harness with the methods of :class:`HarnessModel`."""

        def __init__(self, model: str, **options: Any) -> None:
            LM.__init__(self)
            HarnessModel.__init__(self, model, **options)

    try:
        registered: type[Any] = get_model(NAME)
    except (KeyError, ValueError):
        registered = register_model(NAME)(BytelatentLM)
    return registered


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
    """Run the command of the harness with our models and return the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help"):
        print(f"{__doc__}\nMore: python -m bytelatent.lm_eval_adapter run --help")
        return 0 if words else 2
    return run_command(run, words)


if __name__ == "__main__":
    sys.exit(main())
