"""The command line of the school."""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from live.errors import UserError
from training.evaluate_cli import evaluate_command
from training.generate_cli import generate_command
from training.prepare import cache_folder, prepare
from training.prepare_cli import prepare_command, show

app = typer.Typer(add_completion=False, invoke_without_command=True, pretty_exceptions_enable=False)
app.command("prepare")(prepare_command)
app.command("evaluate")(evaluate_command)
app.command("generate")(generate_command)

DEFAULT_OUT: Final = Path("exported_models/trained.onnx")
"""Not the shipped model: nobody's own training overwrites that unasked."""
RUNS: Final = Path("runs")
CORPUS: Final = "music21 corpus, permitted core"
CORPUS_LICENCE: Final = (
    "out of copyright in the United States or licensed for use; encodings as music21's "
    "corpus/license.txt says"
)


def load_tensorflow() -> None:
    """Import TensorFlow without the notes that it prints as it starts.

    It writes some of them past every setting it has, so its way to the terminal is shut meanwhile.
    What goes wrong is raised all the same.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    terminal = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        import tensorflow

        tensorflow.zeros(())  # the first operation brings up the rest, with more to say
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(nowhere)


@app.callback()
def school(
    context: typer.Context,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Folder of music files. Default: the permitted core of music21's corpus."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="The model file to write.")] = DEFAULT_OUT,
    epochs: Annotated[int, typer.Option(min=1, help="The most passes over the music.")] = 30,
    minutes: Annotated[
        float | None,
        typer.Option(min=0.01, help="Train for so long, however many epochs that makes."),
    ] = None,
    units: Annotated[
        int,
        typer.Option(min=1, max=4096, help="Units of each layer; fewer learn faster and less."),
    ] = 512,
) -> None:
    """Train the network that the performer plays, and export it as one .onnx file."""
    if context.invoked_subcommand is None:
        train(data, out, epochs, minutes, units, Console())


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


def train(
    data: Path | None, out: Path, epochs: int, minutes: float | None, units: int, console: Console
) -> None:
    """Read music, train on it, export the best epoch to ``out``.

    Raises:
        UserError: no music, too little of it, or ``out`` cannot be written.
    """
    from training.corpus import composer, corpus_paths

    check_target(out)
    source = corpus_paths() if data is None else data
    library, report = prepare(source, cache_folder(), console=console)
    show(report, console)
    parts = library.split()
    if not parts.train or not parts.validation:
        raise UserError(
            f"{len(library)} readable piece(s) are too little music to train on and to "
            "hold some out; add another piece"
        )
    training = [library.piece(number) for number in parts.train]
    validation = [library.piece(number) for number in parts.validation]
    console.print(
        f"{len(training)} pieces to learn from, {len(validation)} to choose the best epoch by, "
        f"{len(parts.test)} held out",
        highlight=False,
        soft_wrap=True,
    )
    load_tensorflow()
    from training.export import export
    from training.fit import Plan, fit
    from training.network import NetworkConfig

    plan = Plan(epochs=epochs, minutes=minutes)
    outcome = fit(NetworkConfig(units=units), plan, training, validation, RUNS / out.stem, console)
    about: dict[str, Any] = {
        "data": [
            {
                "name": CORPUS if data is None else data.resolve().name,
                "licence": CORPUS_LICENCE if data is None else "the user's own choice of files",
                "pieces": len(library),
                "notes": len(library.columns),
                "held_out_pieces": len(parts.validation) + len(parts.test),
                "composers": Counter(composer(Path(source)) for source in library.sources),
            }
        ],
        "training": {
            **asdict(plan),
            "epochs_done": outcome.epochs,
            "events": outcome.events,
            "seconds": round(outcome.seconds),
        },
        "held_out_bits_per_note": {name: round(b, 4) for name, b in outcome.bits.items()},
    }
    export(outcome.network, out, about)
    console.print(
        f"{out}: {outcome.bits['sum']:.3f} bits per note on held-out music. "
        f"Play it: python -m live --model {out}",
        highlight=False,
        soft_wrap=True,
    )


def main() -> None:
    """Run the command line; what the user can mend is told in one line, with exit code 2."""
    try:
        app()
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)
