"""Find what helps the network: many small ones, each trained on as many events of the same music.

    python -m benchmarks.ablation --data FOLDER [--data FOLDER ...] [--events 800000]
    python -m benchmarks.ablation --sizes --minutes 5 --data FOLDER [--data FOLDER ...]

Every trial changes one thing. All are trained on equally many events, or for equally many minutes
of processor time, at one thread, and judged on the same works, which none was trained on, in bits
per note: as the music is written, and as the performer hears it, with notes off the grid and fields
hidden. Processor time, because other work on the machine would make equal minutes unequal.

What a trial came to is kept in a JSON file as it ends, with all that it hangs on, and is not tried
again: the command goes on where it was. Figures of small networks after few events say which way to
go and no more: what keeps a network from learning by heart, such as dropout, cannot show its worth
so early.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console

from benchmarks.performer import machine
from training.files import replace_file
from training.library import Corpus
from training.prepare import cache_folder, prepare
from training.runtime import load_tensorflow
from training.settings import Training

BASE: Final[dict[str, Any]] = {
    "units": 192,
    "layers": 2,
    "embedding": 128,
    "head": 128,
    "batch": 16,
    "learning_rate": 3e-3,
    "epochs": 1,
    "precision": "bfloat16",
}
"""What all trials have in common, beside the defaults."""
FOR_EVER: Final = 10**6
"""Steps."""
JUDGED_EVENTS: Final = 40_000
"""Events of held-out music to judge by, at least; each in both readings."""
NOTATED: Final = ("shift", "pitch", "duration")


@dataclass(frozen=True)
class Trial:
    """One change."""

    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    extras: tuple[str, ...] = ()
    place: bool = True


BARE: Final = {
    f"hide_{name}": 0.0
    for name in ("instrument", "place", "velocity", "durations", "duration", "shift")
} | {"held": 0.0}
TRIALS: Final = (
    Trial("as shipped, but small: 2 x 192"),
    Trial("the same, another seed", {"seed": 2}),
    Trial("without attention", {"attention": 0}),
    Trial("lookback: one and two bars ago", {"lookback": True}),
    Trial("lookback, without attention", {"lookback": True, "attention": 0}),
    Trial("sounding notes", extras=("sounding notes",)),
    Trial("recent pitch classes", extras=("recent pitch classes",)),
    Trial(
        "sounding notes, recent pitch classes", extras=("sounding notes", "recent pitch classes")
    ),
    Trial(
        "lookback, sounding notes, recent pitch classes",
        {"lookback": True},
        ("sounding notes", "recent pitch classes"),
    ),
    Trial("without place in the bar", place=False),
    Trial("no field of the input hidden", BARE),
    Trial("not transposed", {"transpose": 0}),
    Trial("transposed by up to 12", {"transpose": 12}),
    Trial("2 x 256", {"units": 256}),
    Trial("3 x 192", {"layers": 3}),
    Trial("no dropout", {"dropout": 0.0}),
    Trial("dropout 0.3", {"dropout": 0.3}),
    Trial("no timing noise", {"timing_noise": 0.0}),
    Trial("no notes left out", {"drop": 0.0}),
    Trial("label smoothing 0.05", {"label_smoothing": 0.05}),
    Trial("3 x 256", {"layers": 3, "units": 256}),
)
OPTIMIZERS: Final = tuple(
    Trial(f"{title}, learning rate {rate:g}", {"optimizer": kind, "learning_rate": rate})
    for kind, title, rates in (
        ("adam", "Adam", (1e-3, 3e-3, 6e-3)),
        ("rmsprop", "RMSprop", (3e-4, 1e-3, 3e-3)),
    )
    for rate in rates
)
"""Each at three rates: the best of one need not be the other's."""
SIZES: Final = tuple(
    Trial(
        f"{layers} x {units}",
        {
            "layers": layers,
            "units": units,
            "embedding": 256,
            "head": 256,
            "learning_rate": 2e-3,
            "batch": 32,
        },
    )
    for layers, units in ((2, 512), (2, 384), (3, 512))
)
"""Full ones, which are for equal minutes."""
GROUPS: Final = {"trials": TRIALS, "optimizers": OPTIMIZERS, "sizes": SIZES}


