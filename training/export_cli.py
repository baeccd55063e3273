"""The command ``export``: the files of a model from the checkpoint of a run, or from float32."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from training.fit_cli import Cache, check_target, console, divide
from training.prepare import cache_folder, prepare
from training.prepare_cli import show
from training.runtime import load_tensorflow


def export_command(
    source: Annotated[
        Path,
        typer.Option("--from", help="A model, the folder of a run, or a checkpoint."),
    ],
    out: Annotated[Path, typer.Option(help="The file to play; its float32 form goes beside it.")],
    data: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of music, several times for several: what 8-bit weights cost is measured "
            "on works of it that are held out."
        ),
    ] = None,
    cache: Cache = None,
) -> None:
    """Write the files of a model: 8-bit weights to play, float32 to train on."""
    check_target(out)
    screen = console()
    load_tensorflow()
    from training.model_files import write_model
    from training.start import read_start

    start = read_start(source)
    held_out = []
    if data:
        corpus, report = prepare(list(data), cache or cache_folder(), console=screen)
        show(report, screen)
        held_out = [corpus.tokens(number) for number in divide(corpus).validation]
    about: dict[str, Any] = {"data": start.data, "training": start.training, **start.figures}
    write_model(start.network, out, about, held_out, screen)
    screen.print(f"{out}. Play it: python -m live --model {out}", highlight=False, soft_wrap=True)
