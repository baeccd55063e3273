"""How often a process that ends by itself is started again."""

from __future__ import annotations

from typing import Final

MOST: Final = 3
WITHIN_S: Final = 60.0


class Restarts:
    """The restarts of one process: three a minute at most, or it would die for ever."""

    def __init__(self) -> None:
        self._asked_s: list[float] = []
        self.count = 0
        """Allowed since the session began."""

    def allow(self, now_s: float) -> bool:
        """Return whether it may be started again; what is refused counts as well."""
        recent = [at_s for at_s in self._asked_s if now_s - at_s < WITHIN_S]
        self._asked_s = [*recent, now_s]
        allowed = len(recent) < MOST
        self.count += allowed
        return allowed
