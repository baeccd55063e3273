"""Measure training on this machine and print a table.

    python -m benchmarks.school [--size m] [--events 1000000] [--steps 20] [--rounds 3]

Two questions: does the input pipeline keep up (windows as in training against one batch of random
tokens over and over), and is our recurrence faster than Keras's own LSTM layer? What is compared
takes turns, round by round, so that a machine that gets busier or warmer treats both alike; of each
the best round counts, by the median of its steps. Music is random notes: speed does not hang on
what they are.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import psutil
from rich.console import Console

from benchmarks.performer import machine
from live.events import FIELDS, PREDICTED
from training.columns import NOTE, Columns
from training.runtime import load_tensorflow
from training.settings import SIZES, Training

PIECE = 2000
"""Notes in a piece."""


def main() -> None:
    """Measure everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="m")
    parser.add_argument("--batch", type=int, default=Training().batch)
    parser.add_argument("--events", type=int, default=1_000_000, help="events to draw windows of")
    parser.add_argument("--steps", type=int, default=20, help="training steps of a round")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    settings = Training(size=arguments.size, batch=arguments.batch)
    before = psutil.getloadavg()
    load_tensorflow()
    from training.dataset import Readings, Share, training_batch
    from training.runtime import faster_products

    console = Console(stderr=True)
    console.print("encoding")
    began = time.perf_counter()
    music = Readings.of([piece(i) for i in range(max(1, arguments.events // PIECE))])
    encoded_s = time.perf_counter() - began
    shares = [Share(music, settings.batch)]
    drawn = []
    for step in range(50):
        began = time.perf_counter()
        training_batch(shares, step, steps=settings.steps, seed=1, variation=settings.variation)
        drawn.append(time.perf_counter() - began)
    products = faster_products()
    step_events = settings.batch * settings.steps
    kept_mb = (music.written.tokens.nbytes + music.reduced.tokens.nbytes) / 1e6
    rows = [
        ("encoding, events/s", f"{music.events / encoded_s:,.0f}"),
        (f"memory of {music.events:,} events, held twice", f"{kept_mb:,.0f} MB"),
        ("windows alone, events/s", f"{step_events / np.median(drawn):,.0f}"),
    ]
    found = measure(settings, shares, products, arguments.steps, arguments.rounds, console)
    rows += [(f"{name}, events/s", f"{step_events / s:,.0f}") for name, s in found.items()]
    ours, tensors, keras_own = found.values()
    rows.append(("pipeline costs", f"{100 * (ours / tensors - 1):.1f}%"))
    rows.append(("faster than Keras's LSTM", f"{keras_own / ours:.2f} times"))
    shape = settings.shape
    print(
        f"Measured on {date.today()} on {machine()}: {shape['layers']} x {shape['units']} units, "
        f"batch {settings.batch} x {settings.steps}, products in {products.name}, best of "
        f"{arguments.rounds} rounds; load before, {before[0]:.1f}.\n"
    )
    print("| what | measured |\n|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")


def piece(seed: int) -> Columns:
    """Return a piece of random notes."""
    random = np.random.default_rng(seed)
    notes = np.zeros(PIECE, dtype=NOTE)
    notes["onset_ticks"] = 6 * np.cumsum(random.integers(0, 4, PIECE))
    notes["pitch"] = random.integers(36, 90, PIECE)
    notes["duration_ticks"] = random.integers(3, 48, PIECE)
    notes["velocity"] = random.integers(1, 128, PIECE)
    notes["bar_ticks"] = notes["onset_ticks"] % 96
    return notes


def measure(
    settings: Training, shares: Any, products: Any, steps: int, rounds: int, console: Console
) -> dict[str, float]:
    """Return the seconds of a training step by what was trained, and on what."""
    import keras
    import tensorflow as tf

    from training.dataset import training_dataset
    from training.network import EventLSTM, NetworkConfig
    from training.objective import compile_for_training

    class KerasLSTM(EventLSTM):
        """The same network through Keras's own layers, in float32 and without dropout."""

        def encode_windows(self, events: Any, training: bool = False) -> Any:  # noqa: ARG002
            shape = (tf.shape(events)[0], self.config.state_rows, self.config.units)
            return self.encode(events, tf.zeros(shape))[0]

    class Stopwatch(keras.callbacks.Callback):
        """Notes the seconds of each step."""

        def __init__(self) -> None:
            super().__init__()
            self.seconds: list[float] = []

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
            if batch == 0:
                self.last = time.perf_counter()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
            now = time.perf_counter()
            self.seconds.append(now - self.last)
            self.last = now

    def network(kind: Callable[..., Any]) -> Any:
        made = kind(NetworkConfig(**settings.shape, dropout=settings.dropout))
        made.build(None)
        made.products = products
        compile_for_training(made, settings)
        return made

    random = np.random.default_rng(0)
    shape = (settings.batch, settings.steps)
    tokens = np.stack([random.integers(f.size, size=shape) for f in FIELDS], axis=-1)
    targets = tokens[..., : len(PREDICTED)].astype(np.int32)
    by_field = {f.name: targets[..., i] for i, f in enumerate(PREDICTED)}
    example = ({"events": tokens.astype(np.int32), "targets": targets}, by_field)
    ours, keras_own = network(EventLSTM), network(KerasLSTM)
    drawn = training_dataset(
        shares, first=0, steps=settings.steps, seed=1, variation=settings.variation
    )
    same = tf.data.Dataset.from_tensors(example).repeat().prefetch(2)
    turns = {
        "windows, our recurrence": (ours, drawn),
        "random tokens, our recurrence": (ours, same),
        "windows, Keras's LSTM": (keras_own, drawn),
    }
    seconds: dict[str, list[float]] = {name: [] for name in turns}
    for turn in range(rounds + 1):  # the first is for tracing
        for name, (trained, dataset) in turns.items():
            console.print(f"round {turn} of {rounds}: {name}")
            watch = Stopwatch()
            trained.fit(dataset, steps_per_epoch=steps if turn else 2, callbacks=[watch], verbose=0)
            if turn:
                seconds[name].append(float(np.median(watch.seconds[1:])))
    return {name: min(found) for name, found in seconds.items()}


if __name__ == "__main__":
    main()
