"""A recorded session as sheet music: ``python -m training.session_sheet JOURNAL MUSICXML``.

The performer's page calls it as a process, as music21 is the school's. The player's part and the
model's are staves of their own; the music begins with the bar of the first note.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

from live.beat_mark import BeatMark
from live.events import TICKS_PER_BEAT, Note
from live.journal import read_header, read_lines
from live.recording import write_midi_file
from training.files import replace_file
from training.reading import UnreadableError, read
from training.sheet import as_written, score_of, xml_bytes

TRACKS: Final = ("Player", "Model")
DEFAULT_BPM: Final = 120.0
DEFAULT_BEATS: Final = 4


def session_sheet(journal: Path) -> bytes:
    """Return a session as MusicXML.

    Raises:
        UnreadableError: nothing was played in it.
        OSError: it cannot be read.
    """
    header = read_header(journal)
    bpm = header.get("bpm")
    beats = header.get("beats_per_bar")
    tracks = {name: notes for name, notes in _notes(journal).items() if notes}
    if not tracks:
        raise UnreadableError("nothing was played in this session")
    bar_ticks = TICKS_PER_BEAT * (beats if isinstance(beats, int) else DEFAULT_BEATS)
    first = min(note.onset_ticks for notes in tracks.values() for note in notes)
    if any(BeatMark.read(line) for line in read_lines(journal)):
        first -= first % bar_ticks  # the file's bars are the session's
    score = None
    for name, notes in tracks.items():
        written = [as_written(replace(n, onset_ticks=n.onset_ticks - first)) for n in notes]
        one = score_of(
            written,
            bpm if isinstance(bpm, int | float) else DEFAULT_BPM,
            bar_ticks,
        )
        for part in list(one.parts):
            part.partName = name
            if score is not None:
                score.insert(0, part)
        score = score if score is not None else one
    return xml_bytes(score, f"Session {journal.stem}")


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
    except (UnreadableError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
