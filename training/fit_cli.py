"""The command ``fit``: from folders of music to a trained, exported model."""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from live.errors import UserError
from training.corpus import corpus_paths
from training.library import Corpus
from training.outputs import check_writable
from training.prepare import cache_folder, prepare
from training.report import show
from training.runtime import is_chief, load_tensorflow
from training.settings import Training, load
from training.sources import describe, is_same_music, tell_of_other_music
from training.works import Split

DEFAULT_OUT: Final = Path("exported_models/trained.onnx")
"""Not the shipped model: nobody's own training overwrites that unasked."""
RUNS: Final = Path("runs")

Config = Annotated[
    Path | None,
    typer.Option(help="Settings, section [training]. Default: config.toml, here or the project's."),
]
Size = Annotated[
    str | None, typer.Option(help="Of the network: s (2 x 256 units), m (2 x 512), l (3 x 512).")
]
Epochs = Annotated[int | None, typer.Option(help="The most passes over the music; 0: no limit.")]
Minutes = Annotated[
    float | None,
    typer.Option(help="The most minutes; without --epochs, however many epochs that makes."),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help='Any setting of [training], as in --set "dropout = 0.2".'),
]
Cache = Annotated[
    Path | None,
    typer.Option(help="Folder that keeps what was read. Default: the user's cache."),
]
About = Annotated[
    Path | None,
    typer.Option(
        help="Where the music is from and under which licences, as training/sources.toml."
    ),
]
Card = Annotated[
    Path | None, typer.Option(help="Write what the model says of itself here, as Markdown.")
]
Again = Annotated[
    bool, typer.Option("--again", help="Begin again, whatever the run's folder holds.")
]


def fit_command(
    data: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of music files; may be given several times. Default: the permitted core "
            "of music21's corpus."
        ),
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(help="Folder of the run: checkpoints, logs, curves. Default: runs/NAME."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The model file to write. Default: exported_models/NAME.onnx."),
    ] = None,
    size: Size = None,
    epochs: Epochs = None,
    minutes: Minutes = None,
    settings: Set = None,
    config: Config = None,
    cache: Cache = None,
    again: Again = False,
    about: About = None,
    card: Card = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="Start from these weights: a model, the folder of a run, or a checkpoint.",
        ),
    ] = None,
) -> None:
    """Train a network; a run that was ended early goes on where it was."""
    given = {"size": size, "epochs": epochs, "minutes": minutes}
    chosen = load(config, {**parse(settings or []), **given})
    target = out or (DEFAULT_OUT if run is None else DEFAULT_OUT.with_name(f"{run.name}.onnx"))
    if card is not None:
        check_writable(card, ".md")
    learn(data or [], chosen, target, run, cache, again, console(), source, about, card)


def parse(settings: Sequence[str]) -> dict[str, Any]:
    """Return settings written as in ``config.toml``, ``name = value``, by name.

    Raises:
        UserError: one is written otherwise.
    """
    given: dict[str, Any] = {}
    for text in settings:
        name, _, value = (part.strip() for part in text.partition("="))
        if not name or not value:
            raise UserError(f'--set {text}: write it as in config.toml, such as "dropout = 0.2"')
        try:
            given[name] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            given[name] = value  # a shell takes the quotes off a name
    return given


def console() -> Console:
    """Return where to talk to; of several workers only one does."""
    return Console(quiet=not is_chief())


def check_target(path: Path) -> None:
    """Make sure that a model can be written to ``path``, before hours are spent on it.

    Raises:
        UserError: it cannot.
    """
    if path.suffix != ".onnx":
        raise UserError(f"{path}: a model's name ends in .onnx; name another with --out")
    if path.is_dir():
        raise UserError(f"{path} is a folder; name a file with --out")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise UserError(
            f"cannot write to {path.parent}: {error.strerror}; name another file with --out"
        ) from error


def divide(corpus: Corpus) -> Split:
    """Divide pieces by work, so that there is something to train on and to judge epochs by.

    Raises:
        UserError: there is too little music for that.
    """
    parts = corpus.split()
    if not parts.train or not parts.validation:
        raise UserError(
            f"{len(corpus)} readable piece(s) are too little music to train on and to "
            "hold some out; add another piece"
        )
    return parts


def learn(
    data: Sequence[Path],
    settings: Training,
    out: Path,
    run: Path | None,
    cache: Path | None,
    again: bool,
    console: Console,
    source: Path | None = None,
    about: Path | None = None,
    card: Path | None = None,
) -> None:
    """Read music, train on it, export the best epoch to ``out``.

    Args:
        data: folders; none: the permitted core of music21's corpus.
        settings: of the network and its training.
        out: the model file.
        run: folder of the run; None: one named after ``out``.
        cache: folder that keeps what was read; None: the user's.
        again: begin again, whatever the run's folder holds.
        console: shows progress.
        source: start from its weights, with its shape; see ``training.start``. None: from none.
        about: tells where the music is from; see ``training.sources``. None: its folders' names.
        card: file for the model's card; None: there is none.

    Raises:
        UserError: no music, too little of it, or something cannot be written or gone on with.
    """
    check_target(out)
    corpus, report = prepare(list(data) or corpus_paths(), cache or cache_folder(), console=console)
    show(report, console)
    parts = divide(corpus)
    told = describe(data, corpus, parts, about)
    console.print(
        f"{len(parts.train)} pieces to learn from, {len(parts.validation)} to choose the best "
        f"epoch by, {len(parts.test)} held out",
        highlight=False,
        soft_wrap=True,
    )
    load_tensorflow()
    from training.checkpoint import BEST
    from training.dataset import Readings
    from training.fit import Lesson, fit
    from training.model_files import write_model
    from training.start import read_start

    start = None if source is None else read_start(source)
    if start is not None:
        start = start.grown(settings.lookback, settings.attention, settings.seed)
        settings = settings.model_copy(update=start.shape)
        tell_of_other_music(str(source), start.data, corpus, console)
    if start is not None and about is None and is_same_music(start.data, corpus):
        told = start.data  # which may say more of it than folders' names
    origin: dict[str, Any] = {
        "data": told if start is None else start.data_with(told),
        "training": settings.model_dump(),
    }
    if source is not None and start is not None:
        origin["training"] |= {"from": source.name, "before": start.training}
    lesson = Lesson(
        Readings.of([corpus.notes(number) for number in parts.train]),
        Readings.of([corpus.notes(number) for number in parts.validation]),
    )
    folder = run or RUNS / out.stem
    outcome = fit(
        settings,
        lesson,
        folder,
        console,
        again=again,
        start=None if start is None else start.weights,
        origin=origin,
    )
    if not is_chief():
        return
    metadata = {
        "data": origin["data"],
        "training": {
            **origin["training"],
            "epochs_done": outcome.epochs,
            "events": outcome.events,
            "seconds": round(outcome.seconds),
        },
        "held_out_bits_per_note": {name: round(b, 4) for name, b in outcome.bits.items()},
    }
    held_out = [corpus.tokens(number) for number in parts.validation]
    try:
        write_model(outcome.network, out, metadata, held_out, console, card)
    except UserError as error:
        if not (folder / BEST).is_file():
            raise
        raise UserError(
            f"{error}. The run is kept: python -m training export --from {folder} --out {out}"
        ) from error
    console.print(
        f"{out}: {outcome.bits['sum']:.3f} bits per note on held-out music, "
        f"{outcome.events:,} events in {outcome.seconds / 60:.1f} minutes. "
        f"Play it: python -m live --model {out}",
        highlight=False,
        soft_wrap=True,
    )
