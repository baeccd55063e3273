"""The n-grams as a network: heard and drawn from as the performer does with a model."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import numpy as np

from live.events import FIELDS, PREDICTED, UNKNOWN, Tokens
from live.prediction import FIELD_SLICE, FORBIDDEN, FREE, TOKEN_COUNT, Floats, Prediction
from training.ngram import ORDERS, FieldCounts, contexts

LAGS = ORDERS[-1] - 1


class NGramNetwork:
    """Stands where ``live.model.Model`` may; its states are the latest events."""

    def __init__(self, counts: Sequence[FieldCounts], order: int = ORDERS[-1]) -> None:
        """Play by the counts of all predicted fields, in their order."""
        self._order = order
        self._counts = counts

    def zero_states(self) -> Floats:
        """Return the states before anything was heard, (LAGS, F)."""
        return np.full((LAGS, len(FIELDS)), UNKNOWN, dtype=np.float32)

    def run(
        self,
        events: Tokens,
        states: Floats,
        *,
        noise: Floats | None = None,
        logit_bias: Floats | None = None,
        forced: Tokens | None = None,
        temperature: float = 1.0,
        min_p: float = 0.0,
    ) -> Prediction:
        """Hear events and predict the one that follows, see ``live.prediction.Network.run``.

        Only the logits after the last event are returned, (1, N).
        """
        latest = np.concatenate([events[::-1], states.astype(np.int32)])[:LAGS]
        event = np.full(len(PREDICTED), UNKNOWN, dtype=np.int32)
        logits = np.empty(TOKEN_COUNT, dtype=np.float32)
        for k, counts in enumerate(self._counts):
            part = FIELD_SLICE[counts.field.name]
            symbols = contexts(counts.field, latest[None], event[None])
            levels = counts.distributions(symbols)
            p = next(islice(levels, counts.level_of(self._order), None))[0]
            logits[part] = np.log(np.maximum(p, np.finfo(np.float32).tiny))
            if forced is not None and forced[k] != FREE:
                event[k] = forced[k]
                continue
            # As training.network.EventSampler does it inside the graph.
            scores = logits[part] + (0.0 if logit_bias is None else logit_bias[part])
            scores = scores - scores.max()
            hopeless = scores < np.log(max(min_p, 1e-9))
            scores = scores / max(temperature, 1e-4) + hopeless * FORBIDDEN
            event[k] = np.argmax(scores + (0.0 if noise is None else noise[part]))
        return Prediction(event, logits[None], latest.astype(np.float32))
