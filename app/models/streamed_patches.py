"""A measured text as server-sent events, which begin before the whole text is measured."""

import json
import logging
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from app.models.live import WantedRule, answer_of, rounded
from app.models.live_model import AnalysisStream, LiveModel
from app.requests.deadline import ClientGoneError
from app.requests.json_parts import predictions_json
from app.requests.problems import ProblemError, internal_error
from app.requests.server_events import sent
from bytelatent.runtime import ByteAnalysis

logger = logging.getLogger(__name__)

FIRST_TOKENS, MORE_TOKENS = 256, 1024
"""Least number of tokens in the first event, which a visitor waits for, and in each later one."""


def as_events(
    model: LiveModel, wanted: WantedRule, data: bytes, parts: AnalysisStream, path: str
) -> Iterator[bytes]:
    """Generate server-sent events: ``part`` for each part, then ``done`` or ``problem``.

    Args:
        model: the model that measures.
        wanted: patching rule of the request.
        data: the text.
        parts: analysis of the text; this generator closes it at its end, and the caller must close
            it too, because the generator may never start.
        path: path of the request, for a problem document.
    """
    number, known, fresh = 0, list[ByteAnalysis](), list[ByteAnalysis]()
    with closing(parts):
        yield b": the text is being measured\n\n"  # sends the headers
        try:
            for part in parts:
                fresh.append(part)
                if sum(len(each.tokens) for each in fresh) >= (
                    MORE_TOKENS if known else FIRST_TOKENS
                ):
                    yield sent("part", number, _part(ByteAnalysis.joined(fresh)))
                    number, known, fresh = number + 1, known + fresh, []
            parts.close()  # the slot is not for what the client takes its time over
            if fresh:
                yield sent("part", number, _part(ByteAnalysis.joined(fresh)))
                number, known = number + 1, known + fresh
            whole = answer_of(model, wanted, data, ByteAnalysis.joined(known))
        except ClientGoneError:
            return
        except ProblemError as problem:
            yield sent("problem", number, problem.document(path))
        except Exception:
            logger.exception("measuring failed")
            yield sent("problem", number, internal_error().document(path))
        else:
            in_parts = ("tokens", "entropies", "nats")
            done = {name: value for name, value in whole.head.items() if name not in in_parts}
            yield sent("done", number, done)


def _part(analysis: ByteAnalysis) -> dict[str, Any]:
    """Return an event as :class:`app.schemas.patches.PatchPart`."""
    part: dict[str, Any] = {
        "tokens": analysis.tokens.tolist(),
        "entropies": rounded(analysis.entropies).tolist(),
        "nats": rounded(analysis.nats).tolist(),
    }
    if analysis.top_ids.shape[1]:
        rows = predictions_json(analysis.top_ids, analysis.top_probabilities)
        part["predictions"] = json.loads(f"[{''.join(rows)}]")
    return part
