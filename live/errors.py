"""What went wrong, told to a person."""

from __future__ import annotations

from typing import Literal

Missing = Literal["system", "input", "output"]


class UserError(Exception):
    """Something the user can mend: one line that says what is wrong and what to do.

    The programs print it without a traceback and exit with code 2.
    """


class NoMidiError(UserError):
    """There is no MIDI system on this machine, or no port to play with: ``missing`` tells."""

    def __init__(self, line: str, missing: Missing = "system") -> None:
        """Tell what is missing."""
        super().__init__(line)
        self.missing = missing
