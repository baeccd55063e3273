"""The command ``prepare``: reads music into the cache, and reports on every file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from training.prepare import cache_folder, prepare
from training.report import show


def prepare_command(
    data: Annotated[
        list[Path], typer.Option(help="Folder of music files; may be given several times.")
    ],
    cache: Annotated[
        Path | None,
        typer.Option(help="Folder that keeps what was read. Default: the user's cache."),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes that read. Default: one for each core.")
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler whose workers read instead.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write what became of every file here too, as JSON.")
    ] = None,
    retry: Annotated[
        bool, typer.Option("--retry", help="Read the files again that were skipped before.")
    ] = False,
) -> None:
    """Read folders of music, each file once for all times, and tell works apart."""
    console = Console()
    _, told = prepare(
        data,
        cache or cache_folder(),
        jobs=jobs,
        cluster=cluster,
        retry=retry,
        console=console,
    )
    show(told, console)
    if report is not None:
        told.write(report)
