"""What a model makes of music that repeats itself, by how long ago it stood there.

    python -m benchmarks.repeats --data FOLDER [--data FOLDER ...] [--model FILE ...]

All music is in the hands of one pianist, of works that epochs are chosen by. An event repeats what
stood before if the four notes before it, by pitch and shift, have stood in the piece, and the note
after them was the same; its distance is the number of events since then, at the latest such place.
Told are, by distance: the share of all events, and what each costs a model in bits: shift, pitch
and duration together, each piece heard from its beginning.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from rich.console import Console

from benchmarks.performer import machine
from live.events import COLUMN, PREDICTED, UNKNOWN, Tokens
from live.prediction import FIELD_SLICE
from live.settings import load
from training.evaluate import NOTATED
from training.held_out import held_out_music
from training.scoring import Judge, bits_of_targets

CONTEXT: Final = 4
"""Notes that have to be the same for a place to be like one before."""
REACHES: Final = (64, 128, 256, 512)
"""Distances are told up to each of these, and beyond."""
CHUNK: Final = 512
NEW: Final = "new, or goes on otherwise"


def kinds(piece: Tokens) -> list[str]:
    """Return of each event but the first how long ago it stood like this."""
    notes = [tuple(row) for row in piece[:, [COLUMN["pitch"], COLUMN["shift"]]].tolist()]
    places: dict[tuple[Any, ...], int] = {}
    found = []
    for at in range(1, len(notes)):
        context = tuple(notes[max(0, at - CONTEXT) : at])
        before = places.get(context) if len(context) == CONTEXT else None
        again = before is not None and notes[before] == notes[at]
        found.append(_distance(at - before) if before is not None and again else NEW)
        places[context] = at
    return found


def _distance(events: int) -> str:
    near = next((reach for reach in REACHES if events <= reach), None)
    return f"more than {REACHES[-1]}" if near is None else f"at most {near}"


def bits(judge: Judge, piece: Tokens) -> npt.NDArray[np.float64]:
    """Return what each event of a piece but the first costs, (events - 1,)."""
    states, found = judge.zero_states()[None], []
    for begin in range(0, len(piece) - 1, CHUNK):
        rows = piece[None, begin : begin + CHUNK + 1].astype(np.int32)
        following = rows[:, 1:, : len(PREDICTED)]
        logits, states = judge.follow(rows[:, :-1], states, following)
        cost = np.zeros(following.shape[1])
        for name in NOTATED:
            target = following[0, :, COLUMN[name]]
            known = target != UNKNOWN
            z = logits[0, :, FIELD_SLICE[name]]
            cost[known] += bits_of_targets(z[known], target[known])
        found.append(cost)
    return np.concatenate(found)


def row(name: str, texts: Iterable[str]) -> str:
    """Return a row of the table."""
    return f"| {name} | " + " | ".join(texts) + " |"


def mean_by_kind(
    of_each: Sequence[str], costs: npt.NDArray[np.float64], columns: Sequence[str]
) -> list[str]:
    """Return the mean cost of the events of each kind, and of all."""
    which = np.array(of_each)
    means = [f"{costs[which == kind].mean():.2f}" for kind in columns if kind in which]
    return [*means, f"{costs.mean():.3f}"]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, action="append", required=True, help="folder of music")
    parser.add_argument("--cache", type=Path, help="folder that keeps what was read")
    parser.add_argument("--model", nargs="+", help="default: the performer's")
    arguments = parser.parse_args()
    console = Console(stderr=True)
    music = held_out_music(arguments.data, arguments.cache, console, keyboard=True, validation=True)
    of_each = [kind for piece in music.held_out for kind in kinds(piece)]
    counts = Counter(of_each)
    order = [*map(_distance, (*REACHES, REACHES[-1] + 1)), NEW]
    columns = [kind for kind in order if kind in counts]
    print(f"Measured on {date.today()} on {machine()}: {len(of_each):,} events.\n")
    print(row("", [*columns, "all"]) + "\n" + "|---" * (len(columns) + 2) + "|")
    print(row("share of events", [*(f"{counts[c] / len(of_each):.1%}" for c in columns), "100%"]))
    for model in arguments.model or [None]:
        path = load(None, {"sampling": {"model": model}}).model
        costs = np.concatenate([bits(Judge(path), piece) for piece in music.held_out])
        print(row(path.name, mean_by_kind(of_each, costs, columns)), flush=True)


if __name__ == "__main__":
    main()
