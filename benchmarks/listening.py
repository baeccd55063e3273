"""Make the pages to listen to: eight prompts, each with what the shipped model plays on from it.

    python -m benchmarks.listening [--model FILE] [--out docs/listening]

Writes a MIDI file and a piano roll of each; the same model and versions of the libraries give the
same files. The prompts stand in ``docs/listening/prompts.json``: notes as onset and duration in
ticks of 1/24 beat, MIDI pitch, General MIDI program and velocity, from a bar line on. Those from
the literature are of works that training holds out, so that nothing can be known by heart.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from live.events import TICKS_PER_BEAT, Note, encode_piece
from live.model import Model
from live.settings import load
from training import sheet
from training.continuing import Sampling
from training.files import replace_file
from training.generate import Written, generate
from training.measures import manner_of
from training.piano_roll import piano_roll

FOLDER: Final = Path(__file__).resolve().parent.parent / "docs" / "listening"
LEAST, MOST = 48, 192
"""Notes of a continuation: before, it may not end; after, it is cut off."""
SEED: Final = 1
FLATS: Final = ["C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"]


@dataclass(frozen=True)
class Prompt:
    """What is played to the model."""

    name: str
    title: str
    licence: str
    bpm: float
    bar_ticks: int
    notes: tuple[Note, ...]


def read_prompts(path: Path) -> list[Prompt]:
    """Return the prompts of a file."""
    told = json.loads(path.read_text())
    return [
        Prompt(
            name,
            one["title"],
            one["licence"],
            one["bpm"],
            one["bar_ticks"],
            tuple(
                Note(onset, pitch, program, duration, velocity, onset % one["bar_ticks"])
                for onset, pitch, program, duration, velocity in one["notes"]
            ),
        )
        for name, one in told.items()
    ]


def main() -> None:
    """Play on from every prompt and write the files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="default: the performer's")
    parser.add_argument("--out", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    settings = load(None, {"sampling": {"model": arguments.model}})
    model, sampling = Model(settings.model), Sampling.of(settings.performer)
    arguments.out.mkdir(parents=True, exist_ok=True)
    print(
        f"{settings.model.name}, temperature {sampling.temperature:g}, min-p {sampling.min_p:g}\n"
    )
    print("| prompt | notes | continuation | beats | ends | key | notes a beat |")
    print("|---|---|---|---|---|---|---|")
    for prompt in read_prompts(FOLDER / "prompts.json"):
        # Without END: it goes on.
        events = encode_piece(prompt.notes)[:-1]
        random = np.random.default_rng(SEED)
        written = generate(model, events, MOST, sampling, random, may_end_after=LEAST)
        stem = prompt.name.replace(" ", "-")
        score = sheet.score_of(
            (*written.prompt, *written.continuation), prompt.bpm, written.bar_ticks
        )
        replace_file(arguments.out / f"{stem}.mid", sheet.midi_bytes(score))
        picture = piano_roll(written.prompt, written.continuation, written.bar_ticks)
        replace_file(arguments.out / f"{stem}.png", picture)
        print(row(prompt, written))


def row(prompt: Prompt, written: Written) -> str:
    """Return what can be said of a continuation in numbers, as a row of a table."""
    first, second = (manners(notes) for notes in (written.prompt, written.continuation))
    ended = "by itself" if len(written.continuation) < MOST else "cut off"
    return (
        f"| {prompt.name} | {len(written.prompt)} | {len(written.continuation)} | "
        f"{second[0]:.0f} | {ended} | {first[1]}, {second[1]} | {first[2]:.1f}, {second[2]:.1f} |"
    )


def manners(notes: Sequence[Note]) -> tuple[float, str, float]:
    """Return beats, key and notes a beat."""
    end = max(n.onset_ticks + (n.duration_ticks or 1) for n in notes)
    beats = (end - notes[0].onset_ticks) / TICKS_PER_BEAT
    manner = manner_of(encode_piece(notes), beats)
    tonic, mode = FLATS[manner.key % 12], "major" if manner.key < 12 else "minor"
    return beats, f"{tonic} {mode}" if manner.key >= 0 else "-", manner.density


if __name__ == "__main__":
    main()
