"""What one of our ports is plugged into, and what it is to be plugged into next: pure rules.

- A port that was found by its name, or that somebody connected by hand, is taken again when it
  comes back. One that somebody disconnected by hand, while it was there, is left alone.
- While the port that is meant is missing, another whose name fits is taken. "auto" waits a moment
  for the same device first: it may be a loose cable.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from live.errors import UserError
from live.midi_io.names import AUTO, VIRTUAL, Side, choose

PATIENCE_S: Final = 3.0
"""How long "auto" waits for the device that it had before it takes another."""
DOUBT_S: Final = 0.2
"""A port whose connection ended longer ago and that is still there was disconnected by hand: one
that goes away loses its connections just before."""
_ALSA_NUMBERS: Final = re.compile(r" \d+:\d+$")
"""ALSA's numbers of client and port, which a device that comes back may find changed."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at the ports has shown."""

    lost: tuple[str, ...]
    """Ports that it was connected to and, if only for a moment, is no longer."""
    missing: tuple[str, ...]
    """Those that turn out to be gone themselves, and not just disconnected by somebody."""
    wanted: tuple[str, ...]
    """Ports that it is to be connected to now."""


class Plug:
    """One side, input or output. Times are seconds of any clock that does not run backwards."""

    def __init__(self, side: Side, setting: str, remembered: Iterable[str] = ()) -> None:
        """``setting`` is as in the file; ``remembered`` are ports to be connected to again."""
        self.side: Side = side
        self.setting = setting
        self.connected: frozenset[str] = frozenset()
        self._chosen: str | None = None
        """The port that the setting means, once it was there."""
        self._remembered = set(remembered)
        self._left_alone: set[str] = set()
        self._doubtful: dict[str, float] = {}
        """Ports that are there and whose connection has ended, and when: are they leaving?"""
        self._lost_s = -math.inf

    @property
    def name(self) -> str:
        """Return what it is called towards the user."""
        if self.setting == VIRTUAL:
            return ", ".join(sorted(self.connected)) or VIRTUAL
        return self._chosen or self.setting

    @property
    def is_plugged(self) -> bool:
        """Whether the port that is meant is connected; a virtual one waits for nobody."""
        return self.setting == VIRTUAL or self._chosen in self.connected

    def mean(self, setting: str, names: Sequence[str] | None) -> None:
        """Let another port be meant from now on; what it was connected to is forgotten.

        Args:
            setting: as in the file.
            names: of the ports that there are; None: nobody knows at the moment.

        Raises:
            UserError: there is no such port; everything stays as it was.
        """
        if names is None or setting == VIRTUAL:
            chosen = None
        else:
            chosen = names[choose(names, setting, self.side)]
        self.setting, self._chosen = setting, chosen
        self._remembered, self._left_alone, self._doubtful = set(), set(), {}

    def look(
        self, now_s: float, names: Sequence[str], connected: Iterable[str], new: Iterable[str]
    ) -> Looked:
        """Say what has happened and what is to be done.

        Args:
            now_s: this moment.
            names: of all ports that it might be connected to.
            connected: those that it is connected to.
            new: ports that have appeared since the last look: one that it was connected to was
                gone in between.
        """
        there, now, new = set(names), frozenset(connected), set(new)
        lost = (self.connected - now) | (self.connected & new)
        if lost:
            self._lost_s = now_s
        self._doubtful = {n: s for n, s in self._doubtful.items() if n not in now}
        self._doubtful |= dict.fromkeys(lost, now_s)
        missing = {name for name in self._doubtful if name not in there or name in new}
        left = {n for n, s in self._doubtful.items() if now_s >= s + DOUBT_S} - missing
        self._doubtful = {n: s for n, s in self._doubtful.items() if n not in missing | left}
        self._left_alone = (self._left_alone | left) & (there - new)
        self._remembered = (self._remembered | now) - self._left_alone
        self.connected = now
        wanted = [n for n in names if n in self._remembered - self._doubtful.keys() - now]
        if self.setting != VIRTUAL and self._chosen not in now | set(wanted):
            fitting = self._fitting(now_s, names)
            if fitting is not None:
                self._remembered.discard(self._chosen or "")
                self._chosen = fitting
                wanted.append(fitting)
        return Looked(tuple(sorted(lost)), tuple(sorted(missing)), tuple(wanted))

    def plugged(self, name: str) -> None:
        """Note that it was connected to a port."""
        self.connected |= {name}
        self._remembered.add(name)

    def _fitting(self, now_s: float, names: Sequence[str]) -> str | None:
        free = [n for n in names if n not in self._left_alone | self._doubtful.keys()]
        if self.setting == AUTO and self._chosen and now_s < self._lost_s + PATIENCE_S:
            same = _ALSA_NUMBERS.sub("", self._chosen)
            return next((name for name in free if _ALSA_NUMBERS.sub("", name) == same), None)
        try:
            return free[choose(free, self.setting, self.side)]
        except UserError:
            return None
