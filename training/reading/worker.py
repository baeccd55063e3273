"""The process in which files are read: ``python -m training.reading.worker``.

Parsers of foreign files crash, hang and eat memory. Here they do so alone: whoever asks
(``training.reading.isolated``) notices, says which file it was, and starts another process.

It says ``ready``, then takes one request per line, a JSON object with ``path`` and ``tracks``. It
answers each with a line of JSON and, after it, the notes of all pieces as
``training.columns.NOTE``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from live.events import Note
from training.columns import columns_of
from training.reading import UnreadableError, read, read_all


def limit_memory(megabytes: int) -> None:
    """Let this process have no more than so much memory, where the system has such limits."""
    try:
        import resource
    except ImportError:  # Windows
        return
    limit = megabytes * 2**20
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    if most == resource.RLIM_INFINITY or limit < most:
        resource.setrlimit(resource.RLIMIT_AS, (limit, most))


def answer(path: Path, tracks: Sequence[str] = ()) -> tuple[dict[str, Any], bytes]:
    """Return what is to be told of a file, and its notes: all, or those of some tracks."""
    try:
        pieces = _tracks(path, tracks) if tracks else {p.name: p.notes for p in read_all(path)}
        columns = [columns_of(notes) for notes in pieces.values()]
    except UnreadableError as error:
        return {"reason": " ".join(str(error).split())}, b""
    except OSError as error:
        return {"trouble": error.strerror or str(error)}, b""
    except (MemoryError, RecursionError):
        raise
    except OverflowError:
        return {"reason": "it holds numbers beyond all music"}, b""
    except Exception as error:  # what a parser does not expect
        reason = " ".join(str(error).split())[:160]
        return {"reason": f"it cannot be read ({type(error).__name__}: {reason})"}, b""
    header = {"names": list(pieces), "counts": [len(c) for c in columns]}
    return header, b"".join(c.tobytes() for c in columns)


def _tracks(path: Path, tracks: Sequence[str]) -> dict[str, tuple[Note, ...]]:
    """Return the notes of each of these tracks that the file has and that plays anything."""
    found = {}
    for name in tracks:
        with suppress(UnreadableError):
            found[name] = read(path, name).notes
    if not found:
        raise UnreadableError(f"no track of it is {' or '.join(tracks)}")
    return found


def main() -> None:
    """Answer requests until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent to deal with
    # Answers keep the real output for themselves; what libraries print goes nowhere.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    limit_memory(int(sys.argv[1]))
    answers.write(b"ready\n")
    answers.flush()
    for line in sys.stdin:
        try:
            asked = json.loads(line)
            header, notes = answer(Path(asked["path"]), asked["tracks"])
        except (MemoryError, RecursionError) as error:
            # What is left of the process is not to be trusted: the parent starts another.
            kind = "memory" if isinstance(error, MemoryError) else "depth"
            header, notes = {"exhausted": kind}, b""
        answers.write(json.dumps(header).encode() + b"\n" + notes)
        answers.flush()


if __name__ == "__main__":
    main()
