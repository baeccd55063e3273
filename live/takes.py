"""The takes of a session: the journal that is being written, and what is made of those before."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from live.errors import UserError
from live.recording import recover, write_midi_file


class Takes:
    """Names journals and makes their MIDI files; midi_io writes them."""

    def __init__(self, folder: Path, tell: Callable[[str], None]) -> None:
        """Create the first journal.

        Raises:
            UserError: the folder cannot be written to.
        """
        self._folder = folder
        self._tell = tell
        self._coming: Path | None = None
        self._finishing: list[threading.Thread] = []
        self.journal = _new_journal(folder)
        """Of the present take."""

    def recover(self, journals: Sequence[Path]) -> None:
        """Let a thread make the MIDI files of sessions that were cut off.

        Hours of music take it seconds, and this session begins meanwhile.
        """
        if journals:
            self._start(self._recover, journals)

    def prepare(self) -> Path | None:
        """Create the journal of the next take; None: one is coming already.

        Raises:
            UserError: the folder cannot be written to.
        """
        if self._coming is not None:
            return None
        self._coming = _new_journal(self._folder)
        return self._coming

    def began(self, journal: Path) -> None:
        """midi_io writes the next journal: a thread makes the MIDI file of the one before."""
        ended, self.journal = self.journal, journal
        self._coming = None
        self._start(self._finish, ended)

    def give_up(self) -> None:
        """Whoever should have begun the next take is gone, or could not.

        It may have begun it all the same, and have had no time to say so.
        """
        coming, self._coming = self._coming, None
        if coming is None:
            return
        with suppress(OSError):
            if coming.stat().st_size > 0:
                self.began(coming)
            else:
                coming.unlink()

    def end(self) -> Path:
        """Make the MIDI file of the last take; return its path.

        Raises:
            UserError: it cannot be written; the journal is kept.
        """
        self.give_up()
        for thread in self._finishing:
            thread.join()
        return _make_midi_file(self.journal)

    def _start(self, body: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=body, args=arguments, name="take")
        self._finishing = [*(t for t in self._finishing if t.is_alive()), thread]
        thread.start()

    def _recover(self, journals: Sequence[Path]) -> None:
        for journal in journals:
            recorded = recover(journal)
            if recorded is not None:
                self._tell(f"an earlier session had been cut off; recorded {recorded}")

    def _finish(self, journal: Path) -> None:
        try:
            self._tell(f"recorded {_make_midi_file(journal)}; a new take has begun")
        except UserError as error:
            self._tell(str(error))


def _make_midi_file(journal: Path) -> Path:
    target = journal.with_suffix(".mid")
    try:
        write_midi_file(journal, target)
    except OSError as error:
        raise UserError(
            f"cannot write {target}: {error.strerror}; the session is kept in {journal}"
        ) from error
    return target


def _new_journal(folder: Path) -> Path:
    """Create an empty journal under a name of its own.

    Raises:
        UserError: the folder cannot be written to.
    """
    stamp = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(1000):
            path = folder / f"{stamp}{f'_{number}' if number else ''}.jsonl"
            with suppress(FileExistsError):
                path.touch(exist_ok=False)
                return path
    except OSError as error:
        raise UserError(
            f"cannot record to the folder {folder}: {error.strerror}; name another with --record"
        ) from error
    raise UserError(f"the folder {folder} has a thousand recordings of this second; name another")
