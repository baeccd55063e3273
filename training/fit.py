"""Trains the network: from the beginning, from a checkpoint, or on from a trained one.

A run keeps its files in a folder: ``last.weights.h5`` after each epoch and every few minutes,
``best.weights.h5`` of the epoch that knew held-out music best, which is what gets exported,
``logs`` for TensorBoard and, at the end, ``curves.png``.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import keras
import tensorflow as tf
from rich.console import Console

from live.errors import UserError
from training import runtime
from training.callbacks import OLD, Checkpoints, Logs, OldMusic, Pace, stopping_at_interrupt
from training.checkpoint import BEST, LAST, Identity, State, read_state, read_told, restore
from training.curves import draw
from training.dataset import (
    Readings,
    Share,
    training_batch,
    training_dataset,
    validation_dataset,
)
from training.distributed import SharedEventLSTM
from training.network import EventLSTM, NetworkConfig
from training.objective import bits_of, build_metrics, compile_for_training
from training.progress import Progress
from training.settings import Training

MAY_CHANGE: Final = frozenset(
    # The network is compared itself.
    {"size", "units", "layers", "embedding", "head", "lookback", "attention"}
    | {"epochs", "minutes", "patience", "precision", "checkpoint_minutes"}
)
"""Settings that may differ when a run goes on."""
REPLACEABLE: Final = "replaceable"
"""In a checkpoint's origin: whether the run may be replaced unasked by another such."""


@dataclass(frozen=True)
class Lesson:
    """The music of a run."""

    training: Readings
    validation: Readings
    """Each epoch is judged by it; never learnt from."""
    old_training: Readings | None = None
    """What the network knew before, rehearsed so that it is not forgotten."""
    old_validation: Readings | None = None
    old_share: float = 0.5
    """Share of each batch that is old music, where there is any."""

    def shares(self, batch: int) -> tuple[Share, ...]:
        """Return what a batch of so many windows is made of."""
        if self.old_training is None:
            return (Share(self.training, batch),)
        old = round(batch * self.old_share)
        return (Share(self.training, batch - old), Share(self.old_training, old))


@dataclass(frozen=True)
class Outcome:
    """What a run came to."""

    network: EventLSTM
    """With the weights of the best epoch."""
    bits: dict[str, float]
    """Bits per note of the best epoch on held-out music, by field, and their ``sum``."""
    old_bits: dict[str, float] | None
    """The same on old held-out music."""
    history: list[dict[str, float]]
    """Figures of each epoch; the first is from before training where weights were given."""
    epochs: int
    """Finished epochs, the last perhaps cut short."""
    events: int
    """Events trained on, all epochs together."""
    seconds: float


def fit(
    settings: Training,
    lesson: Lesson,
    folder: Path,
    console: Console,
    *,
    again: bool = False,
    start: Sequence[Any] | None = None,
    epoch_steps: int = 1,
    replace: bool = False,
    origin: Mapping[str, Any] | None = None,
    now: Callable[[], float] = time.monotonic,
) -> Outcome:
    """Train a network; a run that was ended early goes on where it was.

    Args:
        settings: its shape, and how to train it.
        lesson: what it learns.
        folder: of the run; made if missing.
        console: where progress is shown.
        again: begin again, whatever the folder holds.
        start: weights to begin with, as ``keras.Model.get_weights`` gives them; None: drawn.
        epoch_steps: the least steps of an epoch.
        replace: begin again as well where the folder holds a run that is over, or another, if that
            was begun with ``replace`` too: what hours of training came to is never replaced so.
        origin: what a model of this run says of its music and training; kept in its checkpoints.
        now: what minutes are measured by, in seconds.

    Returns:
        The best epoch's network and figures. Ctrl-C ends training early, not the program.

    Raises:
        UserError: the folder cannot be written, or holds a broken checkpoint or another run's.
    """
    _check(settings, folder)
    workers = runtime.strategy()
    keras.utils.set_random_seed(settings.seed)
    epoch_steps = max(
        epoch_steps, round(lesson.training.events / (settings.batch * settings.steps))
    )
    identity = _identity(settings, lesson, start)
    found = None if again else _found(folder / LAST, identity, settings, epoch_steps, replace)
    state = found or State()
    if found is None and runtime.is_chief():
        _remove_checkpoints(folder)
    with workers.scope():
        network = _build(settings, lesson)
        if start is not None:
            network.set_weights(start)
    if settings.precision == "auto":
        network.products = runtime.faster_products()
    else:
        network.products = tf.as_dtype(settings.precision)

    chief = runtime.is_chief()
    held_out = validation_dataset(lesson.validation, batch=settings.batch, steps=settings.steps)
    old = None
    if lesson.old_validation is not None:
        old = validation_dataset(lesson.old_validation, batch=settings.batch, steps=settings.steps)
    pace = Pace(settings, epoch_steps, state, now)
    checkpoints = Checkpoints(
        folder if chief else None,
        settings,
        state,
        identity,
        console,
        origin={**(origin or {}), REPLACEABLE: replace},
    )
    if found is not None:
        checkpoints.best_weights = _restore(network, folder, state, identity)
        told = (
            f"epoch {state.steps_done // epoch_steps + 1}, {state.elapsed_s / 60:.1f} min trained"
        )
        if pace.over:
            told = "it is over; more --epochs or --minutes would train it on"
        console.print(f"going on from {folder}: {told}", highlight=False, soft_wrap=True)
    progress = Progress(console, pace, epoch_steps, settings.batch * settings.steps)
    callbacks = [pace, *([OldMusic(old)] if old is not None else []), checkpoints, progress]
    if chief:
        callbacks.append(Logs(folder / "logs", console))
    if found is None and start is not None:
        checkpoints.set_model(network)
        checkpoints.judge(_figures(network, held_out, old))

    with stopping_at_interrupt(pace), progress:
        while not pace.over:
            # Whole epochs, or first what is left of one.
            epoch, begun = divmod(state.steps_done, epoch_steps)
            batches = training_dataset(
                lesson.shares(settings.batch),
                first=state.steps_done,
                steps=settings.steps,
                seed=settings.seed,
                variation=settings.variation,
            )
            last = settings.epochs or 10**6
            network.fit(
                batches,
                validation_data=held_out,
                initial_epoch=epoch,
                epochs=epoch + 1 if begun else last,
                steps_per_epoch=epoch_steps - begun,
                callbacks=callbacks,
                shuffle=False,
                verbose=0,
            )

    with workers.scope():
        if checkpoints.best_weights is not None:
            network.set_weights(checkpoints.best_weights)
    figures = _figures(network, held_out, old)
    if chief:
        draw(state.history, folder / "curves.png", console)
    return Outcome(
        network=_alone(network),
        bits=bits_of(figures, "val_"),
        old_bits=bits_of(figures, OLD) if old is not None else None,
        history=state.history,
        epochs=state.epochs,
        events=state.steps_done * settings.batch * settings.steps,
        seconds=state.elapsed_s,
    )


