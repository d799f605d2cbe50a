"""The response of ``POST /api/patches``: a text is measured and split into patches.

Legend: ``N`` bytes of the text, ``S = N + 1`` tokens (BOS first), ``k`` predictions a position.
The entropy at position ``i`` belongs to the prediction of token ``i + 1``, which is byte ``i``:

    tokens      BOS  t   h   e            (N = 3, S = 4)
    bytes            0   1   2
    entropies   3.1  2.0 0.4 1.7          byte 0 was predicted with 3.1 nats, byte 2 with 0.4
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.models.live_model import EntropySource, LiveModel
from app.requests.json_parts import patches_json, predictions_json
from app.requests.problems import ProblemError
from app.schemas.patches import PatchRequest
from bytelatent.patching.rules import (
    PatchingMode,
    RuleOptions,
    lengths_from_starts,
    patch_starts,
    rule_of,
    rules_of,
)
from bytelatent.runtime import ByteAnalysis

DECIMALS = 6
"""Number of decimals of nats in a response. Patching rules are applied to the rounded entropies, so
that the page finds the same patches from the response alone while a visitor moves the threshold."""


@dataclass(frozen=True)
class Answer:
    """A measured text with its patches.

    Attributes:
        data: bytes of the text, ``N``.
        entropies: rounded entropies in nats, ``[S]``.
        lengths: patch lengths; the first patch is BOS alone.
        analysis: output of the entropy model.
        head: short fields of the response.
    """

    data: bytes
    entropies: NDArray[np.float64]
    lengths: list[int]
    analysis: ByteAnalysis
    head: dict[str, Any]

    def json_parts(self) -> Iterator[str]:
        """Generate the JSON response in parts, to keep the memory for predictions small."""
        yield json.dumps(self.head, ensure_ascii=False, allow_nan=False)[:-1]
        yield ', "patches": ['
        yield from patches_json(self.data, self.lengths, self.entropies)
        yield "]"
        if self.analysis.top_ids.shape[1]:
            yield ', "predictions": ['
            yield from predictions_json(self.analysis.top_ids, self.analysis.top_probabilities)
            yield "]"
        yield "}"


def answer(model: LiveModel, request: PatchRequest, data: bytes) -> Answer:
    """Measure ``data`` and split it into patches by the rule of ``request``.

    Raises:
        ProblemError: a number that the rule needs is missing, or the entropy model is not
            available.
    """
    wanted = rule_wanted(model, request)
    return answer_of(model, wanted, data, model.analyse(data, top_k=request.top_k))


@dataclass(frozen=True)
class WantedRule:
    """The patching rule of a request.

    Attributes:
        mode: name of the rule.
        options: its numbers.
        uses_entropies: whether it looks at entropies.
    """

    mode: PatchingMode
    options: RuleOptions
    uses_entropies: bool


def rule_wanted(model: LiveModel, request: PatchRequest) -> WantedRule:
    """Return the patching rule of ``request``.

    Raises:
        ProblemError: a number that the rule needs is missing.
    """
    mode = PatchingMode(request.mode)
    options = _options(mode, request, model.source)
    try:
        rule = rule_of(mode, options)
    except ValueError as error:
        name, _, message = str(error).partition(": ")
        raise ProblemError.of_field(HTTPStatus.UNPROCESSABLE_ENTITY, name, message) from None
    return WantedRule(mode, options, rule.uses_entropies)


def answer_of(model: LiveModel, wanted: WantedRule, data: bytes, analysis: ByteAnalysis) -> Answer:
    """Split a measured text into patches."""
    assert model.source is not None
    entropies = rounded(analysis.entropies)
    lengths = cut(wanted.mode, analysis.tokens, entropies, wanted.options)
    bits = analysis.bits_per_byte
    head = {
        "model": model.source.name,
        "mode": wanted.mode.value,
        "threshold": wanted.options.threshold if wanted.uses_entropies else None,
        "bytes": len(data),
        "tokens": analysis.tokens.tolist(),
        "entropies": entropies.tolist(),
        "nats": rounded(analysis.nats).tolist(),
        "patch_lengths": lengths,
        "bits_per_byte": None if bits is None else round(bits, DECIMALS),
    }
    return Answer(data, entropies, lengths, analysis, head)


def cut(
    mode: PatchingMode,
    tokens: NDArray[np.int64],
    entropies: NDArray[np.float64],
    options: RuleOptions,
) -> list[int]:
    """Return the patch lengths of tokens ``[S]``; they sum to ``S``, and the first patch is BOS."""
    starts = patch_starts(mode, tokens[None], entropies[None], options)
    lengths: list[int] = lengths_from_starts(starts[:, : len(tokens)])[0].tolist()
    return lengths


def rounded(nats: NDArray[np.float32]) -> NDArray[np.float64]:
    """Round entropies in nats to the decimals of a response."""
    values: NDArray[np.float64] = np.asarray(nats, dtype=np.float64).round(DECIMALS)
    return values


def _options(
    mode: PatchingMode, request: PatchRequest, source: EntropySource | None
) -> RuleOptions:
    """Return the rule's options.

    A missing value is the model's own; a threshold stays out if a rule of the mode does without.
    """
    given = RuleOptions(
        threshold=request.threshold,
        threshold_add=request.threshold_add,
        patch_size=request.patch_size,
        max_patch_length=request.max_patch_length,
    )
    rules = rules_of(mode)
    threshold, longest = given.threshold, given.max_patch_length
    if all(rule.lacks(given) for rule in rules) and threshold is None:
        threshold = source.threshold if source else 0.0
    if longest is None and source and any(rule.uses_entropies for rule in rules):
        longest = source.max_patch_length
    return replace(given, threshold=threshold, max_patch_length=longest)
