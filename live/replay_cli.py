"""``python -m live replay``: a session played again by the core, with its model or another one."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace as replaced
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from live.errors import UserError

if TYPE_CHECKING:  # the other commands need neither the model's runtime nor a MIDI library
    from live.journal_line import Line
    from live.past_take import Take
    from live.playback import Timed
    from live.replay import Given, Replay


def replay(
    session: Annotated[Path, typer.Argument(help="A session: its .mid or its .jsonl file.")],
    onto: Annotated[
        str | None,
        typer.Option(help='Play it out to this output port, by a part of its name, or "virtual".'),
    ] = None,
    with_: Annotated[
        Path | None,
        typer.Option("--with", help="Another model: hear what it would have played."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="MIDI file of what the other model plays; default: in this folder."),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Settings file: where models are.")] = None,
) -> None:
    """Let the model play a session again: the same notes, from the same playing of yours."""
    from live import past_models
    from live.model import Model
    from live.past_take import Take
    from live.replay import replay as play_again

    if out is not None and with_ is None:
        raise UserError("--out is the file of what another model plays: name that one with --with")
    take = Take.read(session)
    if with_ is not None:
        models = past_models.instead(take.models, Model(with_))
    else:
        models = past_models.find(take.models, _folders(config))
    same = with_ is None and not models.changed
    began_s = time.perf_counter()
    replayed = play_again(take, models.of, as_asked=same)
    took_s = time.perf_counter() - began_s
    notes = sorted((g for g in replayed.given if g.sounds), key=lambda g: g.note.onset_s)
    typer.echo(f"{take.length_s:.1f} s played again in {took_s:.1f} s: {len(notes)} notes")
    alike = True
    if with_ is None:
        for line in models.changed:
            typer.echo(line)
        alike = _compare(take, replayed)
    else:
        target = out or Path(f"{session.stem}.{with_.stem}.mid")
        _write(take, notes, target)
        typer.echo(f"wrote {target}")
    if onto is not None:
        _play_onto(onto, list(_timed(take, notes)))
    if not alike:
        raise typer.Exit(1)


def _compare(take: Take, replayed: Replay) -> bool:
    """Tell how the notes differ from those that were recorded; return whether they do not."""
    from live.comparison import compare

    found = compare(take, replayed)
    if take.missing:
        typer.echo(f"{take.missing} messages of yours are missing in the journal")
    if found.alike:
        typer.echo(f"all {found.recorded} notes are as recorded")
        return True
    typer.echo(
        f"{found.same} of {found.recorded} recorded notes are the same, {found.more} are new; the "
        f"first difference is at {found.first_difference_s:.3f} s"
    )
    return False


def _folders(config: Path | None) -> list[Path]:
    """Return the folders in which a session's model may be."""
    from live.config_file import PROJECT
    from live.settings import load

    folders = [load(config, {}).model.parent, PROJECT / "exported_models"]
    return list({folder.resolve(): folder for folder in folders}.values())


def _write(take: Take, notes: Sequence[Given], target: Path) -> None:
    from live.recording import write_lines

    try:
        write_lines(take.header, _lines(take, notes), target)
    except OSError as error:
        raise UserError(f"cannot write {target}: {error.strerror}; name another --out") from error


def _lines(take: Take, notes: Sequence[Given]) -> list[Line]:
    """Return the journal as it would be with these notes of the model's."""
    from live.journal_line import Line
    from live.midi_io.ledger import note_off, note_on

    lines = [line for line in take.lines if line.kind != "out"]
    for given in notes:
        n, key = given.note, (given.note.channel, given.note.pitch)
        lines.append(Line("out", n.onset_s - take.origin_s, (note_on(key, n.velocity).hex(),)))
        lines.append(Line("out", given.release_s - take.origin_s, (note_off(key).hex(),)))
    return sorted(lines, key=lambda line: line.time_s)


def _timed(take: Take, notes: Sequence[Given]) -> Iterator[Timed]:
    """Yield both sides of the session to be played out."""
    from live.midi_io.ledger import note_off, note_on
    from live.playback import Timed

    for line in take.lines:
        if line.kind == "in" and line.message is not None:
            yield Timed.of(line.time_s, line.message)
    for number, given in enumerate(notes, start=1):
        n, key = given.note, (given.note.channel, given.note.pitch)
        yield Timed.of(n.onset_s - take.origin_s, note_on(key, n.velocity), number)
        yield Timed.of(given.release_s - take.origin_s, note_off(key), number)


def _play_onto(name: str, messages: list[Timed]) -> None:
    from live.midi_io import ports
    from live.midi_io.names import AUTO
    from live.playback import play

    output = ports.open_output(ports.find_api(AUTO), name)
    first_s = min((message.time_s for message in messages), default=0.0)
    messages = [replaced(m, time_s=m.time_s - first_s) for m in messages]
    typer.echo(f"playing onto {output.name} | Ctrl-C ends it")
    try:
        play(messages, output)
    finally:
        output.close()