def _check(settings: Training, folder: Path) -> None:
    if runtime.several_workers() and settings.minutes:
        # Clocks differ: one worker would stop while the others wait for it.
        raise UserError("several workers cannot end after --minutes; give --epochs instead")
    if not settings.epochs and not settings.minutes:
        raise UserError("a run needs an end: give --epochs or --minutes above 0")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write checkpoints to {folder}: {error.strerror}") from error


def _found(
    path: Path, identity: Identity, settings: Training, epoch_steps: int, replace: bool
) -> State | None:
    """Return the state of the run that is to go on, if there is one."""
    try:
        state = read_state(path, identity)
    except UserError:
        if replace and _is_replaceable(path):
            return None
        raise
    if state is None or not replace or not _is_replaceable(path):
        return state
    return None if Pace(settings, epoch_steps, state).over else state


def _is_replaceable(path: Path) -> bool:
    """Whether a checkpoint is of a run that was begun with ``replace``; a broken one never is."""
    try:
        return read_told(path).origin.get(REPLACEABLE) is True
    except UserError:
        return False


def _remove_checkpoints(folder: Path) -> None:
    """Remove what a run left that does not go on: killed early, its successor is not mixed up."""
    for name in (LAST, BEST):
        try:
            (folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise UserError(f"cannot begin again in {folder}: {error.strerror}") from error


def _identity(settings: Training, lesson: Lesson, start: Sequence[Any] | None) -> Identity:
    given = settings.model_dump()
    music = {"training": lesson.training.identity, "validation": lesson.validation.identity}
    if lesson.old_training is not None:
        music["old"] = lesson.old_training.identity
    begun = hashlib.blake2b(b"".join(w.tobytes() for w in start or []), digest_size=8)
    network = asdict(NetworkConfig(**settings.shape, dropout=settings.dropout))
    for part in ("lookback", "attention"):
        if not network[part]:
            del network[part]  # as in checkpoints from before there was any
    return {
        "network": network,
        "settings": {name: given[name] for name in given if name not in MAY_CHANGE},
        "music": music,
        "start": {"weights": begun.hexdigest()},
    }


def _build(settings: Training, lesson: Lesson) -> EventLSTM:
    config = NetworkConfig(**settings.shape, dropout=settings.dropout)
    network = (SharedEventLSTM if runtime.several_workers() else EventLSTM)(config)
    network.build(None)
    _compile(network, settings, lesson)
    return network


def _compile(network: EventLSTM, settings: Training, lesson: Lesson) -> None:
    compile_for_training(network, settings)
    example = training_batch(
        lesson.shares(settings.batch),
        0,
        steps=settings.steps,
        seed=settings.seed,
        variation=settings.variation,
    )
    build_metrics(network, example)


def _alone(network: EventLSTM) -> EventLSTM:
    """Return the network with variables of this process alone."""
    if not isinstance(network, SharedEventLSTM):
        return network
    alone = EventLSTM(network.config)
    alone.build(None)
    alone.set_weights(network.get_weights())
    return alone


def _restore(
    network: EventLSTM, folder: Path, state: State, identity: Identity
) -> list[Any] | None:
    """Bring the network to where the run was; return the weights of the best epoch, if any.

    The best is what was written: a full disk may have taken what was better, and its figure goes.
    """
    best, state.best = None, math.inf
    with suppress(UserError):  # what is broken, or of another run, is as good as none
        kept = read_state(folder / BEST, identity)
        if kept is not None:
            restore(network, folder / BEST)
            best, state.best = list(network.get_weights()), kept.best
            state.since_best = sum(epoch["steps"] > kept.steps_done for epoch in state.history)
    restore(network, folder / LAST)
    return best


def _figures(
    network: EventLSTM, held_out: tf.data.Dataset, old: tf.data.Dataset | None
) -> dict[str, Any]:
    """Return figures on held-out and old music, named as callbacks find them."""
    figures = {}
    for prefix, dataset in (("val_", held_out), (OLD, old)):
        if dataset is not None:
            logs = network.evaluate(dataset, verbose=0, return_dict=True)
            figures.update({f"{prefix}{name}": figure for name, figure in logs.items()})
    return figures
