"""The permitted core of music21's own corpus: the music of a user who names no other."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from training.reading import SUFFIXES

# fmt: off
COMPOSERS: Final = frozenset({
    "bach", "beethoven", "chopin", "corelli", "cpebach", "handel", "haydn", "joplin", "monteverdi",
    "mozart", "schubert", "schumann_clara", "schumann_robert", "verdi", "weber",
})
# fmt: on
"""Folders of music21's corpus that training reads.

Left out for their licences: Palestrina, Essen, the lead sheets, and Josquin (GPL). Left out as
single tunes, exercises or fragments: the folk collections, demos, Trecento and a few one-offs."""


def corpus_paths() -> list[Path]:
    """Return the permitted core of music21's bundled corpus, in a fixed order.

    ``bach/*.krn`` and analyses (``*.rntxt``) are no part of it either.
    """
    import music21  # takes a second to load, which nobody with a folder of MIDI needs to wait for

    permitted = []
    for path in sorted(Path(p) for p in music21.corpus.getCorePaths()):
        readable = path.suffix in SUFFIXES and (composer(path), path.suffix) != ("bach", ".krn")
        if composer(path) in COMPOSERS and readable:
            permitted.append(path)
    return permitted


def composer(path: Path) -> str:
    """Return whose music a file of music21's corpus is, as its folder there says."""
    parts = path.parts
    return parts[len(parts) - parts[::-1].index("corpus")] if "corpus" in parts else "unknown"