@dataclass(frozen=True)
class Result:
    """What a trial came to."""

    name: str
    bits: dict[str, float]
    """Bits per note as written, by field."""
    bits_played: dict[str, float]
    """Bits per note as played, by field."""
    events: int
    events_per_s: float
    """Events trained on per second of processor time."""
    weights: int
    measured: str
    given: dict[str, Any]
    """What it hangs on: settings, inputs, how long it was trained, on which music."""


@dataclass(frozen=True)
class Length:
    """How long every trial is trained: for so many events, or minutes of processor time."""

    events: int
    minutes: float

    def __str__(self) -> str:
        """Return it in words."""
        if self.minutes:
            return f"{self.minutes:g} minutes of processor time each"
        return f"{self.events:,} events each"


def main() -> None:
    """Try what was not tried yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, action="append", required=True, help="folder of music")
    parser.add_argument("--cache", type=Path, help="folder that keeps what was read")
    parser.add_argument("--events", type=int, default=800_000, help="of each trial")
    parser.add_argument("--minutes", type=float, default=0.0, help="of each trial, instead")
    parser.add_argument("--out", type=Path, help="default: runs/ablation-GROUP.json")
    group = parser.add_mutually_exclusive_group()
    for name in ("optimizers", "sizes"):
        group.add_argument(f"--{name}", dest="group", action="store_const", const=name)
    parser.add_argument("--only", action="append", help="names of trials; default: all")
    arguments = parser.parse_args()
    group_name = arguments.group or "trials"
    trials = GROUPS[group_name]
    unknown = set(arguments.only or ()) - {trial.name for trial in trials}
    if unknown:
        parser.error(f"there is no trial called {', '.join(sorted(unknown))}")
    length = Length(arguments.events, arguments.minutes)
    out = arguments.out or Path(f"runs/ablation-{group_name}.json")
    console = Console(stderr=True)
    corpus, _ = prepare(arguments.data, arguments.cache or cache_folder(), console=console)
    os.environ.update(TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1")
    load_tensorflow()
    music = Lessons.of(corpus)
    done = {r.name: r for r in read(out)}
    for trial in trials:
        known = done.get(trial.name)
        if known is not None and known.given == given(trial, music, length):
            continue
        done.pop(trial.name, None)
        if arguments.only and trial.name not in arguments.only:
            continue
        console.print(f"trying {trial.name}", highlight=False)
        done[trial.name] = run(trial, music, length)
        out.parent.mkdir(parents=True, exist_ok=True)
        kept = json.dumps([asdict(r) for r in done.values()], indent=1) + "\n"
        replace_file(out, kept.encode())
    print(f"Measured on {date.today()} on {machine()}, one thread, {length}.\n")
    print(table([done[trial.name] for trial in trials if trial.name in done]))


def read(path: Path) -> list[Result]:
    """Return the results that a file keeps; none if there is no file, or one of another kind."""
    if not path.exists():
        return []
    try:
        return [Result(**r) for r in json.loads(path.read_text())]
    except TypeError:
        return []


def given(trial: Trial, music: Lessons, length: Length) -> dict[str, Any]:
    """Return all that a trial's result hangs on."""
    return {
        "settings": Training(**{**BASE, **trial.settings}).model_dump(),
        "extras": list(trial.extras),
        "place": trial.place,
        "length": asdict(length),
        "music": music.training.identity,
    }


