"""The command ``prepare``: reads music into the cache, and reports on every file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from training.prepare import Report, cache_folder, prepare

SHOWN: Final = 20
"""Skipped files that are told on the terminal; the report has all."""


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
        Path | None, typer.Option(help="Write what became of every file here, as JSON.")
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


def show(report: Report, console: Console) -> None:
    """Print the counts, and why files were skipped."""
    for left in report.skipped[:SHOWN]:
        line = f"skipped {left.path}: {left.reason}"
        shown = "".join(c if c.isprintable() else "?" for c in line)  # as names of files may hold
        console.print(shown, markup=False, soft_wrap=True)
    if len(report.skipped) > SHOWN:
        console.print(f"and {len(report.skipped) - SHOWN} more; --report FILE names them all")
    console.print(report.summary(), highlight=False, soft_wrap=True)
