"""The command ``export``: the files of a model from the checkpoint of a run, or from float32."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from live.errors import UserError
from live.events import Tokens
from training.columns import Columns
from training.fit_cli import About, Cache, Card, check_target, console, divide
from training.outputs import check_writable
from training.prepare import cache_folder, prepare
from training.report import show
from training.runtime import load_tensorflow
from training.sources import describe

if TYPE_CHECKING:
    from training.start import Start


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
    about: About = None,
    card: Card = None,
    cache: Cache = None,
) -> None:
    """Write the files of a model: 8-bit weights to play, float32 to train on."""
    check_target(out)
    if card is not None:
        check_writable(card, ".md")
    if about is not None and not data:
        raise UserError("--about tells of the folders given with --data; name them as well")
    screen = console()
    load_tensorflow()
    from training.model_files import write_model
    from training.start import read_start

    start = read_start(source)
    held_out: list[Tokens] = []
    told = start.data
    if data:
        corpus, report = prepare(list(data), cache or cache_folder(), console=screen)
        show(report, screen)
        parts = divide(corpus)
        held_out = [corpus.tokens(number) for number in parts.validation]
        if about is not None or not told:
            told = describe(data, corpus, parts, about)
            _check_music(start, [corpus.notes(number) for number in parts.train], source)
    metadata: dict[str, Any] = {"data": told, "training": start.training, **start.figures}
    write_model(start.network, out, metadata, held_out, screen, card)
    screen.print(f"{out}. Play it: python -m live --model {out}", highlight=False, soft_wrap=True)


def _check_music(start: Start, pieces: Sequence[Columns], source: Path) -> None:
    """Make sure that what is to be told of a run's music is true, as far as that is known.

    Raises:
        UserError: the run learnt from other music.
    """
    from training.dataset import Readings

    if start.music is not None and start.music != Readings.of(pieces).identity:
        raise UserError(
            f"{source} was trained on other music than --data has; name the same folders"
        )