@dataclass(frozen=True)
class Lessons:
    """The music of all trials."""

    training: Any
    """``training.dataset.Readings``."""
    written: tuple[Any, Any]
    """Held-out windows as written, and what follows each event, each (B, T, F)."""
    played: tuple[Any, Any]
    """The same with a fifth of the notes a tick early or late, and fields of the input hidden."""

    @classmethod
    def of(cls, corpus: Corpus) -> Lessons:
        """Divide a corpus by work, as training does, and cut windows to judge by."""
        from training.dataset import Readings, windows_in_order
        from training.variation import Variation, disturb, hide

        parts = corpus.split()
        order = np.random.default_rng(1).permutation(parts.validation)
        lengths = np.cumsum([len(corpus.notes(number)) for number in order])
        judged = order[: int(np.searchsorted(lengths, JUDGED_EVENTS)) + 1]
        steps = Training().steps
        written = windows_in_order(Readings.of([corpus.notes(number) for number in judged]), steps)
        random = np.random.default_rng(2)
        off = disturb(written, 1.0, 0.0, random)
        played = (hide(off[:, :-1], Variation(), random), off[:, 1:])
        training = Readings.of([corpus.notes(number) for number in parts.train])
        return cls(training, (written[:, :-1], written[:, 1:]), played)


def run(trial: Trial, music: Lessons, length: Length) -> Result:
    """Train and judge one network."""
    import keras
    import tensorflow as tf

    from benchmarks.trial_network import TrialNetwork
    from training.callbacks import Pace
    from training.checkpoint import State
    from training.dataset import Share, as_example, training_dataset
    from training.network import NetworkConfig
    from training.objective import bits_of, compile_for_training

    keras.backend.clear_session()
    settings = Training(**{**BASE, **trial.settings, "minutes": length.minutes})
    keras.utils.set_random_seed(settings.seed)
    config = NetworkConfig(**settings.shape, dropout=settings.dropout)
    network = TrialNetwork(config, frozenset(trial.extras), trial.place)
    network.build(None)
    network.products = tf.as_dtype(settings.precision)
    compile_for_training(network, settings)
    steps = FOR_EVER if length.minutes else round(length.events / (settings.batch * settings.steps))
    batches = training_dataset(
        [Share(music.training, settings.batch)],
        first=0,
        steps=settings.steps,
        seed=settings.seed,
        variation=settings.variation,
    )
    watch, state = stopwatch(), State()
    network.fit(
        batches,
        steps_per_epoch=steps,
        callbacks=[Pace(settings, steps, state, time.process_time), watch],
        shuffle=False,
        verbose=0,
    )

    def judged(windows: tuple[Any, Any]) -> dict[str, float]:
        examples = tf.data.Dataset.from_tensor_slices(as_example(*windows)).batch(64)
        return bits_of(network.evaluate(examples, verbose=0, return_dict=True))

    step_events = settings.batch * settings.steps
    return Result(
        trial.name,
        judged(music.written),
        judged(music.played),
        state.steps_done * step_events,
        round(step_events / float(np.median(watch.seconds)), 1),
        int(network.count_params()),
        str(date.today()),
        given(trial, music, length),
    )


def stopwatch() -> Any:
    """Return a callback that notes the seconds of processor time of each step but the first."""
    import keras

    class Stopwatch(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.seconds: list[float] = []
            self.last = 0.0

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
            now = time.process_time()
            if batch > 0:
                self.seconds.append(now - self.last)
            self.last = now

    return Stopwatch()


def table(results: Sequence[Result]) -> str:
    """Return the results in Markdown, each beside its difference from the first."""
    against = f"against {results[0].name}" if results else ""
    head = ("network", *NOTATED, "their sum", against, "as played", "events", "events/s")
    rows = [head, ["---"] * len(head)]
    first = sum(results[0].bits[name] for name in NOTATED) if results else 0.0
    for r in results:
        total = sum(r.bits[name] for name in NOTATED)
        rows.append(
            [
                r.name,
                *(f"{r.bits[name]:.2f}" for name in NOTATED),
                f"{total:.3f}",
                f"{total - first:+.3f}",
                f"{sum(r.bits_played[name] for name in NOTATED):.3f}",
                f"{r.events / 1e6:.2f} M",
                f"{r.events_per_s:,.0f}",
            ]
        )
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


if __name__ == "__main__":
    main()
