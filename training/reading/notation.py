"""Reads notation (MusicXML, Humdrum, ABC) with music21."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

from music21 import converter, stream
from music21.musicxml.xmlToM21 import MusicXMLImporter

from live.events import Note
from training.reading import guard
from training.reading.errors import UnreadableError
from training.reading.humdrum import read_humdrum
from training.reading.score import Score, perform
from training.reading.streams import score_of

_VISUAL: Final = frozenset(
    {"beam", "dashes", "lyric", "metronome", "notehead", "print", "slur", "stem", "wedge"}
)
_POSITIONS: Final = frozenset({"default-x", "default-y", "relative-x", "relative-y", "width"})


def read_notation(path: Path, part_name: str | None = None) -> list[tuple[Note, ...]]:
    """Return the notes of each piece in a file of notation; a tune book holds several.

    Args:
        path: the file; its suffix names the format.
        part_name: read only the parts of this name, case aside; None reads all. Humdrum files
            are always read whole.

    Raises:
        UnreadableError: it is no readable notation.
        OSError: the file cannot be opened.
    """
    data = guard.file_bytes(path)
    suffix = path.suffix.lower()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of notation that only the eye would miss
            return [perform(score) for score in _scores(path, suffix, data, part_name)]
    except (UnreadableError, MemoryError, RecursionError):
        raise
    except Exception as error:  # music21 raises nearly anything on what it does not expect
        reason = " ".join(str(error).split())[:160]
        raise UnreadableError(
            f"music21 cannot read it ({type(error).__name__}: {reason})"
        ) from error


def _scores(path: Path, suffix: str, data: bytes, part_name: str | None) -> list[Score]:
    if suffix == ".krn":
        return [read_humdrum(guard.text_of(data))]
    if suffix == ".abc":
        parsed = converter.parseData(guard.text_of(data), format="abc")
        tunes = list(parsed.scores) if isinstance(parsed, stream.Opus) else [parsed]
        return [score_of(tune, part_name) for tune in tunes]
    xml = guard.unzipped_score(path) if suffix == ".mxl" else data
    root = guard.check_xml(xml)
    if root != "score-partwise":
        raise UnreadableError(f"its XML is a {root[:40]}, not a score-partwise of MusicXML")
    return [score_of(_parsed_xml(xml), part_name)]


def _parsed_xml(xml: bytes) -> Any:
    root = ElementTree.fromstring(xml)
    for element in root.iter():
        if element.tag in ("note", "notations", "measure", "direction-type"):
            _leave_the_audible(element)
    importer = MusicXMLImporter()
    importer.xmlRootToScore(root, importer.stream)
    return importer.stream


def _leave_the_audible(element: ElementTree.Element) -> None:
    """Take out what is not heard here: a sixth of music21's time, which is most of ours."""
    for child in list(element):
        if child.tag in _VISUAL:
            element.remove(child)
    for name in _POSITIONS & element.attrib.keys():
        del element.attrib[name]
