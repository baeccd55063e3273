"""Count how full a second gets while the shipped model plays on alone: it must not run away.

    python -m benchmarks.pace [--seeds 8] [--beats 64]

A melody, chords and semiquavers are played to the pure core on a simulated clock; then it goes on.
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

from live.core.portrait import most_within
from live.model import Model
from tests.core.room import Room

BPM = 120
DEFAULT = Path(__file__).resolve().parent.parent / "exported_models" / "default.onnx"
MELODY = [(0, 60), (1, 62), (2, 64), (3, 65), (4, 67), (6, 65), (7, 64)]
CHORDS = [(0, (48, 55, 64)), (2, (53, 57, 65)), (4, (55, 59, 62)), (6, (48, 55, 64))]
SEMIQUAVERS = [(i / 4, 60 + (0, 2, 4, 5, 7, 5, 4, 2)[i % 8]) for i in range(32)]
PHRASES = {
    "a melody": [(onset, 0.9, (pitch,)) for onset, pitch in MELODY],
    "chords": [(onset, 0.9, pitches) for onset, pitches in CHORDS],
    "semiquavers": [(onset, 0.22, (pitch,)) for onset, pitch in SEMIQUAVERS],
}
"""Onset and length in beats, and pitches."""


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=8, help="times that each phrase is played")
    parser.add_argument("--beats", type=int, default=64, help="what the model plays to each")
    parser.add_argument("--model", type=Path, default=DEFAULT, help="an .onnx file")
    arguments = parser.parse_args()
    model = Model(arguments.model)
    print(f"Counted on {date.today()}: {arguments.beats} beats at {BPM} BPM.\n")
    print(
        "| played | notes in the fullest second, by seed | notes in all, by seed |\n|---|---|---|"
    )
    for name in PHRASES:
        runs = [onsets_s(model, name, seed, arguments.beats) for seed in range(arguments.seeds)]
        fullest = ", ".join(str(most_within(run, 1.0)) for run in runs)
        print(f"| {name} | {fullest} | {', '.join(str(len(run)) for run in runs)} |", flush=True)


def onsets_s(model: Model, name: str, seed: int, beats: int) -> list[float]:
    """Return when the model's notes begin after a phrase."""
    room = Room(model, mode="continue", bpm=BPM, seed=seed)
    notes = [
        room.note(onset, length, pitch)
        for onset, length, pitches in PHRASES[name]
        for pitch in pitches
    ]
    room.play(*notes, until=8 + beats)
    return [note.onset_s for note in room.model]


if __name__ == "__main__":
    main()
