"""The end of a journal, as much of it as one who goes on from there has to read.

However long a session is, what is read of it and lived through again is bounded. After every
``SECTION_LINES`` lines a journal tells in a "sum" what stands (``live.standing``). The tail is what
follows the latest sum that enough notes follow, ``MOST_SECTIONS`` back at most.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from live.journal_line import Line, read_line
from live.standing import SUM, Standing

SECTION_LINES: Final = 4096
"""With a MIDI clock at 120 BPM, these are 45 seconds."""
MOST_SECTIONS: Final = 16
BLOCK_BYTES: Final = 1 << 18
"""The file is read from its end in blocks of this size."""


@dataclass(frozen=True)
class Tail:
    """Lines of a journal up to some moment, and what stood before them."""

    standing: Standing
    lines: Sequence[Line]

    @property
    def since(self) -> int:
        """Return the number of the "sum" that the lines follow; 0: they are all there are."""
        return self.standing.id


def notes_for(window: int) -> int:
    """Return how many notes have to be recalled for a seed window to be as if all had been."""
    return 2 * window + 1


def choose_tail(sections: Iterable[Sequence[Line]], notes: int) -> Tail:
    """Return the tail that has so many notes, or that of the most sections.

    Args:
        sections: of the journal, the latest first: each begins with its "sum", but for the first of
            all.
        notes: how many have to begin in it.
    """
    tail: list[Line] = []
    count = struck = 0
    for section in sections:
        standing = Standing.read(section[0]) if section else None
        if standing is not None:
            count += 1
            struck += sum(_begins_a_note(line) for line in section)
            if struck >= notes or count == MOST_SECTIONS:
                return Tail(standing, [*section[1:], *tail])
        tail[:0] = section
    return Tail(Standing(), tail)


def read_tail(path: Path, notes: int) -> Tail:
    """Return the tail of a journal, of which no more is read than that.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        return choose_tail(_sections(file), notes)


def what_stands(path: Path) -> Standing:
    """Return what stands at the end of a journal; nothing, if there is none.

    Raises:
        OSError: the file cannot be read.
    """
    if not path.exists():
        return Standing()
    tail = read_tail(path, 0)
    for line in tail.lines:
        tail.standing.take(line)
    return tail.standing


def tail_since(lines: Sequence[Line], since: int, count: int) -> Tail:
    """Return so many lines after the "sum" of a number (0: from the first one on)."""
    if since == 0:
        return Tail(Standing(), lines[:count])
    for index, line in enumerate(lines):
        standing = Standing.read(line) if line.kind == SUM else None
        if standing is not None and standing.id == since:
            return Tail(standing, lines[index + 1 : index + 1 + count])
    return Tail(Standing(), ())


def _begins_a_note(line: Line) -> bool:
    if line.kind == "in" and line.number is None:
        return False
    data = line.message if line.kind in ("in", "out") else None
    return data is not None and data[0] & 0xF0 == 0x90 and data[2] > 0


def _sections(file: BinaryIO) -> Iterator[list[Line]]:
    """Yield the sections of a journal, the latest first."""
    begins = f'\n["{SUM}"'.encode()
    end, data = file.seek(0, os.SEEK_END), b""
    while end > 0:
        begin = max(0, end - BLOCK_BYTES)
        file.seek(begin)
        data, end = file.read(end - begin) + data, begin
        while (at := data.rfind(begins)) >= 0:
            yield _read(data[at + 1 :])
            data = data[: at + 1]
    yield _read(data)


def _read(section: bytes) -> list[Line]:
    lines = map(read_line, section.split(b"\n"))
    return [line for line in lines if line is not None]
