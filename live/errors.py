"""What went wrong, told to a person."""

from __future__ import annotations


class UserError(Exception):
    """Something the user can mend: one line that says what is wrong and what to do.

    The programs print it without a traceback and exit with code 2.
    """


class NoMidiError(UserError):
    """There is no MIDI system on this machine, or no port to play with."""
