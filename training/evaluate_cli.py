"""The command ``evaluate``: how good a model file is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from live.settings import load
from training.continuing import Sampling
from training.evaluate import Advance, Judgement, as_data, evaluate
from training.files import replace_file
from training.held_out import held_out_music
from training.outputs import check_writable
from training.scoring import Judge


def evaluate_command(
    model: Annotated[
        Path | None, typer.Option(help="The model, an .onnx file. Default: the performer's.")
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of music files; may be given several times. Default: the permitted core "
            "of music21's corpus."
        ),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(help="Folder that keeps what was read. Default: the user's cache."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and no tables.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a page with plots here.")] = None,
    continuations: Annotated[
        int, typer.Option(min=0, help="How many free continuations to judge; 0: none.")
    ] = 200,
    keyboard: Annotated[
        bool, typer.Option("--keyboard", help="Judge on all music as played by one pianist.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of chance.")] = 1,
) -> None:
    """Judge a model on works that it was not trained on."""
    console = Console(stderr=True)
    settings = load(None, {"sampling": {"model": None if model is None else str(model)}})
    if html is not None:
        check_writable(html, ".html", ".htm")
    judge = Judge(settings.model)
    music = held_out_music(data or [], cache, console, keyboard=keyboard, judged=judge)
    sampling = Sampling.of(settings.performer)
    with Progress(console=console) as progress:

        def started(name: str, steps: int) -> Advance:
            task = progress.add_task(name, total=steps)
            return lambda done: progress.advance(task, done)

        judgement = evaluate(judge, music, sampling, continuations, seed, started)
    if as_json:
        typer.echo(json.dumps({"model": settings.model.name, **as_data(judgement)}, indent=1))
    else:
        show(judgement)
    if html is not None:
        from training.judgement_page import page

        replace_file(html, page(judgement, settings.model.name).encode())


def show(judgement: Judgement) -> None:
    """Print all tables."""
    from training.judgement_page import tables  # plots take a second to load

    console = Console(width=None if Console().is_terminal else 120)
    sizes = ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in judgement.music.items())
    console.print(sizes, highlight=False)
    for title, head, rows in tables(judgement):
        table = Table(title=title, title_justify="left")
        for i, text in enumerate(head):
            table.add_column(text, justify="right" if i else "left")
        for row in rows:
            table.add_row(*row)
        console.print(table)
