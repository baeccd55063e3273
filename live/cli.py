"""The command line of the performer: ``python -m live``."""

from __future__ import annotations

import math
import os
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from live import settings
from live.core.settings import Answer, ClockSource, Handover, Mode, PhraseEnd
from live.demo import demo_seconds
from live.doctor_cli import doctor
from live.errors import NoMidiError, UserError
from live.learn_cli import learn
from live.midi_io.names import OUTPUT_NAME, VIRTUAL
from live.osc.link import osc
from live.page.link import HOW_TO_GET_IT, PageLink, can_be_served, open_browser
from live.panel import shown
from live.replay_cli import replay
from live.session import Session
from live.session_settings import SessionSettings
from live.set_flag import read_set_flags
from live.settings_cli import settings as list_settings
from live.signals import signals_noted

app = typer.Typer(
    add_completion=False,
    invoke_without_command=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class _LastingConsole(Console):
    """Prints as long as anybody reads; when nobody does, the session goes on without a word."""

    def on_broken_pipe(self) -> None:
        self.fall_silent()

    def fall_silent(self) -> None:
        """Print no more; what waits to be printed must not fail when the program ends."""
        self.quiet = True
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)


_console = _LastingConsole(highlight=False, soft_wrap=True, emoji=False)


@app.callback()
def perform(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option(help="Settings file.")] = None,
    input: Annotated[str | None, typer.Option(help="Part of the input port's name.")] = None,
    output: Annotated[str | None, typer.Option(help="Part of the output port's name.")] = None,
    virtual: Annotated[
        bool, typer.Option("--virtual", help="Make ports that other programs connect to.")
    ] = False,
    model: Annotated[Path | None, typer.Option(help="The model, an .onnx file.")] = None,
    mode: Annotated[Mode | None, typer.Option(help="How turns are taken.")] = None,
    bpm: Annotated[float | None, typer.Option(help="Tempo in beats per minute.")] = None,
    beats_per_bar: Annotated[int | None, typer.Option(help="Beats of a bar.")] = None,
    clock: Annotated[ClockSource | None, typer.Option(help="Who leads the beat.")] = None,
    send_clock: Annotated[
        bool | None,
        typer.Option("--send-clock/--no-send-clock", help="Send MIDI clock to the output."),
    ] = None,
    latency_ms: Annotated[
        float | None,
        typer.Option(help="Send everything so much later; -50 for a synth that is 50 ms slow."),
    ] = None,
    silence_beats: Annotated[
        float | None, typer.Option(help="Silence that ends a phrase, in beats.")
    ] = None,
    phrase_end: Annotated[
        PhraseEnd | None, typer.Option(help="What ends a phrase of yours.")
    ] = None,
    answer: Annotated[Answer | None, typer.Option(help="How long an answer is.")] = None,
    answer_bars: Annotated[
        int | None, typer.Option(help="Bars of an answer, with --answer bars.")
    ] = None,
    handover: Annotated[
        Handover | None, typer.Option(help="What the model's turn begins on.")
    ] = None,
    seed_window: Annotated[
        int | None, typer.Option(help="Latest notes that the model goes on from.")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(help="1: as learned; lower: safer; higher: wilder.")
    ] = None,
    min_p: Annotated[
        float | None, typer.Option(help="Least probability, relative to the likeliest.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of chance; 0: another each time.")] = None,
    input_channel: Annotated[
        int | None, typer.Option(help="Channel to listen to, 1 to 16; 0: all.")
    ] = None,
    output_channel: Annotated[
        int | None, typer.Option(help="Channel of the model's notes, 1 to 16.")
    ] = None,
    thru: Annotated[
        bool | None, typer.Option("--thru/--no-thru", help="Send what you play to the output too.")
    ] = None,
    record: Annotated[Path | None, typer.Option(help="Folder of the recordings.")] = None,
    others: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help='Any setting of the file: "time.bpm=90".'),
    ] = None,
    seconds: Annotated[float | None, typer.Option(min=0, help="End after this time.")] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Hear a built-in phrase instead of a keyboard.")
    ] = False,
    page: Annotated[
        bool | None, typer.Option("--page/--no-page", help="Serve a page to see and steer it.")
    ] = None,
    open_page: Annotated[
        bool | None, typer.Option("--open", help="Open a browser on the page.")
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Address to serve the page on; others need its token.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="First port to try for the page.")] = None,
    or_page: Annotated[
        bool, typer.Option("--or-page", help="Play on the page, if there is no MIDI here.")
    ] = False,
) -> None:
    """Play on a MIDI keyboard; when you pause, the model plays on. Ctrl-C ends the session."""
    if context.invoked_subcommand is not None:
        return
    if seconds is not None and not math.isfinite(seconds):
        raise UserError(f"--seconds {seconds} is no length of time; name a number")
    flags: dict[str, dict[str, Any]] = {
        "midi": {
            "input": "virtual" if virtual else input,
            "output": "virtual" if virtual else output,
            "input_channel": input_channel,
            "output_channel": output_channel,
            "thru": thru,
        },
        "time": {
            "bpm": bpm,
            "beats_per_bar": beats_per_bar,
            "clock": clock,
            "send_clock": send_clock,
            "latency_ms": latency_ms,
        },
        "turns": {
            "mode": mode,
            "phrase_end": phrase_end,
            "silence_beats": silence_beats,
            "answer": answer,
            "answer_bars": answer_bars,
            "handover": handover,
        },
        "sampling": {
            "model": None if model is None else str(model),
            "seed_window": seed_window,
            "temperature": temperature,
            "min_p": min_p,
            "seed": seed,
        },
        "recording": {"folder": None if record is None else str(record)},
        "page": {"show": page, "open": open_page, "host": host, "port": port},
    }
    for section, values in read_set_flags(others or ()).items():
        flags.setdefault(section, {}).update(values)
    chosen = settings.load(config, flags)
    if not demo:
        try:
            _play(chosen, seconds)
            return
        except NoMidiError as error:
            if not or_page:
                raise
            missing = error.missing
        if missing == "output" and _play_without_synth(chosen, seconds):
            return
        if chosen.page.show and can_be_served():
            _tell("There is no MIDI to play with here: play on the page.")
            shown_alone = replace(chosen, midi=settings.without_midi(chosen.midi))
            _play(_with_page_open(shown_alone), seconds)
            return
        _tell("There is no MIDI to play with here, so this is the demo.")
    bpm_now = chosen.performer.bpm
    chosen = replace(chosen, midi=settings.with_demo(chosen.midi, bpm_now))
    _play(chosen, demo_seconds(bpm_now) if seconds is None else seconds)


