"""A generated text as server-sent events or as one JSON document."""

import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from app.models.costs import Costs, Tally
from app.models.generator import TextMaker, TextRequest, TextStream
from app.requests.problems import ProblemError, internal_error
from app.requests.server_events import sent
from app.schemas.generate import GenerateRequest
from bytelatent.generation.events import Event
from bytelatent.generation.sampling import SamplingArgs
from bytelatent.tokenizers.constants import OFFSET

logger = logging.getLogger(__name__)

NATS, SECONDS = 6, 5
"""Number of decimals of nats and of seconds in a response."""


def text_request_of(request: GenerateRequest, prompt: bytes) -> TextRequest:
    """Return the text request of a validated API request."""
    return TextRequest(
        prompt=prompt,
        max_bytes=request.max_bytes,
        sampling=SamplingArgs(
            temperature=request.temperature,
            top_k=request.top_k,
            top_p=request.top_p,
            min_p=request.min_p,
            seed=request.seed,
        ),
        stop=tuple(end.encode() for end in request.stop),
        speculate=request.speculate,
    )


@dataclass
class TextDescriber:
    """State from which the events of a generated text are described.

    Attributes:
        model: name of the model.
        costs: shapes of the models.
        prompt_bytes: number of bytes of the prompt.
        tally: counts of the described events.
        text: texts of the described events.
        first: seconds until the first byte was generated.
    """

    model: str
    costs: Costs
    prompt_bytes: int
    tally: Tally = field(default_factory=Tally)
    text: list[str] = field(default_factory=list)
    first: float = 0.0

    def describe(self, event: Event) -> dict[str, Any]:
        """Return the description of the next byte, as :class:`app.schemas.generate.ByteEvent`."""
        if not self.tally.tokens:
            self.first = event.seconds
        self.tally.add(event)
        self.text.append(event.text)
        return {
            "index": len(self.tally.tokens) - 1,
            "token": event.token,
            "byte": event.byte,
            "text": event.text,
            "probability": float(f"{min(event.probability, 1.0):.6g}"),
            "entropy": None if event.entropy is None else round(max(event.entropy, 0.0), NATS),
            "starts_patch": event.starts_patch,
            "global_ran": event.global_ran,
            "drafted": event.drafted,
            "accepted": event.accepted,
            "draft": list(event.draft),
            "seconds": round(event.seconds, SECONDS),
            **self._flops(),
        }

    def done(self, ending: str) -> dict[str, Any]:
        """Return the description of the text, as :class:`app.schemas.generate.GenerateDone`."""
        tally, count = self.tally, len(self.tally.tokens)
        took = tally.seconds - self.first
        return {
            "model": self.model,
            "prompt_bytes": self.prompt_bytes,
            "text": "".join(self.text),
            "finish": ending,
            "bytes": sum(token >= OFFSET for token in tally.tokens),
            "patches": tally.patches,
            "global_passes": tally.global_passes,
            "drafted": tally.drafted,
            "accepted": tally.accepted,
            "seconds": round(tally.seconds, SECONDS),
            "bytes_per_second": round((count - 1) / took, 2) if count > 1 and took > 0 else None,
            **self._flops(),
        }

    def _flops(self) -> dict[str, float]:
        context = self.prompt_bytes + len(self.tally.tokens)
        return {
            "flops_per_byte": round(self.costs.per_byte(self.tally, context)),
            "flops_per_byte_plain": round(self.costs.plain(context)),
        }


def describe_text(maker: TextMaker, request: TextRequest) -> TextDescriber:
    """Return a describer for a new text."""
    assert maker.source is not None
    assert maker.costs is not None
    return TextDescriber(maker.source.name, maker.costs, len(request.prompt))


def as_document(text: TextStream, describer: TextDescriber) -> dict[str, Any] | None:
    """Return the whole text with its events, or None if the client left before its end."""
    events = [describer.describe(event) for event in text]
    return None if text.ending is None else {**describer.done(text.ending), "events": events}


def as_events(text: TextStream, describer: TextDescriber, path: str) -> Iterator[bytes]:
    """Generate server-sent events: ``byte`` for each byte, then ``done`` or ``problem``.

    Args:
        text: the text stream; this generator closes it at its end, and the caller must close it
            too, because the generator may never start.
        describer: describer of the text.
        path: path of the request, for a problem document.
    """
    number = 0
    with closing(text):
        yield b": the prompt is being read\n\n"  # sends the headers
        try:
            for event in text:
                yield sent("byte", number, describer.describe(event))
                number += 1
        except ValueError as error:
            problem = ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
            yield sent("problem", number, problem.document(path))
        except Exception:
            logger.exception("generation failed")
            yield sent("problem", number, internal_error().document(path))
        else:
            if text.ending is not None:
                yield sent("done", number, describer.done(text.ending))
