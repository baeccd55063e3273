"""``python -m live doctor``: what was measured, in lines or as JSON, and what to do about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # the other commands need no MIDI library
    from live.doctor import Findings, Spread


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
    seconds: Annotated[
        float, typer.Option(min=1, max=3600, help="How long the model plays meanwhile.")
    ] = 10.0,
    config: Annotated[Path | None, typer.Option(help="Settings file.")] = None,
    model: Annotated[Path | None, typer.Option(help="The model, an .onnx file.")] = None,
) -> None:
    """Measure whether this machine is good enough, through MIDI ports of its own.

    The exit code is 1 where it is not.
    """
    from live.doctor import examine
    from live.settings import load

    chosen = load(config, {"sampling": {"model": None if model is None else str(model)}})
    if not as_json:
        typer.echo(f"measuring for {seconds:g} s...")
    found = examine(chosen, seconds)
    if as_json:
        typer.echo(json.dumps(found.as_json(), indent=2))
    else:
        for line in _lines(found):
            typer.echo(line)
    if found.verdict == "poor":
        raise typer.Exit(1)


def _lines(found: Findings) -> list[str]:
    lines = [f"MIDI system: {found.midi_system or 'none that answers, so no port was measured'}"]
    if found.realtime is not None:
        lines.append(f"real-time priority: {'granted' if found.realtime else 'not granted'}")
    for what, spread in (
        ("ports alone", found.ports),
        ("your notes, added by Continuo while the model plays", found.thru_added),
        ("the model's notes, after their deadline", found.lateness),
    ):
        if spread is not None:
            lines.append(f"{what}: {_spelled(spread)}")
    if found.jitter_ms is not None:
        lines.append(f"jitter of these: {found.jitter_ms:.2f} ms (standard deviation)")
    if found.event is not None:
        lines.append(
            f"the network, for one note: median {found.event.median_ms:.2f} ms, worst "
            f"{found.event.worst_ms:.2f} ms; notes are settled {found.horizon_ms:g} ms ahead"
        )
    said = {
        "good": "good enough for a stage",
        "fair": "good enough to play; some notes come late",
        "poor": "not good enough as it is",
    }
    lines.append(f"verdict: {said[found.verdict]}")
    lines += [f"advice: {each}" for each in found.advice]
    return lines


def _spelled(spread: Spread) -> str:
    return (
        f"median {spread.median_ms:.2f} ms, p99 {spread.p99_ms:.2f} ms, "
        f"worst {spread.worst_ms:.2f} ms ({spread.count} notes)"
    )
