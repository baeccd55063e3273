"""What happens beside the training steps: pace, judging on old music, checkpoints."""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import keras
import tensorflow as tf
from rich.console import Console

from training.checkpoint import BEST, LAST, Identity, State, save
from training.objective import bits_of
from training.settings import Training

OLD: Final = "old_"
"""What the names of figures on old music begin with."""


class Pace(keras.callbacks.Callback):
    """Sets the learning rate by how much of the run is over, and ends the run in time.

    The learning rate rises in a line to its highest, then falls along half a cosine, so that a run
    that is given twenty minutes finishes as well as one that is given twenty epochs.
    """

    def __init__(
        self,
        settings: Training,
        epoch_steps: int,
        state: State,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Plan a run of so many epochs or minutes, whichever are over first; 0: no limit.

        ``now`` tells the time in seconds.
        """
        super().__init__()
        self.now = now
        self.settings = settings
        self.state = state
        self.steps = settings.epochs * epoch_steps
        self.limit_s = 60.0 * settings.minutes
        self.stop = False
        """Set from outside to end the run after the step."""

    @property
    def share_done(self) -> float:
        """Return how much of the run is over, 0 to 1."""
        of_time = self.state.elapsed_s / self.limit_s if self.limit_s else 0.0
        of_steps = self.state.steps_done / self.steps if self.steps else 0.0
        return min(max(of_time, of_steps), 1.0)

    @property
    def over(self) -> bool:
        """Return whether the run has come to its end, or no longer gains, or was interrupted."""
        return (
            self.stop or self.share_done >= 1.0 or self.state.since_best >= self.settings.patience
        )

    def rate(self, share: float) -> float:
        """Return the learning rate when ``share`` of the run is over."""
        highest, warm_up = self.settings.learning_rate, self.settings.warm_up
        if share < warm_up:
            return highest * max(share / warm_up, 0.01)
        falling = (share - warm_up) / (1.0 - warm_up)
        return highest * max(0.5 * (1.0 + math.cos(math.pi * falling)), 0.01)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Start the clock where it stood."""
        self._began = self.now() - self.state.elapsed_s
        self.model.optimizer.learning_rate.assign(self.rate(self.share_done))

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Set the rate for the next step, or end the run."""
        self.state.steps_done += 1
        self.state.elapsed_s = self.now() - self._began
        self.model.optimizer.learning_rate.assign(self.rate(self.share_done))
        if self.over:
            self.model.stop_training = True


@contextmanager
def stopping_at_interrupt(pace: Pace) -> Iterator[None]:
    """Make Ctrl-C and SIGTERM end the run after the step; a second one ends the program."""

    def stop(number: int, _frame: Any) -> None:
        pace.stop = True
        signal.signal(number, before[number])

    before: dict[int, Any] = {
        number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class OldMusic(keras.callbacks.Callback):
    """Judges each epoch on music that the network knew before, to see what it forgets."""

    def __init__(self, held_out: tf.data.Dataset) -> None:
        """Judge on ``held_out``; see ``training.dataset.validation_dataset``."""
        super().__init__()
        self.held_out = held_out

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Add the figures to those of the epoch, for the callbacks that follow."""
        if logs is not None:
            figures = self.model.evaluate(self.held_out, verbose=0, return_dict=True)
            logs.update({f"{OLD}{name}": figure for name, figure in figures.items()})


class Logs(keras.callbacks.TensorBoard):
    """TensorBoard's logs. Those that cannot be written are told once, and the run goes on."""

    def __init__(self, folder: Path, console: Console) -> None:
        super().__init__(folder, write_graph=False)
        self.console = console
        self._failed = False

    def _try(self, write: Callable[..., None], *arguments: Any) -> None:
        if self._failed:
            return
        try:
            write(*arguments)
        except (OSError, tf.errors.OpError) as error:
            self._failed = True
            why = " ".join(str(error).split())
            self.console.print(
                f"no logs for TensorBoard: {why}", markup=False, highlight=False, soft_wrap=True
            )

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Open the file of training."""
        self._try(super().on_train_begin, logs)

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Open the file of held-out music."""
        self._try(super().on_test_begin, logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the figures of the epoch."""
        self._try(super().on_epoch_end, epoch, logs)

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        """Write the figures on held-out music."""
        self._try(super().on_test_end, logs)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Close the files."""
        self._try(super().on_train_end, logs)


class Checkpoints(keras.callbacks.Callback):
    """Keeps the weights of the last epoch and of the best; ends a run that no longer gains.

    A checkpoint that cannot be written costs the run nothing but that: it is told, the run goes
    on, and the best weights are kept in memory as well.
    """

    def __init__(
        self,
        folder: Path | None,
        settings: Training,
        state: State,
        identity: Identity,
        console: Console,
        now: Callable[[], float] = time.monotonic,
        origin: Mapping[str, Any] | None = None,
    ) -> None:
        """Write to ``folder``; None: nowhere, since another worker does."""
        super().__init__()
        self.folder = folder
        self.settings = settings
        self.state = state
        self.identity = identity
        self.console = console
        self.now = now
        self.origin = origin or {}
        self.best_weights: list[Any] | None = None
        self._written_s = now()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Write a checkpoint inside a long epoch."""
        if self.now() - self._written_s >= 60.0 * self.settings.checkpoint_minutes:
            self._write(LAST)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Judge the epoch and write the weights."""
        self.judge(logs or {})
        if self.state.since_best >= self.settings.patience:
            self.model.stop_training = True

    def judge(self, figures: dict[str, Any]) -> None:
        """Compare the bits per note on held-out music with the best until now; write the weights.

        Args:
            figures: Keras's, of held-out music at least.
        """
        state, bits = self.state, bits_of(figures, "val_")
        epoch = {"steps": state.steps_done, "elapsed_s": state.elapsed_s}
        epoch |= {f"held_out_{name}": value for name, value in bits.items()}
        if "loss" in figures:
            epoch["trained"] = bits_of(figures)["sum"]
        if f"{OLD}loss" in figures:
            epoch["old"] = bits_of(figures, OLD)["sum"]
        state.history.append(epoch)
        state.since_best += 1
        # The first epoch counts even if its figure is no number: there must be one to export.
        if bits["sum"] < state.best or self.best_weights is None:
            state.best, state.since_best = bits["sum"], 0
            self.best_weights = self.model.get_weights()
            self._write(BEST)
        self._write(LAST)

    def _write(self, name: str) -> None:
        self._written_s = self.now()
        if self.folder is None:
            return
        try:
            save(self.model, self.folder / name, self.state, self.identity, self.origin)
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else " ".join(str(error).split())
            self.console.print(
                f"no checkpoint in {self.folder}: {why}; training goes on without it",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
