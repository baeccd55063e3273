"""The command line of the school."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from live.errors import UserError
from training.evaluate_cli import evaluate_command
from training.export_cli import export_command
from training.finetune_cli import finetune_command
from training.fit_cli import DEFAULT_OUT, Again, Epochs, Minutes, Size, console, fit_command, learn
from training.generate_cli import generate_command
from training.prepare_cli import prepare_command
from training.runtime import is_chief
from training.settings import load

app = typer.Typer(add_completion=False, invoke_without_command=True, pretty_exceptions_enable=False)
app.command("prepare")(prepare_command)
app.command("fit")(fit_command)
app.command("finetune")(finetune_command)
app.command("export")(export_command)
app.command("evaluate")(evaluate_command)
app.command("generate")(generate_command)


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
    epochs: Epochs = None,
    minutes: Minutes = None,
    size: Size = None,
    units: Annotated[
        int | None, typer.Option(help="Units of each layer; fewer learn faster and less.")
    ] = None,
    again: Again = False,
) -> None:
    """Train the network that the performer plays, and export it as one .onnx file."""
    if context.invoked_subcommand is None:
        given = {"epochs": epochs, "minutes": minutes, "size": size, "units": units}
        settings = load(None, given)
        folders = [] if data is None else [data]
        screen = console()
        learn(folders, settings, out, None, None, again, screen)
        if is_chief():
            _judge(out, folders, screen)


def _judge(model: Path, data: list[Path], screen: Console) -> None:
    """Print how well the model foresees held-out music; too little of it is told, no failure."""
    try:
        evaluate_command(model=model, data=data, continuations=0)
    except UserError as error:
        screen.print(f"not judged: {error}", markup=False, highlight=False, soft_wrap=True)


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
