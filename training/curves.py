"""The course of a run as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from matplotlib.figure import Figure
from rich.console import Console

from live.events import PREDICTED

LINES: Final = {
    "trained": "music learnt from",
    "held_out_sum": "held-out music",
    "old": "old music, held out",
}


def draw(history: Sequence[dict[str, float]], path: Path, console: Console) -> None:
    """Draw bits per note over the minutes of a run, in sum and by field, as PNG.

    A picture that cannot be written is told on the console.

    Args:
        history: figures of each epoch, as ``training.checkpoint.State`` keeps them.
        path: of the picture.
        console: for what goes wrong.
    """
    figure = Figure(figsize=(10, 4), layout="constrained")
    sums, fields = figure.subplots(1, 2)
    minutes = [epoch["elapsed_s"] / 60 for epoch in history]
    for name, label in LINES.items():
        known = [
            (m, epoch[name]) for m, epoch in zip(minutes, history, strict=True) if name in epoch
        ]
        if known:
            sums.plot(*zip(*known, strict=True), marker=".", label=label)
    sums.set_title("all fields")
    for field in PREDICTED:
        fields.plot(
            minutes,
            [epoch[f"held_out_{field.name}"] for epoch in history],
            marker=".",
            label=field.name,
        )
    fields.set_title("held-out music, by field")
    for axes in (sums, fields):
        axes.set_xlabel("minutes of training")
        axes.set_ylabel("bits per note")
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend()
    try:
        figure.savefig(path, dpi=100)
    except OSError as error:
        console.print(f"no curves: {error}", markup=False, highlight=False, soft_wrap=True)
