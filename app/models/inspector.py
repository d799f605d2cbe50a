"""One forward pass of the BLT in detail: hash buckets, patches, cross-attention weights.

Legend: ``N`` bytes of the text, ``S = N + 1`` tokens (BOS first), ``K`` vectors per patch, ``H``
heads, ``L`` layers with cross-attention.
"""

from http import HTTPStatus
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from app.models.generator import TextMaker
from app.requests import deadline
from app.requests.fair_queue import FairQueue
from app.requests.json_parts import token_text
from app.requests.problems import ProblemError
from app.schemas.inspect import Heads, InspectRequest
from app.settings import Settings
from bytelatent.patching.rules import PatchingMode, RuleOptions, rule_of
from bytelatent.runtime.inspection import Inspection
from bytelatent.tokenizers.constants import OFFSET

NATS, WEIGHTS, CHANCES = 6, 4, 6
"""Number of decimals of nats, of attention weights and of probabilities in a response."""


class PatchingRule(Protocol):
    """Interface of a patching rule; :class:`bytelatent.patching.patcher.PatcherArgs` has it."""

    def mode(self) -> PatchingMode:
        """Return the name of the rule."""
        ...

    def options(self) -> RuleOptions:
        """Return the options of the rule."""
        ...


@runtime_checkable
class InspectSource(Protocol):
    """Interface of a BLT that can be inspected, such as :class:`bytelatent.runtime.BltRuntime`."""

    name: str

    @property
    def patcher(self) -> PatchingRule:
        """Patching rule of the BLT."""
        ...

    def inspect(self, data: bytes, *, top_k: int = 0) -> Inspection:
        """Return the details of a forward pass over ``data``, with ``top_k`` predictions a byte."""
        ...


class Inspector:
    """A BLT that is inspected, with the queue in front of it.

    The BLT is the one of the text maker; an inspection does not wait for a text that is generated.

    Args:
        maker: the text maker; it has the BLT, or the reason why there is none.
        settings: limits.
    """

    def __init__(self, maker: TextMaker, settings: Settings) -> None:
        source: object = maker.source
        self.source = source if isinstance(source, InspectSource) else None
        self.hash_rows = maker.costs.blt.hashes.buckets if maker.costs else 0
        self.heads = maker.costs.blt.cross_heads if maker.costs else 0
        self.reason, self.limit = maker.reason, settings.inspect_limit
        self._queue = FairQueue(
            "The model", max_queued=settings.max_queued, wait_seconds=settings.wait_seconds
        )

    def answer(self, request: InspectRequest, data: bytes) -> dict[str, Any]:
        """Inspect a text and return the response of ``POST /api/inspect``.

        Raises:
            ProblemError: no BLT is loaded, the queue is full, or the time limit is over.
            ClientGoneError: the client has left.
        """
        if self.source is None:
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, f"No BLT is loaded: {self.reason}")
        limit = deadline.current()
        with self._queue.take(limit.gone, client=limit.name):
            limit.check()
            seen = self.source.inspect(data, top_k=request.top_k)
        response = {
            "model": self.source.name,
            "threshold": entropy_threshold(self.source.patcher),
            "bytes": len(data),
            **_bytes_and_patches(seen),
            "hash_rows": self.hash_rows,
            "hashes": [
                {"size": table.size, "function": table.function, "buckets": ids.tolist()}
                for table, ids in zip(seen.hash_tables, seen.hash_ids.T, strict=True)
            ],
            "encoder_attention": _maps(seen.encoder_weights, request.heads),
            "decoder_attention": _maps(seen.decoder_weights, request.heads),
        }
        if request.top_k:
            response["predictions"] = _predictions(seen)
        return response


def entropy_threshold(patcher: PatchingRule) -> float | None:
    """Return the threshold in nats above which an entropy starts a patch; None for other rules."""
    options = patcher.options()
    rule = rule_of(patcher.mode(), options)
    return options.threshold if rule.calibrated and rule.compares == "height" else None


def _bytes_and_patches(seen: Inspection) -> dict[str, Any]:
    return {
        "tokens": seen.tokens.tolist(),
        "entropies": None if seen.entropies is None else _rounded(seen.entropies, NATS),
        "nats": _rounded(seen.nats, NATS),
        "patch_lengths": seen.patch_lengths.tolist(),
        "patches": [
            {
                "position": patch.position,
                "start": patch.begin - 1,
                "length": patch.end - patch.begin,
                "text": patch.data.decode("utf-8", "replace"),
                "complete": patch.complete,
            }
            for patch in seen.patches
            if patch.data
        ],
        "read_into": seen.encoder_patch.tolist(),
        "predicted_from": seen.decoder_patch.tolist(),
    }


def _maps(weights_LSKH: NDArray[np.float32], heads: Heads) -> list[dict[str, Any]]:
    """Return the mean over the heads of each layer, followed by each head if requested."""
    maps = []
    for layer, weights_SKH in enumerate(weights_LSKH, 1):
        shown: list[tuple[int | None, NDArray[np.float32]]] = [(None, weights_SKH.mean(-1))]
        if heads == "each":
            shown += [
                (head, weights_SKH[..., head - 1]) for head in range(1, weights_SKH.shape[-1] + 1)
            ]
        maps += [
            {"layer": layer, "head": head, "weights": _rounded(weights_SK.T, WEIGHTS)}
            for head, weights_SK in shown
        ]
    return maps


def _predictions(seen: Inspection) -> list[list[dict[str, Any]]]:
    return [
        [
            {
                "id": token,
                "byte": token - OFFSET if token >= OFFSET else None,
                "text": token_text(token),
                "p": p,
            }
            for token, p in zip(ids, chances, strict=True)
        ]
        for ids, chances in zip(
            seen.top_ids.tolist(), _rounded(seen.top_probabilities, CHANCES), strict=True
        )
    ]


def _rounded(values: NDArray[np.float32], decimals: int) -> Any:
    """Return nested lists of rounded numbers; single-precision sums may slightly exceed 1."""
    return np.asarray(values, dtype=np.float64).round(decimals).tolist()
