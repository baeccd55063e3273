"""The command ``generate``: a prompt continued, as MIDI, sheet music and a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

from live.model import Model
from live.settings import load
from training.continuing import Sampling
from training.files import replace_file
from training.generate import generate, prompt_from_file, prompt_from_pieces
from training.outputs import check_writable


def generate_command(
    out: Annotated[Path, typer.Option(help="The MIDI file to write.")],
    model: Annotated[
        Path | None, typer.Option(help="The model, an .onnx file. Default: the performer's.")
    ] = None,
    prompt: Annotated[
        Path | None,
        typer.Option(help="Go on from the end of this file. Default: a held-out piece."),
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of music with the held-out pieces; may be given several times. "
            "Default: the permitted core of music21's corpus."
        ),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(help="Folder that keeps what was read. Default: the user's cache."),
    ] = None,
    seed_notes: Annotated[int, typer.Option(min=1, help="Notes of the prompt to hear.")] = 100,
    notes: Annotated[int, typer.Option(min=1, max=100_000, help="Notes to add.")] = 500,
    bpm: Annotated[
        float | None, typer.Option(help="Tempo of the file, beats per minute, 20 to 400.")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(help="1: as learned; lower: safer; higher: wilder.")
    ] = None,
    min_p: Annotated[
        float | None, typer.Option(help="Least probability, relative to the likeliest.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of chance: same seed, same file.")] = 1,
    musicxml: Annotated[Path | None, typer.Option(help="Write sheet music here as well.")] = None,
    png: Annotated[Path | None, typer.Option(help="Write a piano roll here as well.")] = None,
) -> None:
    """Continue a prompt and write both as a MIDI file; the piece does not end by itself."""
    flags: dict[str, dict[str, Any]] = {
        "time": {"bpm": bpm},
        "sampling": {
            "model": None if model is None else str(model),
            "temperature": temperature,
            "min_p": min_p,
        },
    }
    settings = load(None, flags)
    targets = ((out, (".mid", ".midi")), (musicxml, (".musicxml", ".xml")), (png, (".png",)))
    for path, suffixes in targets:
        if path is not None:
            check_writable(path, *suffixes)
    network = Model(settings.model)
    random = np.random.default_rng(seed)
    if prompt is not None:
        name, events = prompt.name, prompt_from_file(prompt, seed_notes)
    else:
        from training.held_out import held_out_music

        music = held_out_music(data or [], cache, Console(stderr=True))
        number, events = prompt_from_pieces(music.held_out, seed_notes, random)
        name = music.names[number]
    sampling = Sampling.of(settings.performer)
    written = generate(network, events, notes, sampling, random)
    from training import sheet  # music21 takes a second to load

    bar, tempo = written.bar_ticks, settings.performer.bpm
    every = (*written.prompt, *written.continuation)
    replace_file(out, sheet.midi_bytes(sheet.score_of(every, tempo, bar)))
    if musicxml is not None:
        replace_file(musicxml, sheet.sheet_bytes(every, tempo, bar, f"On from {name}"))
    if png is not None:
        from training.piano_roll import piano_roll

        replace_file(png, piano_roll(written.prompt, written.continuation, bar))
    typer.echo(
        f"{out}: {len(written.prompt)} notes of {name} and {len(written.continuation)} of "
        f"{settings.model.name}"
    )
