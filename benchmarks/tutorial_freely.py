"""Let the network of a well-known tutorial play on where ``evaluate`` lets the model.

    python -m benchmarks.tutorial_freely --data FOLDER [--data FOLDER ...] [--minutes 10]

The network (``benchmarks.tutorial``) is trained on the works that the model is trained on, for so
many minutes of processor time; what it learnt is kept for these works and minutes. It then plays on
from the same 200 places as ``python -m training evaluate`` with the same seed, as the tutorial
does: always the likeliest token, one each half beat, every note a beat long, a chord from its pitch
classes up from middle C. The same figures come of it, to be read beside those of ``evaluate``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
from music21 import pitch
from rich.console import Console

from benchmarks.onsets import onsets
from benchmarks.performer import machine
from benchmarks.tutorial import WINDOW, Trained, build, spelled, train
from live.events import TICKS_PER_BEAT, Note, Tokens, decode, encode
from training.continuations import NOTES, Prompt, judge, prompts
from training.held_out import Music, held_out_music
from training.pieces import Piece
from training.runtime import load_tensorflow

MIDDLE_C: Final = 60


def main() -> None:
    """Train, play on, judge, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, action="append", required=True, help="folder of music")
    parser.add_argument("--cache", type=Path, help="folder that keeps what was read")
    parser.add_argument(
        "--minutes", type=float, default=10.0, help="of processor time, in training"
    )
    parser.add_argument("--continuations", type=int, default=200)
    parser.add_argument("--out", type=Path, default=Path("runs/tutorial"), help="what is kept")
    arguments = parser.parse_args()
    console = Console(stderr=True)
    music = held_out_music(arguments.data, arguments.cache, console)
    load_tensorflow()
    trained = learn(music, arguments.minutes, arguments.out, console)
    places = prompts(music.held_out, arguments.continuations, np.random.default_rng(1))
    console.print("playing on")
    figures = judge(play(trained, places), places, music.training)
    told = {**asdict(figures), "windows_seen": trained.windows_seen}
    arguments.out.joinpath("figures.json").write_text(json.dumps(told, indent=1) + "\n")
    print(
        f"Measured on {date.today()} on {machine()}: the tutorial's network after "
        f"{trained.windows_seen:,} windows, {len(places)} continuations.\n"
    )
    print("| | all together | each to its own |\n|---|---|---|")
    for name, distance in figures.distances.items():
        print(f"| {name} | {distance:.3f} | {figures.distances_each[name]:.3f} |")
    print(f"\nloop {figures.loops:.1%}, notes in chords {figures.chords:.1%}, ", end="")
    print(f"longest copy {max(figures.longest_copies)} notes, ", end="")
    print(", ".join(f"{name} {share:.1%}" for name, share in figures.agreements.items()))


def learn(music: Music, minutes: float, folder: Path, console: Console) -> Trained:
    """Return the network, trained for so long, or as it was kept after such a training."""
    key = hashlib.blake2b(f"{minutes:g}".encode(), digest_size=8)
    for events in music.training:
        key.update(events.tobytes())
    weights, told = (folder / f"{key.hexdigest()}{end}" for end in (".weights.h5", ".json"))
    if weights.exists():
        kept = json.loads(told.read_text())
        network = build(len(kept["number"]))
        network.load_weights(weights)
        return Trained(network, kept["number"], kept["windows_seen"])
    pieces = [spelled(onsets(piece_of(events))) for events in music.training]
    trained = train(pieces, minutes, console, now=time.process_time)
    folder.mkdir(parents=True, exist_ok=True)
    trained.network.save_weights(weights)
    told.write_text(json.dumps({"number": trained.number, "windows_seen": trained.windows_seen}))
    return trained


def piece_of(events: Tokens) -> Piece:
    """Return encoded music as a piece."""
    return Piece("", "", tuple(decode(events)))


def play(trained: Trained, places: Sequence[Prompt]) -> list[Tokens]:
    """Return what the network plays on from each place, each (NOTES, F)."""
    size = len(trained.number)
    names = list(trained.number)
    heard = []
    for place in places:
        tokens = spelled(onsets(piece_of(place.seed)))[-WINDOW:]
        # What is missing of a window, and what training never met, has no number: 0.
        numbers = [trained.number.get(name, 0) for name in tokens]
        heard.append([0] * (WINDOW - len(numbers)) + numbers)
    window: Any = np.array(heard, np.float32)
    notes: list[list[Note]] = [[] for _ in places]
    for step in range(NOTES):  # as many onsets are enough for as many notes
        found = trained.network.predict_on_batch(window[..., None] / size).argmax(axis=-1)
        window = np.concatenate([window[:, 1:], found[:, None]], axis=1)
        for own, number in zip(notes, found, strict=True):
            own += sounded(names[number], (step + 1) * TICKS_PER_BEAT // 2)
    return [encode(own, 0)[:NOTES] for own in notes]


def sounded(name: str, onset_ticks: int) -> list[Note]:
    """Return the notes of a token."""
    if name[0].isdigit() or name[0] == "-":
        pitches = [MIDDLE_C + int(number) for number in name.split(".")]
    else:
        pitches = [pitch.Pitch(name).midi]
    return [Note(onset_ticks, p, 0, TICKS_PER_BEAT) for p in pitches]


if __name__ == "__main__":
    main()
