"""What happens beside the training steps: pace, checkpoints, progress."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import keras
from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from live.errors import UserError
from live.events import PREDICTED

LAST: Final = "last.weights.h5"
BEST: Final = "best.weights.h5"


class Pace(keras.callbacks.Callback):
    """Sets the learning rate by how much of the run is over, and ends the run in time.

    The learning rate rises in a line to its highest, then falls along half a cosine, so that a run
    that is given twenty minutes finishes as well as one that is given twenty epochs.
    """

    def __init__(
        self,
        learning_rate: float,
        warm_up: float,
        steps: int,
        minutes: float | None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Plan a run of ``steps`` steps, or of ``minutes`` minutes where that is given.

        ``now`` tells the time in seconds.
        """
        super().__init__()
        self.now = now
        self.learning_rate = learning_rate
        self.warm_up = warm_up
        self.steps = steps
        self.limit_s = None if minutes is None else 60.0 * minutes
        self.stop = False
        """Set from outside to end the run after the step."""
        self.steps_done = 0
        self.elapsed_s = 0.0

    @property
    def share_done(self) -> float:
        """Return how much of the run is over, 0 to 1."""
        if self.limit_s is not None:
            return min(self.elapsed_s / self.limit_s, 1.0)
        return min(self.steps_done / self.steps, 1.0)

    def rate(self, share: float) -> float:
        """Return the learning rate when ``share`` of the run is over."""
        if share < self.warm_up:
            return self.learning_rate * max(share / self.warm_up, 0.01)
        falling = (share - self.warm_up) / (1.0 - self.warm_up)
        return self.learning_rate * max(0.5 * (1.0 + math.cos(math.pi * falling)), 0.01)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Start the clock."""
        self._began = self.now()
        self.model.optimizer.learning_rate.assign(self.rate(0.0))

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Set the rate for the next step, or end the run."""
        self.steps_done += 1
        self.elapsed_s = self.now() - self._began
        self.model.optimizer.learning_rate.assign(self.rate(self.share_done))
        if self.stop or (self.limit_s is not None and self.elapsed_s >= self.limit_s):
            self.model.stop_training = True


class Checkpoints(keras.callbacks.Callback):
    """Keeps the weights of the last epoch and of the best; ends a run that no longer gains."""

    def __init__(self, folder: Path, patience: int) -> None:
        super().__init__()
        self.folder = folder
        self.patience = patience
        self.epochs = 0
        self.best = math.inf
        self.since_best = 0

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Write the weights; ``logs`` holds the epoch's validation loss."""
        loss = float((logs or {})["val_loss"])
        self.epochs += 1
        self.since_best += 1
        self._write(LAST)
        # The first epoch counts even if its loss is not a number: there must be one to export.
        if loss < self.best or self.epochs == 1:
            self.best, self.since_best = loss, 0
            self._write(BEST)
        if self.since_best >= self.patience:
            self.model.stop_training = True

    def _write(self, name: str) -> None:
        # A run may be killed while it writes; the checkpoint before stays whole.
        unfinished = self.folder / f"unfinished.{name}"
        try:
            self.model.save_weights(unfinished)
            unfinished.replace(self.folder / name)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            raise UserError(f"cannot write a checkpoint to {self.folder}: {error}") from error


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
        bits = sum(float((logs or {})[f"{f.name}_bits"]) for f in PREDICTED)
        self._bar.update(
            self._task,
            completed=self.pace.share_done,
            description=(
                f"epoch {self._epoch}, step {self._steps} of {self.epoch_steps}, "
                f"{bits:.2f} bits/note, {self._speed():,.0f} events/s"
            ),
        )

    def _speed(self) -> float:
        return self._steps * self.step_events / max(self._trained_s, 1e-9)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Print the epoch's figures."""
        figures = logs or {}
        fields = [f.name for f in PREDICTED]
        held_out = [float(figures[f"val_{name}_bits"]) for name in fields]
        trained = sum(float(figures[f"{name}_bits"]) for name in fields)
        self.console.print(
            f"epoch {self._epoch}: {trained:.3f} bits/note; held out {sum(held_out):.3f} ("
            + ", ".join(f"{name} {b:.3f}" for name, b in zip(fields, held_out, strict=True))
            + f"); {self._speed():,.0f} events/s",
            highlight=False,
            soft_wrap=True,
        )
