"""Trains the network: losses, optimizer, learning-rate schedule, checkpoints, progress.

A run keeps two checkpoints in its folder: ``last.weights.h5`` after each epoch, and
``best.weights.h5``, the one with the lowest validation loss, which is what gets exported.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import keras
import tensorflow as tf
from rich.console import Console

from live.errors import UserError
from live.events import PREDICTED, UNKNOWN
from training.callbacks import BEST, Checkpoints, Pace, Progress
from training.dataset import training_dataset, validation_dataset
from training.network import EventLSTM, NetworkConfig
from training.pieces import Piece

NATS_PER_BIT: Final = math.log(2.0)


@dataclass(frozen=True)
class Plan:
    """Hyperparameters of one training run."""

    batch: int = 32
    """Windows per step."""
    steps: int = 128
    """Events per window."""
    learning_rate: float = 2e-3
    """The highest; reached after the warm-up, then falling along a cosine to almost nothing."""
    warm_up: float = 0.03
    """Share of the run in which the learning rate rises."""
    clipnorm: float = 1.0
    epochs: int = 30
    """The most passes over the training pieces' events."""
    minutes: float | None = None
    """When to stop at the latest; the schedule then ends there. None: after ``epochs``."""
    patience: int = 5
    """Stop after this many epochs without a lower validation loss."""
    seed: int = 1


@dataclass(frozen=True)
class Outcome:
    """What a run came to."""

    network: EventLSTM
    """With the weights of the best epoch."""
    bits: dict[str, float]
    """Bits per note of the best epoch on held-out music, by field, and their ``sum``."""
    epochs: int
    """Finished epochs, the last perhaps cut short."""
    events: int
    """Events trained on, all epochs together."""
    seconds: float


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


def losses() -> dict[str, keras.losses.Loss]:
    """Return the loss of each field: cross-entropy in nats, averaged over known targets."""
    return {
        f.name: keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, ignore_class=UNKNOWN, name=f.name
        )
        for f in PREDICTED
    }


def compile_for_training(network: EventLSTM, plan: Plan) -> None:
    """Give the network its losses, metrics and optimizer.

    Not compiled by XLA, which measured slower on the CPU (docs/model.md).
    """
    network.compile(
        optimizer=keras.optimizers.Adam(plan.learning_rate, clipnorm=plan.clipnorm),
        loss=losses(),
        metrics={f.name: [KnownBits(name="bits")] for f in PREDICTED},
        jit_compile=False,
    )


def faster_products() -> tf.DType:
    """Return float32 or bfloat16, whichever this machine multiplies matrices faster in.

    Only processors with instructions for bfloat16 gain by it; there it trains up to twice as fast.
    """

    def seconds(kind: tf.DType) -> float:
        matrix = tf.cast(tf.random.normal((1024, 1024)), kind)
        times = []
        for _ in range(5):
            began = time.perf_counter()
            tf.matmul(matrix, matrix).numpy()
            times.append(time.perf_counter() - began)
        return min(times)

    return min((tf.float32, tf.bfloat16), key=seconds)


def bits_of(logs: dict[str, Any], prefix: str = "") -> dict[str, float]:
    """Return bits per note by field, and their sum, from Keras's logs."""
    bits = {f.name: float(logs[f"{prefix}{f.name}_bits"]) for f in PREDICTED}
    return {**bits, "sum": sum(bits.values())}


@contextmanager
def _stopping_at_interrupt(pace: Pace) -> Iterator[None]:
    """Make Ctrl-C and SIGTERM end the run after the step; a second one ends the program."""

    def stop(number: int, _frame: Any) -> None:
        pace.stop = True
        signal.signal(number, before[number])

    before: dict[int, Any] = {
        number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def fit(
    config: NetworkConfig,
    plan: Plan,
    training: Sequence[Piece],
    validation: Sequence[Piece],
    folder: Path,
    console: Console,
) -> Outcome:
    """Train a network from the beginning.

    Args:
        config: its shape.
        plan: how to train it.
        training: pieces to learn from.
        validation: pieces to judge each epoch by; never learnt from.
        folder: of the run, for checkpoints; made if missing.
        console: where progress is shown.

    Returns:
        The best epoch's network and figures. Ctrl-C ends training early, not the program.

    Raises:
        UserError: the checkpoints cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write checkpoints to {folder}: {error.strerror}") from error
    keras.utils.set_random_seed(plan.seed)
    batches = training_dataset(training, batch=plan.batch, steps=plan.steps, seed=plan.seed)
    held_out = validation_dataset(validation, batch=plan.batch, steps=plan.steps)
    events = sum(len(piece.notes) + 1 for piece in training)
    steps_per_epoch = max(1, round(events / (plan.batch * plan.steps)))

    network = EventLSTM(config)
    network.build(None)
    network.products = faster_products()
    compile_for_training(network, plan)

    pace = Pace(plan.learning_rate, plan.warm_up, plan.epochs * steps_per_epoch, plan.minutes)
    checkpoints = Checkpoints(folder, plan.patience)
    progress = Progress(console, pace, steps_per_epoch, plan.batch * plan.steps)
    with _stopping_at_interrupt(pace), progress:
        network.fit(
            batches,
            validation_data=held_out,
            epochs=plan.epochs if plan.minutes is None else 10**6,
            steps_per_epoch=steps_per_epoch,
            callbacks=[pace, checkpoints, progress],
            shuffle=False,
            verbose=0,
        )

    network.load_weights(folder / BEST)
    network.products = tf.float32
    compile_for_training(network, plan)  # traced anew, with what the performer computes in
    figures = network.evaluate(held_out, verbose=0, return_dict=True)
    return Outcome(
        network=network,
        bits=bits_of(figures),
        epochs=checkpoints.epochs,
        events=pace.steps_done * plan.batch * plan.steps,
        seconds=pace.elapsed_s,
    )
