"""What a run shows: one bar for all of it with the time left, and a line for each epoch."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

import keras
from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from live.events import PREDICTED
from training.callbacks import OLD, Pace
from training.objective import bits_of


class Progress(keras.callbacks.Callback):
    """Shows one bar for the run, and prints one line of figures after each epoch."""

    def __init__(self, console: Console, pace: Pace, epoch_steps: int, step_events: int) -> None:
        super().__init__()
        self.console = console
        self.pace = pace
        self.epoch_steps = epoch_steps
        self.step_events = step_events
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeRemainingColumn(),
            console=console,
        )
        self._task: TaskID = self._bar.add_task("starting", total=1.0)
        self._epoch = 0
        self._steps = 0

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Note when the epoch began."""
        self._epoch = epoch + 1
        self._steps = 0
        self._began = time.monotonic()
        self._trained_s = 0.0

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Move the bar."""
        self._steps += 1
        self._trained_s = time.monotonic() - self._began
        done = self.pace.state.steps_done - self.epoch_steps * (self._epoch - 1)
        self._bar.update(
            self._task,
            completed=self.pace.share_done,
            description=(
                f"epoch {self._epoch}, step {done} of {self.epoch_steps}, "
                f"{bits_of(logs or {})['sum']:.2f} bits/note, {self._speed():,.0f} events/s"
            ),
        )

    def _speed(self) -> float:
        return self._steps * self.step_events / max(self._trained_s, 1e-9)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Print the epoch's figures."""
        figures = logs or {}
        held_out = bits_of(figures, "val_")
        old = f"; old music {bits_of(figures, OLD)['sum']:.3f}" if f"{OLD}loss" in figures else ""
        self.console.print(
            f"epoch {self._epoch}: {bits_of(figures)['sum']:.3f} bits/note; "
            f"held out {held_out['sum']:.3f} ("
            + ", ".join(f"{f.name} {held_out[f.name]:.3f}" for f in PREDICTED)
            + f"){old}; {self._speed():,.0f} events/s",
            highlight=False,
            soft_wrap=True,
        )
