"""The command ``finetune``: adapts a trained model to a user's own music, in minutes.

So that it does not forget, the learning rate is low, and half of each batch is music of the kind
that it knew before; what it still knows of that is told beside what it has learnt.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from live.errors import UserError
from training.columns import encode_columns
from training.corpus import corpus_paths
from training.fit_cli import (
    RUNS,
    Again,
    Cache,
    Config,
    Set,
    check_target,
    console,
    divide,
    parse,
)
from training.library import Corpus
from training.outputs import float32_path
from training.prepare import cache_folder, prepare
from training.recordings import Track, divide_recordings, read_recordings
from training.report import show
from training.runtime import load_tensorflow, several_workers
from training.settings import Training, load
from training.sources import OWN_LICENCE, OWN_MUSIC, tell_of_other_music

OUT: Final = Path("exported_models/own.onnx")
"""Neither the shipped model nor one that a training made."""
LEARNING_RATE: Final = 2e-4
"""A tenth of that of a new network."""
EPOCH_STEPS: Final = 40
"""The least steps of an epoch: own music is little, and each epoch is judged twice."""
OLD_EVENTS: Final = 20_000
"""About so many old events are judged; more take longer than the training."""


def finetune_command(
    source: Annotated[
        Path,
        typer.Option(
            "--from",
            help="What to start from: an .onnx model, the folder of a run, or a checkpoint.",
        ),
    ],
    data: Annotated[
        list[Path],
        typer.Option(
            help="Folder of your own music, such as the performer's sessions; may be given several "
            "times."
        ),
    ],
    old: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of music like that the model knows; may be given several times. Default: "
            "the permitted core of music21's corpus."
        ),
    ] = None,
    rehearse: Annotated[
        bool, typer.Option("--rehearse/--no-rehearse", help="Whether old music is learnt again.")
    ] = True,
    track: Annotated[
        str, typer.Option(help="What of a session is learnt from: player, model or all.")
    ] = "player",
    minutes: Annotated[float, typer.Option(help="Train for so long at the most.")] = 5.0,
    out: Annotated[Path, typer.Option(help="The model file to write.")] = OUT,
    run: Annotated[Path | None, typer.Option(help="Folder of the run. Default: runs/NAME.")] = None,
    settings: Set = None,
    config: Config = None,
    cache: Cache = None,
    again: Again = False,
) -> None:
    """Adapt a trained model to your own music, without forgetting what it knew."""
    if track not in ("player", "model", "all"):
        raise UserError(f"--track {track}: it is player, model or all")
    given = {"learning_rate": LEARNING_RATE, **parse(settings or [])}
    chosen = load(config, {**given, "minutes": minutes})
    if not chosen.minutes or several_workers():
        raise UserError("finetune takes --minutes above 0, and one machine")
    if not source.exists():
        raise UserError(f"there is no {source}; name a model with --from")
    check_target(out)
    folder = run or RUNS / out.stem
    _check_apart(source, out, folder)
    screen = console()
    corpus = read_recordings(data, track, cache, screen)  # type: ignore[arg-type]
    before: Corpus | None = None
    if rehearse:
        before, report = prepare(
            list(old or corpus_paths()), cache or cache_folder(), console=screen
        )
        show(report, screen)
    adapt(source, corpus, before, track, chosen, out, folder, again, screen)  # type: ignore[arg-type]


def _check_apart(source: Path, out: Path, run: Path) -> None:
    """Make sure that what is adapted is still there afterwards.

    Raises:
        UserError: it would be overwritten.
    """
    written = {path.resolve() for path in (out, float32_path(out))}
    if written & {path.resolve() for path in (source, float32_path(source))}:
        raise UserError(f"{out} would replace the model that --from names; name another with --out")
    if run.resolve() in (source.resolve(), source.resolve().parent):
        raise UserError(f"{run} is the run that --from names; name another folder with --run")


def adapt(
    source: Path,
    corpus: Corpus,
    before: Corpus | None,
    track: Track,
    settings: Training,
    out: Path,
    run: Path,
    again: bool,
    console: Console,
) -> None:
    """Train a model on with own music, export the best epoch to ``out``.

    Args:
        source: a model file, the folder of a run, or a checkpoint.
        corpus: the user's own music.
        before: music of the kind that the model knows; None: nothing is rehearsed.
        track: what of the sessions ``corpus`` holds, for the model's metadata.
        settings: of the training; the network's shape is that of ``source``.
        out: the model file to write.
        run: folder of the run.
        again: begin again even if the same run was ended early.
        console: shows progress.

    Raises:
        UserError: ``source`` cannot be used, or there is too little music.
    """
    training, held_out = divide_recordings(corpus)
    load_tensorflow()
    from training.dataset import Readings
    from training.fit import Lesson, fit
    from training.model_files import write_model
    from training.start import read_start

    start = read_start(source)
    old_training = old_validation = None
    if before is not None:
        tell_of_other_music(str(source), start.data, before, console)
        parts = divide(before)
        old_training = Readings.of([before.notes(number) for number in parts.train])
        old_validation = Readings.of(_about(before, parts.validation, OLD_EVENTS))
    lesson = Lesson(Readings.of(training), Readings.of(held_out), old_training, old_validation)
    shaped = settings.model_copy(update=start.shape)
    own: dict[str, Any] = {
        "name": f"{OWN_MUSIC} ({track})",
        "licence": OWN_LICENCE,
        "pieces": len(corpus),
        "notes": len(corpus.columns),
        "held_out_pieces": len(held_out),
    }
    known = [one for one in start.data if one.get("name") == own["name"]]
    if known:
        tell_of_other_music(str(source), known, corpus, console)
    origin: dict[str, Any] = {
        "data": start.data_with([own]),
        "training": {**shaped.model_dump(), "from": source.name, "before": start.training},
    }
    outcome = fit(
        shaped,
        lesson,
        run,
        console,
        again=again,
        start=start.weights,
        epoch_steps=EPOCH_STEPS,
        replace=True,
        origin=origin,
    )
    first = outcome.history[0]
    about: dict[str, Any] = {
        "data": origin["data"],
        "training": {
            **origin["training"],
            "epochs_done": outcome.epochs,
            "events": outcome.events,
            "seconds": round(outcome.seconds),
        },
        "held_out_bits_per_note": {name: round(b, 4) for name, b in outcome.bits.items()},
    }
    told = [f"your music {first['held_out_sum']:.3f} -> {outcome.bits['sum']:.3f}"]
    if outcome.old_bits is not None:
        about["old_bits_per_note"] = {name: round(b, 4) for name, b in outcome.old_bits.items()}
        told.append(f"old music {first['old']:.3f} -> {outcome.old_bits['sum']:.3f}")
    pieces = [encode_columns(piece) for piece in held_out]
    write_model(outcome.network, out, about, pieces, console)
    console.print(
        f"{out}: bits per note, held out: {', '.join(told)}. Play it: python -m live --model {out}",
        highlight=False,
        soft_wrap=True,
    )


def _about(corpus: Corpus, pieces: Sequence[int], events: int) -> list[Any]:
    """Return the first of the pieces, at least one, until there are so many events."""
    chosen: list[Any] = []
    for number in pieces:
        if sum(map(len, chosen)) >= events:
            break
        chosen.append(corpus.notes(number))
    return chosen
