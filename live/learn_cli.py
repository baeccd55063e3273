"""``python -m live learn``: bind a knob, pad, key or pedal by moving it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import TYPE_CHECKING, Annotated

import typer

from live.config_file import find_config
from live.control_settings import COMMANDS
from live.errors import UserError
from live.settings import LIVE, load

if TYPE_CHECKING:
    from live.core.binding import Binding


def learn(
    setting: Annotated[
        str | None, typer.Argument(help='As "time.bpm" or "your_turn"; asked for if missing.')
    ] = None,
    value: Annotated[
        str, typer.Option(help='What the control does: "60 to 180", "duet", "next".')
    ] = "",
    add: Annotated[
        bool, typer.Option("--add", help="Keep the controls that it is bound to now.")
    ] = False,
    config: Annotated[Path | None, typer.Option(help="Settings file to write to.")] = None,
    input: Annotated[str | None, typer.Option(help="Part of the input port's name.")] = None,
    virtual: Annotated[
        bool, typer.Option("--virtual", help="Make a port that other programs connect to.")
    ] = False,
    seconds: Annotated[float, typer.Option(min=0.1, help="Wait so long at most.")] = 60.0,
) -> None:
    """Bind a setting or a command to the control that you move; config.toml keeps it."""
    from live.learn import bind, full_name

    path = config or find_config()
    if path is None:
        raise UserError("there is no config.toml to write to; name one with --config")
    midi = load(path, {"midi": {"input": "virtual" if virtual else input}}).midi
    for wanted in _ask() if setting is None else [setting]:
        name = full_name(wanted)
        with _moved_control(name, midi.api, midi.input, seconds) as binding:
            typer.echo(bind(path, name, binding, value, add=add))
            typer.echo("it holds from the next start of the performer")


def _ask() -> Iterator[str]:
    """Yield what the user wants to bind, until that is nothing."""
    if not sys.stdin.isatty():
        raise UserError("name what to bind, such as: python -m live learn time.bpm")
    typer.echo(f"settings: {', '.join(each.name for each in LIVE)}")
    typer.echo(f"commands: {', '.join(COMMANDS)}")
    while wanted := typer.prompt("bind (nothing: done)", "", show_default=False).strip():
        yield wanted


@contextmanager
def _moved_control(name: str, api: str, port: str, seconds: float) -> Iterator[Binding]:
    """Wait for a control to be moved; its port is closed afterwards, when all is written."""
    from live.learn import moved
    from live.midi_io import ports
    from live.midi_io.parser import MidiParser

    parser = MidiParser()
    came: Queue[Binding] = Queue()

    def on_input(data: list[int]) -> None:
        for message in parser.feed(data):
            binding = moved(message)
            if binding is not None:
                came.put(binding)

    source = ports.open_input(ports.find_api(api), port, on_input)
    try:
        typer.echo(f"{source.name}: move the control for {name} (Ctrl-C: leave all as it is)")
        end_s = time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0:
            try:
                binding = came.get(timeout=min(left_s, 0.2))  # Windows has no Ctrl-C in a long wait
            except Empty:
                continue
            yield binding
            return
        raise UserError(f"no control was moved on {source.name} within {seconds:g} s")
    finally:
        source.close()