@app.command()
def ports(
    api: Annotated[str, typer.Option(help="MIDI system; auto: the first that works.")] = "auto",
) -> None:
    """List the MIDI ports of this machine."""
    from live.midi_io import ports as midi_ports  # the other commands need no MIDI library
    from live.midi_io.names import AUTO

    if api != AUTO and api not in midi_ports.APIS:
        known = ", ".join(midi_ports.APIS)
        raise UserError(f'there is no MIDI system "{api}"; there are: auto, {known}')
    number = midi_ports.find_api(api)
    for title, names in (
        ("inputs", midi_ports.input_names(number)),
        ("outputs", midi_ports.output_names(number)),
    ):
        typer.echo(f"{title}:")
        for name in names or ["(none)"]:
            typer.echo(f"  {name}")


app.command()(learn)
app.command("settings")(list_settings)
app.command()(replay)
app.command()(doctor)


def main() -> None:
    """Run the command line; what the user can mend ends with one line and exit code 2."""
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _interrupt)
    try:
        app()
    except UserError as error:
        typer.echo(f"continuo: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)  # ended before the session began


def _play(chosen: SessionSettings, seconds: float | None, note: str = "") -> None:
    session = Session(chosen, _tell)
    session.start()
    if note:
        _tell(note)
    with signals_noted() as ended:
        page = _serve_page(session, chosen)
        try:
            p = chosen.performer
            _tell(f"{p.bpm:g} BPM | mode {p.mode} | seed {p.seed} | Ctrl-C ends the session")
            with osc(chosen.osc, session), shown(session, _console):
                whole = session.run(seconds, ended)
        finally:
            if page is not None:
                page.close()
            _tell(f"recorded {session.close()}")
    if not whole:
        raise typer.Exit(1)


def _play_without_synth(chosen: SessionSettings, seconds: float | None) -> bool:
    """Play with a keyboard that nothing here sounds; return whether there was one.

    The page sounds, and so does whatever is connected to the output later.
    """
    alone = replace(_with_page_open(chosen), midi=replace(chosen.midi, output=VIRTUAL))
    try:
        _play(
            alone, seconds, f"no synth is here: connect one to {OUTPUT_NAME}, or let the page sound"
        )
    except NoMidiError:  # no keyboard either, or a system without ports of one's own making
        return False
    return True


def _with_page_open(chosen: SessionSettings) -> SessionSettings:
    return replace(chosen, page=replace(chosen.page, open=True))


def _serve_page(session: Session, chosen: SessionSettings) -> PageLink | None:
    if not chosen.page.show:
        return None
    if not can_be_served():
        _tell(HOW_TO_GET_IT)
        return None
    browser = open_browser if chosen.page.open else None
    return PageLink(chosen.page, session, chosen.folder, _tell, browser)


def _tell(line: str) -> None:
    try:
        _console.print(line, markup=False)
    except OSError:  # a full disk, a terminal that is gone
        _console.fall_silent()


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
