"""Find how to draw: temperatures and min-p, judged by free continuations.

    python -m benchmarks.sampling --data FOLDER [--data FOLDER ...] [--model FILE]

All music is in the hands of one pianist, as the performer hears it. The places are of works that
epochs are chosen by, so that the figures of ``evaluate`` are of works that nothing was chosen by.
For each pair of settings: distances of all continuations together to the true ones and, on average,
of each to its own, in bits (means over pitch interval, onset interval, duration and chord size);
loops; notes in chords; in how many the first two bars keep the prompt's key, density and register.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from datetime import date
from itertools import product
from pathlib import Path
from typing import Final

import numpy as np
from rich.console import Console

from benchmarks.performer import machine
from live.model import Model
from live.settings import load
from training.continuations import Figures, continue_all, judge, prompts
from training.continuing import Sampling
from training.held_out import held_out_music

SHAPE: Final = ("pitch interval", "onset interval", "duration", "chord size")


def main() -> None:
    """Try every pair and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, action="append", required=True, help="folder of music")
    parser.add_argument("--cache", type=Path, help="folder that keeps what was read")
    parser.add_argument("--model", help="default: the performer's")
    parser.add_argument("--continuations", type=int, default=100)
    parser.add_argument("--temperature", type=float, nargs="+", default=[0.8, 0.9, 1.0, 1.1])
    parser.add_argument("--min-p", type=float, nargs="+", default=[0.02, 0.05, 0.1])
    arguments = parser.parse_args()
    settings = load(None, {"sampling": {"model": arguments.model}})
    model, base = Model(settings.model), Sampling.of(settings.performer)
    console = Console(stderr=True)
    music = held_out_music(arguments.data, arguments.cache, console, keyboard=True, validation=True)
    places = prompts(music.held_out, arguments.continuations, np.random.default_rng(1))
    agreed = ("key", "density", "register", "all three")
    print(
        f"Measured on {date.today()} on {machine()}: {settings.model.name}, {len(places)} places.\n"
    )
    head = ("temperature", "min-p", "together", "each", "loops", "in chords", *agreed)
    print("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|")
    for temperature, min_p in product(arguments.temperature, arguments.min_p):
        sampling = replace(base, temperature=temperature, min_p=min_p)
        figures = judge(continue_all(model, places, sampling, 1), places, [])
        print(row(f"{temperature:g} | {min_p:g}", figures), flush=True)
    print(row("true music | ", judge([place.truth for place in places], places, [])))


def row(name: str, figures: Figures) -> str:
    """Return a row of the table."""
    together, each = (
        np.mean([distances[feature] for feature in SHAPE])
        for distances in (figures.distances, figures.distances_each)
    )
    shares = [figures.loops, figures.chords, *figures.agreements.values()]
    return (
        f"| {name} | {together:.4f} | {each:.3f} | " + " | ".join(f"{s:.0%}" for s in shares) + " |"
    )


if __name__ == "__main__":
    main()
