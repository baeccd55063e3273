"""The network when several workers train it together (TensorFlow's MultiWorkerMirroredStrategy).

Each worker computes its part of every batch; gradients are added up over all of them, so that the
network is the same everywhere after each step, and the same as one machine's but for rounding.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from training.network import EventLSTM


@keras.saving.register_keras_serializable("continuo")
class SharedEventLSTM(EventLSTM):
    """The network in a form that Keras 3 can fit on several workers.

    Keras builds metrics from a batch that it averages over the workers, and averages the figures
    of a step along their first axis; it can do neither with dictionaries nor with plain numbers.
    So metrics are built before (``training.objective``), and figures are given an axis.
    """

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        """Do nothing: all is built. Keras's own would also take a batch away from training."""

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Train on this worker's part of a batch; figures are (1,) each."""
        return {name: value[None] for name, value in super().train_step(data).items()}

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Judge this worker's part of a batch; figures are (1,) each."""
        return {name: value[None] for name, value in super().test_step(data).items()}
