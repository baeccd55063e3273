"""A recorded session as sheet music: ``python -m training.session_sheet JOURNAL MUSICXML``.

The performer's page calls it as a process, as music21 is the school's. The player's part and the
model's are staves of their own. The music begins with the bar of the first note, and has the tempo
and the bars that were in force there.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

from live.beat_mark import BeatMark
from live.errors import UserError
from live.events import TICKS_PER_BEAT, Note
from live.journal import read_header, read_lines
from live.journal_line import Line
from live.recording import NOTE_ON, tempo_and_bars, write_midi_file
from training.files import replace_file
from training.reading import UnreadableError, read
from training.sheet import as_written, score_of, xml_bytes

TRACKS: Final = ("Player", "Model")
DEFAULT_BEATS: Final = 4


def session_sheet(journal: Path) -> bytes:
    """Return a session as MusicXML.

    Raises:
        UnreadableError: nothing was played in it.
        OSError: it cannot be read.
    """
    tracks = {name: notes for name, notes in _notes(journal).items() if notes}
    if not tracks:
        raise UnreadableError("nothing was played in this session")
    bpm, bar_ticks, bars_are_known = _time_at_first_note(journal)
    begins = min((n for notes in tracks.values() for n in notes), key=lambda n: n.onset_ticks)
    first = begins.onset_ticks
    if bars_are_known:
        first -= begins.bar_ticks or 0  # the file's bars are the session's
    score = None
    for name, notes in tracks.items():
        written = [as_written(replace(n, onset_ticks=n.onset_ticks - first)) for n in notes]
        one = score_of(written, bpm, bar_ticks)
        for part in list(one.parts):
            part.partName = name
            if score is not None:
                score.insert(0, part)
        score = score if score is not None else one
    return xml_bytes(score, f"Session {journal.stem}")


def _time_at_first_note(journal: Path) -> tuple[float, int, bool]:
    """Return BPM and ticks of a bar where the first note is, and whether bars are known at all.

    They are those of the beat mark in force; what the header says holds until there is one.
    """
    lines = list(read_lines(journal))
    struck_s = [line.time_s for line in lines if _strikes(line)]
    marks = [mark for line in lines if (mark := BeatMark.read(line)) is not None]
    bpm, beats = tempo_and_bars(read_header(journal))
    bar_ticks = TICKS_PER_BEAT * (beats or DEFAULT_BEATS)
    # The mark of a note that begins a bar has the note's own time.
    for mark in sorted(marks, key=lambda mark: mark.time_s):
        if mark.time_s <= min(struck_s, default=0.0):
            bpm = 60.0 / (mark.seconds_per_tick * TICKS_PER_BEAT)
            bar_ticks = mark.bar_ticks
    return bpm, bar_ticks, bool(marks)


def _strikes(line: Line) -> bool:
    data = line.message if line.kind in ("in", "out") else None
    return data is not None and data[0] & 0xF0 == NOTE_ON and data[2] > 0


def _notes(journal: Path) -> dict[str, tuple[Note, ...]]:
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "session.mid"
        write_midi_file(journal, file)
        found: dict[str, tuple[Note, ...]] = {}
        for name in TRACKS:
            try:
                found[name] = read(file, name).notes
            except UnreadableError:  # this one played nothing
                found[name] = ()
        return found


def main(arguments: list[str]) -> int:
    """Write the sheet music of a journal; return the exit code."""
    journal, target = map(Path, arguments)
    try:
        replace_file(target, session_sheet(journal))
    except (UnreadableError, UserError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
