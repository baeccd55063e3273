"""Compare the network of a well-known tutorial with Continuo's, on the same music and time.

    python -m benchmarks.tutorial --data FOLDER [--minutes 10]

The tutorial's network reads the last 100 tokens, each a note or a chord, as numbers scaled to 0..1:
three LSTM layers of 512 units with dropout 0.3, a dense layer of 256, softmax, categorical
cross-entropy, RMSprop, 64 windows a batch, float32. A chord is a token of its own, without octaves.

Both are trained on the same pieces, reduced to one piano, for the same minutes of processor time:
at the same time, each in a process with one thread and, where the system can, on a core of its own,
so that what else runs on the machine takes from both alike. Then both are judged on the same onsets
of pieces of which no edition was trained on. The tutorial's tokens are made from the same notes:
its own list of them, ``data/notes``, runs all pieces into each other and cannot be split by work.

Continuo's network has to spell every note of an onset, with its octave. What rhythm costs it, which
the tutorial's network knows nothing of, stands beside that. An onset for which the tutorial's
network has no token would cost it infinitely many bits: such onsets are left out of the bits of
both, and count as wrong where the likeliest is asked for.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks.onsets import by_one_pianist, cost, likeliest, onsets, token
from benchmarks.performer import PROJECT, machine
from live.events import Note, encode_piece
from live.model import Model
from training.columns import columns_of
from training.runtime import load_tensorflow

WINDOW = 100
BATCH = 64
JUDGED = 1500
"""Held-out onsets that both are judged on, spread over all pieces: the tutorial's is slow."""
TIMED = 20

Onsets = tuple[tuple[Note, ...], ...]
"""One piece."""


@dataclass(frozen=True)
class Task:
    """What both networks are given."""

    training: tuple[Onsets, ...]
    validation: tuple[Onsets, ...]
    """Continuo's chooses its best epoch by these; the tutorial has no such thing."""
    held_out: tuple[Onsets, ...]
    minutes: float

    @property
    def judged(self) -> list[tuple[int, int]]:
        """Return which onsets are judged: numbers of the piece and of the onset in it."""
        places = [(p, i) for p, o in enumerate(self.held_out) for i in range(WINDOW, len(o))]
        return places[:: -(-len(places) // JUDGED)]


@dataclass(frozen=True)
class Result:
    """What one network came to."""

    name: str
    bits: tuple[float, ...]
    """Of each judged onset, rhythm aside; infinite if there is no token for it."""
    right: tuple[bool, ...]
    """Whether the likeliest was it; of a chord, as the tutorial spells it."""
    ms: float
    """To predict one onset, median."""
    windows: int
    """Windows trained on."""
    note: str


def spelled(piece: Sequence[Sequence[Note]]) -> list[str]:
    """Return the tutorial's tokens of a piece."""
    return [token([n.pitch for n in group]) for group in piece]


def alone(core: int) -> None:
    """Give this process one thread and, where the system can, one core."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[core % len(cores)]})
    os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["TF_NUM_INTEROP_THREADS"] = "1"
    os.environ["OMP_NUM_THREADS"] = "1"
    load_tensorflow()


@dataclass(frozen=True)
class Trained:
    """The tutorial's network."""

    network: Any
    number: dict[str, int]
    """Of each token that training met."""
    windows_seen: int


def build(size: int) -> Any:
    """Return the tutorial's network for so many tokens, untrained."""
    import keras

    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input((WINDOW, 1)),
            layers.LSTM(512, return_sequences=True),
            layers.Dropout(0.3),
            layers.LSTM(512, return_sequences=True),
            layers.Dropout(0.3),
            layers.LSTM(512),
            layers.Dense(256),
            layers.Dropout(0.3),
            layers.Dense(size, activation="softmax"),
        ]
    )
    network.compile(loss="categorical_crossentropy", optimizer="rmsprop")
    return network


def train(
    pieces: Sequence[Sequence[str]],
    minutes: float,
    console: Console,
    now: Callable[[], float] = time.monotonic,
) -> Trained:
    """Train the tutorial's network on pieces of tokens for so long; ``now`` tells seconds."""
    vocabulary = sorted({name for tokens in pieces for name in tokens})
    number = {name: i for i, name in enumerate(vocabulary)}
    size = len(vocabulary)
    ends = np.cumsum([max(len(tokens) - WINDOW, 0) for tokens in pieces])
    network = build(size)
    random = np.random.default_rng(1)
    seen, began = 0, now()
    while now() - began < 60 * minutes:
        places = random.integers(ends[-1], size=BATCH)
        owners = np.searchsorted(ends, places, side="right")
        batch = [
            (pieces[owner], int(place - ends[owner] + len(pieces[owner])))
            for owner, place in zip(owners, places, strict=True)
        ]
        inputs = np.array([[number[n] for n in t[i - WINDOW : i]] for t, i in batch], np.float32)
        targets = np.eye(size, dtype=np.float32)[[number[t[i]] for t, i in batch]]
        loss = network.train_on_batch(inputs[..., None] / size, targets)
        seen += BATCH
        if seen % (20 * BATCH) == 0:
            passed = (now() - began) / 60
            console.print(f"tutorial: {passed:.1f} min, {seen} windows, {float(loss):.3f} nats")
    return Trained(network, number, seen)


