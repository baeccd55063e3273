"""Compare the network of a well-known tutorial with Continuo's, on the same music and time.

    python -m benchmarks.tutorial --data FOLDER [--minutes 10]

The tutorial's network reads the last 100 tokens, each a note or a chord, as numbers scaled to 0..1:
three LSTM layers of 512 units with dropout 0.3, a dense layer of 256, softmax, categorical
cross-entropy, RMSprop. A chord is a token of its own, its normal order without octaves, as music21
writes it. Both networks are trained for the same minutes on the same pieces and judged on the same
held-out onsets; pieces of one work are never parted.

What is counted for Continuo's network, per onset: the bits of every pitch of the chord, with its
octave, and of where the chord ends (shift 0 or not). The bits of rhythm, which the tutorial's
network knows nothing of, are listed beside it. A chord that the tutorial's network has no token for
would cost it infinitely many bits; it is left out of its bits, and counted as wrong.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from music21 import chord, pitch
from rich.console import Console

from benchmarks.performer import machine
from live.events import COLUMN, PREDICTED, SHIFT, UNKNOWN, Note, encode_piece, special_event
from live.model import FIELD_SLICE, FORBIDDEN, FREE, TOKEN_COUNT, Model
from training.pieces import Piece
from training.runtime import load_tensorflow

WINDOW = 100
BATCH = 128
JUDGED_ONSETS = 3000
"""Held-out onsets that both are judged on, at most: the tutorial's network is slow."""


@dataclass(frozen=True)
class Result:
    """What one network came to on the held-out onsets."""

    name: str
    bits_per_onset: float
    accuracy: float
    ms_per_onset: float
    windows_seen: int
    note: str


def token(notes: Sequence[Note]) -> str:
    """Return the tutorial's token of the notes of one onset."""
    pitches = {n.pitch for n in notes}
    if len(pitches) == 1:
        return _name(*pitches)
    return _normal_order(frozenset(p % 12 for p in pitches))


@cache
def _name(midi_pitch: int) -> str:
    return str(pitch.Pitch(midi=midi_pitch))


@cache  # music21 takes a millisecond for each, and a normal order hangs on pitch classes alone
def _normal_order(pitch_classes: frozenset[int]) -> str:
    return ".".join(str(p) for p in chord.Chord(sorted(pitch_classes)).normalOrder)


