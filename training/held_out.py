"""The music to judge by: a library, divided by work into what was learnt from and what was not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from live.errors import UserError
from live.events import Tokens
from live.model import Model
from training.columns import encode_columns
from training.corpus import corpus_paths
from training.keyboard import reduce_for_keyboard
from training.library import Corpus
from training.prepare import cache_folder, prepare
from training.report import show
from training.sources import sources_of, tell_of_other_music

REASONS: Final = 3
"""Skipped files that are told here: mostly the music was read, and all told, to learn from it."""


@dataclass(frozen=True)
class Music:
    """Encoded pieces with START and END, each (events, F)."""

    training: list[Tokens]
    held_out: list[Tokens]
    """Of works that are not trained on nor, unless it is those, chosen by."""
    names: tuple[str, ...]
    """Of the held-out pieces."""


def held_out_music(
    data: Sequence[Path],
    cache: Path | None,
    console: Console | None,
    *,
    keyboard: bool = False,
    validation: bool = False,
    judged: Model | None = None,
) -> Music:
    """Read a library, each file once for all times, and divide it as training does.

    Args:
        data: folders of music files; none: the permitted core of music21's corpus.
        cache: folder where what was read is kept; None: the user's.
        console: shows progress and what was skipped; None: silent.
        keyboard: put every instrument but drums in the hands of one pianist.
        validation: hold out the works that epochs are chosen by. What else is chosen by them has
            not seen the works that the model is judged by.
        judged: the model that is judged by it; the console is told if it may know what is held out.

    Raises:
        UserError: there is no music, or too little to divide.
    """
    sources = list(data) or corpus_paths()
    corpus, report = prepare(sources, cache or cache_folder(), console=console)
    if console is not None:
        show(report, console, REASONS)
        if judged is not None:
            told = sources_of(judged.metadata)
            tell_of_other_music(judged.path.name, told, corpus, console)
    divided = corpus.split()
    chosen = divided.validation if validation else divided.test
    if not divided.train or not chosen:
        raise UserError(
            f"{len(corpus)} piece(s) are too little music to learn from some and judge by others; "
            "name more with --data"
        )

    def encoded(numbers: Sequence[int]) -> list[Tokens]:
        return [_encode(corpus, number, keyboard) for number in numbers]

    return Music(
        training=encoded(divided.train),
        held_out=encoded(chosen),
        names=tuple(corpus.names[number] for number in chosen),
    )


def _encode(corpus: Corpus, number: int, keyboard: bool) -> Tokens:
    if not keyboard:
        return corpus.tokens(number)
    return encode_columns(reduce_for_keyboard(corpus.notes(number)))