def tutorial(task: Task) -> Result:
    """Train and judge the tutorial's network."""
    alone(0)
    import keras

    keras.utils.set_random_seed(1)
    pieces = [spelled(piece) for piece in task.training]
    trained = train(pieces, task.minutes, Console(), now=time.process_time)
    network, number = trained.network, trained.number
    size = len(number)
    held_out = [spelled(piece) for piece in task.held_out]
    # A token that training never met has no number; 0 stands for it among the hundred heard.
    heard = np.array(
        [[number.get(n, 0) for n in held_out[p][i - WINDOW : i]] for p, i in task.judged]
    )
    inputs = (heard / size)[..., None].astype(np.float32)
    found = network.predict(inputs, batch_size=BATCH, verbose=0).astype(np.float64)
    true = [number.get(held_out[p][i]) for p, i in task.judged]
    return Result(
        "the tutorial's",
        tuple(
            np.inf if t is None else float(-np.log2(p[t])) for t, p in zip(true, found, strict=True)
        ),
        tuple(t == int(np.argmax(p)) for t, p in zip(true, found, strict=True)),
        median_ms([lambda: network.predict(inputs[:1], verbose=0)] * TIMED),
        trained.windows_seen,
        f"one of {size} tokens; {true.count(None)} of {len(true)} onsets have none",
    )


def continuo(task: Task) -> Result:
    """Train and judge Continuo's network, the latter through the file that would be played."""
    alone(1)
    from training.dataset import Readings
    from training.fit import Lesson, fit
    from training.model_files import write_model
    from training.settings import Training

    def readings(pieces: Sequence[Onsets]) -> Readings:
        return Readings.of([columns_of(n for group in p for n in group) for p in pieces])

    # There is little music: smaller batches are more steps, and the best epoch may come late.
    settings = Training(epochs=0, minutes=task.minutes, batch=16, patience=10**6)
    with tempfile.TemporaryDirectory() as folder:
        outcome = fit(
            settings,
            Lesson(readings(task.training), readings(task.validation)),
            Path(folder),
            Console(),
            now=time.process_time,
        )
        path = Path(folder) / "model.onnx"
        write_model(outcome.network, path, {}, [], Console(quiet=True))
        return judge(Model(path), task, outcome.events // settings.steps)


def judge(model: Model, task: Task, windows: int) -> Result:
    """Judge a model on the onsets that the tutorial's network is judged on."""
    bits, rhythm, right, exact, calls = [], [], [], [], list[Callable[[], object]]()
    wanted = set(task.judged)
    for p, piece in enumerate(task.held_out):
        rows = encode_piece(n for group in piece for n in group)
        states, heard, row = model.zero_states(), rows[:1], 1
        for i, group in enumerate(piece):
            mine = rows[row : row + len(group)]
            row += len(group)
            if (p, i) in wanted:
                of_notes, of_rhythm = cost(model, states, heard, mine)
                bits.append(of_notes)
                rhythm.append(of_rhythm)
                said, true = likeliest(model, states, heard), tuple(n.pitch for n in group)
                right.append(token(said) == token(true))
                exact.append(said == true)
                calls.append(lambda s=states, h=heard: likeliest(model, s, h))
            states, heard = model.run(heard, states).states, mine
    return Result(
        "Continuo's",
        tuple(bits),
        tuple(right),
        median_ms(calls),
        windows,
        f"{100 * np.mean(exact):.1f}% with every octave; "
        f"rhythm takes {np.mean(rhythm):.2f} bits per onset more",
    )


def median_ms(calls: Sequence[Callable[[], object]]) -> float:
    """Return the median milliseconds of calls."""
    times = []
    for call in calls:
        start = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - start))
    return float(np.median(times))


def main() -> None:
    """Train both, judge both, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="a folder of MIDI files")
    parser.add_argument(
        "--minutes", type=float, default=10.0, help="of training each, of processor time"
    )
    arguments = parser.parse_args()
    from training.prepare import cache_folder, prepare

    corpus, _ = prepare(arguments.data, cache_folder())
    parts = corpus.split(validation=0.05, test=0.15)
    training, validation, held_out = (
        tuple(tuple(onsets(by_one_pianist(corpus.piece(i)))) for i in part)
        for part in (parts.train, parts.validation, parts.test)
    )
    task = Task(training, validation, held_out, arguments.minutes)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=spawn) as pool:
        results = [done.result() for done in [pool.submit(f, task) for f in (tutorial, continuo)]]
    shipped = judge(Model(PROJECT / "exported_models" / "default.onnx"), task, 0)
    results.append(replace(shipped, name="Continuo's as shipped, trained on other music"))
    both = np.all(np.isfinite([r.bits for r in results]), axis=0)
    print(
        f"\nMeasured on {date.today()} on {machine()}: {arguments.minutes:g} minutes of one core's "
        f"time each, {len(training)} pieces to learn from, {len(task.judged)} onsets of "
        f"{len(held_out)} pieces to judge by.\n"
    )
    print("| network | bits per onset | next note or chord right | ms per onset | windows seen | |")
    print("|---" * 6 + "|")
    for r in results:
        print(
            f"| {r.name} | {np.mean(np.array(r.bits)[both]):.2f} | {100 * np.mean(r.right):.1f}% | "
            f"{r.ms:.1f} | {f'{r.windows:,}' if r.windows else ''} | {r.note} |"
        )


if __name__ == "__main__":
    main()
