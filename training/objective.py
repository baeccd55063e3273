"""What the network is trained for and judged by: cross-entropy of the targets that are known.

Shapes: B batch, T time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import keras
import tensorflow as tf

from live.events import PREDICTED, UNKNOWN
from training.dataset import Window
from training.network import EventLSTM
from training.settings import Training

NATS_PER_BIT: Final = math.log(2.0)


@keras.saving.register_keras_serializable("continuo")
class KnownCrossentropy(keras.losses.Loss):
    """Mean cross-entropy of known targets in nats; UNKNOWN ones give no loss and no gradient."""

    def __init__(self, smoothing: float = 0.0, name: str = "known_crossentropy") -> None:
        """Spread ``smoothing``, a share of each target, over all values alike."""
        super().__init__(name=name)
        self.smoothing = smoothing

    def call(self, targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Return the loss, (1,), of targets (B, T) and logits (B, T, size).

        One number for the batch; as a scalar, Keras would not divide it by the number of workers.
        """
        targets = tf.cast(targets, tf.int32)  # Keras makes floats of them
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
        if self.smoothing:
            even = tf.reduce_logsumexp(logits, axis=-1) - tf.reduce_mean(logits, axis=-1)
            nats = (1.0 - self.smoothing) * nats + self.smoothing * even
        known = tf.cast(tf.not_equal(targets, UNKNOWN), nats.dtype)
        return tf.math.divide_no_nan(tf.reduce_sum(nats * known), tf.reduce_sum(known))[None]

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds this loss."""
        return {"smoothing": self.smoothing, "name": self.name}


@keras.saving.register_keras_serializable("continuo")
class KnownBits(keras.metrics.Mean):
    """Mean cross-entropy of known targets in bits per token, exact over a whole epoch.

    The loss of a batch is a mean as well, but the mean of those is not the mean over all notes
    where batches know different numbers of targets.
    """

    def update_state(
        self, targets: tf.Tensor, logits: tf.Tensor, sample_weight: tf.Tensor | None = None
    ) -> None:
        """Add targets (B, T) and logits (B, T, size), optionally weighted, (B, T)."""
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(
            tf.cast(targets, tf.int32), tf.cast(logits, tf.float32)
        )
        known = tf.cast(tf.not_equal(targets, UNKNOWN), tf.float32)
        weight = known if sample_weight is None else known * sample_weight
        super().update_state(nats / NATS_PER_BIT, sample_weight=weight)


def losses(smoothing: float = 0.0) -> dict[str, keras.losses.Loss]:
    """Return the loss of each field."""
    return {f.name: KnownCrossentropy(smoothing, name=f.name) for f in PREDICTED}


def compile_for_training(network: EventLSTM, settings: Training) -> None:
    """Give the network its losses, metrics and optimizer.

    Not compiled by XLA, which measured slower on the CPU (docs/model.md).
    """
    kinds = {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop}
    network.compile(
        optimizer=kinds[settings.optimizer](settings.learning_rate, clipnorm=settings.clipnorm),
        loss=losses(settings.label_smoothing),
        metrics={f.name: [KnownBits(name="bits")] for f in PREDICTED},
        jit_compile=False,
    )
    network.optimizer.build(network.trainable_variables)  # a checkpoint has something to fill


def build_metrics(network: EventLSTM, example: Window) -> None:
    """Create the variables of losses and metrics, from one batch of any size.

    Keras would create them as it traces the first step, and TensorFlow trace that once more for it.
    """
    network._symbolic_build(data_batch=example)


def bits_of(logs: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """Return bits per note by field, and their sum, from Keras's logs."""
    bits = {f.name: float(logs[f"{prefix}{f.name}_bits"]) for f in PREDICTED}
    return {**bits, "sum": sum(bits.values())}