def onsets(piece: Piece) -> list[tuple[Note, ...]]:
    """Return the notes of a piece, onset by onset."""
    ordered = sorted(piece.notes, key=lambda n: n.sort_key)
    return [tuple(group) for _, group in groupby(ordered, key=lambda n: n.onset_ticks)]


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

    network = keras.Sequential(
        [
            keras.Input((WINDOW, 1)),
            keras.layers.LSTM(512, return_sequences=True),
            keras.layers.Dropout(0.3),
            keras.layers.LSTM(512, return_sequences=True),
            keras.layers.Dropout(0.3),
            keras.layers.LSTM(512),
            keras.layers.Dense(256),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(size, activation="softmax"),
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
    began = now()
    seen = 0
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
            console.print(f"tutorial: {seen} windows, loss {float(loss):.3f} nats")
    return Trained(network, number, seen)


def tutorial(
    training: Sequence[Piece], held_out: Sequence[Piece], minutes: float, console: Console
) -> Result:
    """Train and judge the tutorial's network."""
    pieces = [[token(group) for group in onsets(p)] for p in training]
    trained = train(pieces, minutes, console)
    network, number, seen = trained.network, trained.number, trained.windows_seen
    size = len(number)
    judged = [
        (tokens, i)
        for piece in held_out
        for tokens in [[token(group) for group in onsets(piece)]]
        for i in range(WINDOW, len(tokens))
    ][:JUDGED_ONSETS]
    bits: list[float] = []
    right: list[bool] = []
    unknown = 0
    for first in range(0, len(judged), BATCH):
        batch = judged[first : first + BATCH]
        # A token that training never met has no number; the nearest honest input is 0.
        inputs = np.array([[number.get(n, 0) for n in t[i - WINDOW : i]] for t, i in batch])
        found = network.predict_on_batch((inputs / size)[..., None].astype(np.float32))
        for (tokens, i), probabilities in zip(batch, found, strict=True):
            true = number.get(tokens[i])
            if true is None:
                unknown += 1
                right.append(False)
                continue
            bits.append(float(-np.log2(max(probabilities[true], 1e-9))))
            right.append(int(np.argmax(probabilities)) == true)
    window = np.zeros((1, WINDOW, 1), np.float32)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        network.predict(window, verbose=0)
        times.append(1e3 * (time.perf_counter() - start))
    return Result(
        "the tutorial's",
        float(np.mean(bits)),
        float(np.mean(right)),
        float(np.median(times)),
        seen,
        f"{size} tokens; {unknown} of {len(judged)} onsets are chords it has no token for",
    )


def continuo(
    training: Sequence[Piece],
    validation: Sequence[Piece],
    held_out: Sequence[Piece],
    minutes: float,
    console: Console,
) -> Result:
    """Train and judge Continuo's network, the latter through its ONNX file."""
    from training.columns import columns_of
    from training.dataset import Readings
    from training.export import export
    from training.fit import Lesson, fit
    from training.settings import Training

    with tempfile.TemporaryDirectory() as folder:
        settings = Training(minutes=minutes)
        lesson = Lesson(
            *(Readings.of([columns_of(p.notes) for p in part]) for part in (training, validation))
        )
        outcome = fit(settings, lesson, Path(folder), console)
        path = Path(folder) / "model.onnx"
        export(outcome.network, path, {"data": [], "training": {}})
        return judge(Model(path), held_out, outcome.events // settings.steps)


def judge(model: Model, held_out: Sequence[Piece], windows_seen: int) -> Result:
    """Judge a model on the onsets that the tutorial's network is judged on."""
    bits: list[float] = []
    rhythm: list[float] = []
    right: list[bool] = []
    times: list[float] = []
    for piece in held_out:
        groups = onsets(piece)
        states = model.zero_states()
        heard = special_event(1)[None]
        rows = encode_piece(piece.notes)[1:]
        row = 0
        for i, group in enumerate(groups):
            mine = rows[row : row + len(group)]
            row += len(group)
            if i >= WINDOW and len(bits) < JUDGED_ONSETS:
                start = time.perf_counter()
                right.append(predict(model, states, heard) == tuple(n.pitch for n in group))
                times.append(1e3 * (time.perf_counter() - start))
                spelled, timed = cost(model, states, heard, mine)
                bits.append(spelled)
                rhythm.append(timed)
            states = model.run(heard, states).states
            heard = mine
    return Result(
        "Continuo's",
        float(np.mean(bits)),
        float(np.mean(right)),
        float(np.median(times)),
        windows_seen,
        f"and {np.mean(rhythm):.2f} bits per onset for rhythm: when it comes, how long it sounds",
    )


def cost(
    model: Model,
    states: npt.NDArray[np.float32],
    heard: npt.NDArray[np.int32],
    group: npt.NDArray[np.int32],
) -> tuple[float, float]:
    """Return the bits of an onset's pitches and extent, and those of its rhythm."""
    together = SHIFT.encode(0)
    spelled = rhythm = 0.0
    for k, row in enumerate(group):
        wanted = row[: len(PREDICTED)]
        prediction = model.run(heard, states, forced=wanted)
        log_p = log_softmax(prediction.logits[-1])
        joins = np.exp(log_p["shift"][together])
        spelled -= np.log2(joins if k else 1 - joins)
        spelled -= log_p["pitch"][wanted[COLUMN["pitch"]]] / np.log(2)
        if not k:
            shift = wanted[COLUMN["shift"]]
            rhythm -= log_p["shift"][shift] / np.log(2) - np.log2(1 - joins)
        if wanted[COLUMN["duration"]] != UNKNOWN:
            rhythm -= log_p["duration"][wanted[COLUMN["duration"]]] / np.log(2)
        states, heard = prediction.states, row[None]
    # The chord ends here: what follows is not at the same onset.
    prediction = model.run(heard, states)
    joins = np.exp(log_softmax(prediction.logits[-1])["shift"][together])
    return float(spelled - np.log2(1 - joins)), float(rhythm)


def log_softmax(logits: npt.NDArray[np.float32]) -> dict[str, npt.NDArray[np.float64]]:
    """Return the natural logarithms of each field's probabilities."""
    found = {}
    for field in PREDICTED:
        z = logits[FIELD_SLICE[field.name]].astype(np.float64)
        z = z - z.max()
        found[field.name] = z - np.log(np.exp(z).sum())
    return found


def predict(
    model: Model, states: npt.NDArray[np.float32], heard: npt.NDArray[np.int32]
) -> tuple[int, ...]:
    """Return the pitches of the likeliest next onset, note by note."""
    pitches: list[int] = []
    together = FIELD_SLICE["shift"].start + SHIFT.encode(0)
    apart = np.zeros(TOKEN_COUNT, dtype=np.float32)
    apart[together] = FORBIDDEN
    apart[FIELD_SLICE["instrument"].start + 1 : FIELD_SLICE["instrument"].start + 3] = FORBIDDEN
    forced: npt.NDArray[np.int32] = np.full(len(PREDICTED), FREE, dtype=np.int32)
    for k in range(16):
        likeliest: dict[str, Any] = {"logit_bias": apart} if k == 0 else {}
        prediction = model.run(heard, states, forced=forced, temperature=0.0, **likeliest)
        event = prediction.event
        if k and (event[1] != SHIFT.encode(0) or event[2] <= heard[0, 2]):
            break
        pitches.append(int(event[2]) - 1)
        states = prediction.states
        heard = np.concatenate([event, [UNKNOWN, UNKNOWN]]).astype(np.int32)[None]
    return tuple(pitches)


def main() -> None:
    """Train both, judge both, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="a folder of MIDI files")
    parser.add_argument("--minutes", type=float, default=10.0, help="of training, each")
    arguments = parser.parse_args()
    console = Console()
    from training.prepare import cache_folder, prepare

    corpus, _ = prepare(arguments.data, cache_folder())
    parts = corpus.split(validation=0.05, test=0.15)
    training, validation, held_out = (
        [corpus.piece(i) for i in part] for part in (parts.train, parts.validation, parts.test)
    )
    load_tensorflow()
    results = [
        continuo(training, validation, held_out, arguments.minutes, console),
        tutorial(training, held_out, arguments.minutes, console),
    ]
    print(f"\nMeasured on {machine()}: {arguments.minutes:g} minutes of training each, on")
    print(f"{len(training)} pieces; {len(held_out)} pieces held out.\n")
    print("| network | bits per onset | next note or chord right | ms per onset | windows seen | |")
    print("|---|---|---|---|---|---|")
    for r in results:
        print(
            f"| {r.name} | {r.bits_per_onset:.2f} | {100 * r.accuracy:.1f}% | "
            f"{r.ms_per_onset:.1f} | {r.windows_seen:,} | {r.note} |"
        )


if __name__ == "__main__":
    main()
