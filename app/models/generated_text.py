"""A text for whoever asked: as server-sent events while it is made, or as one JSON document."""

import json
import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from app.models.costs import Costs, Tally
from app.models.generator import GenerationRequest, Text, TextMaker
from app.requests.problems import ProblemError, our_mistake
from app.schemas.generate import GenerateRequest
from bytelatent.generation.events import Event
from bytelatent.generation.sampling import SamplingArgs
from bytelatent.tokenizers.constants import OFFSET

logger = logging.getLogger(__name__)

NATS, SECONDS = 6, 5
"""Decimals."""


def generation_request(request: GenerateRequest, prompt: bytes) -> GenerationRequest:
    """What ``request`` asks for."""
    return GenerationRequest(
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
    """A text as it is told.

    Attributes:
        model: its name.
        costs: its shapes.
        prompt_bytes: of the prompt.
        made: what has been told so far.
        text: likewise.
        first: seconds at which the first byte was there.
    """

    model: str
    costs: Costs
    prompt_bytes: int
    made: Tally = field(default_factory=Tally)
    text: list[str] = field(default_factory=list)
    first: float = 0.0

    def tell(self, event: Event) -> dict[str, Any]:
        """The next byte, as :class:`app.schemas.generate.ByteEvent`."""
        if not self.made.tokens:
            self.first = event.seconds
        self.made.add(event)
        self.text.append(event.text)
        return {
            "index": len(self.made.tokens) - 1,
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
        """The end, as :class:`app.schemas.generate.GenerateDone`."""
        made, count = self.made, len(self.made.tokens)
        took = made.seconds - self.first
        return {
            "model": self.model,
            "prompt_bytes": self.prompt_bytes,
            "text": "".join(self.text),
            "finish": ending,
            "bytes": sum(token >= OFFSET for token in made.tokens),
            "patches": made.patches,
            "global_passes": made.global_passes,
            "drafted": made.drafted,
            "accepted": made.accepted,
            "seconds": round(made.seconds, SECONDS),
            "bytes_per_second": round((count - 1) / took, 2) if count > 1 and took > 0 else None,
            **self._flops(),
        }

    def _flops(self) -> dict[str, float]:
        context = self.prompt_bytes + len(self.made.tokens)
        return {
            "flops_per_byte": round(self.costs.per_byte(self.made, context)),
            "flops_per_byte_plain": round(self.costs.plain(context)),
        }


def describe_text(maker: TextMaker, wanted: GenerationRequest) -> TextDescriber:
    """Begin to tell of a text."""
    assert maker.source is not None
    assert maker.costs is not None
    return TextDescriber(maker.source.name, maker.costs, len(wanted.prompt))


def as_document(text: Text, describe_text: TextDescriber) -> dict[str, Any] | None:
    """The whole text with its events; None if the reader has left meanwhile."""
    events = [describe_text.tell(event) for event in text]
    return None if text.ending is None else {**describe_text.done(text.ending), "events": events}


def as_events(text: Text, describe_text: TextDescriber, path: str) -> Iterator[bytes]:
    """Server-sent events: ``byte`` for each byte, then ``done``, or ``problem`` if it fails.

    Args:
        text: is closed at the end; whoever sends must do so too, for this may never begin.
        telling: of it.
        path: of the request, for a problem document.
    """
    number = 0
    with closing(text):
        yield b": the prompt is being read\n\n"  # so that the headers go out
        try:
            for event in text:
                yield sent("byte", number, describe_text.tell(event))
                number += 1
        except ValueError as error:
            problem = ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
            yield sent("problem", number, problem.document(path))
        except Exception:
            logger.exception("generation failed")
            yield sent("problem", number, our_mistake().document(path))
        else:
            if text.ending is not None:
                yield sent("done", number, describe_text.done(text.ending))


def sent(event: str, number: int, value: dict[str, Any]) -> bytes:
    """One server-sent event; JSON has no line feed, so its data is one line."""
    data = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return f"id: {number}\nevent: {event}\ndata: {data}\n\n".encode()
