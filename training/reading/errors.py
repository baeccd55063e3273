"""Why a file is not read."""

from __future__ import annotations


class UnreadableError(ValueError):
    """A file that is no readable music: one line that says why."""
