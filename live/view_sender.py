"""Shows the core to the parent, seldom enough and at moments when nothing else is due."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from live.core.performer import Performer
from live.core.view import View
from live.outbox import Outbox
from live.timed_network import TimedNetwork

INTERVAL_S: Final = 0.05
"""Views are sent no more often than this."""
QUIET_S: Final = 0.003
"""A view is not made when the core has something to do within this time."""


class ViewSender:
    """Sends a view when something has changed; one that was not taken yet is replaced."""

    def __init__(self, performer: Performer, network: TimedNetwork, outbox: Outbox) -> None:
        self._performer = performer
        self._network = network
        self._outbox = outbox
        self._latest: View | None = None
        self._made_s = 0.0
        self._changed = True

    def look_at(self, performer: Performer) -> None:
        """Show another core from now on."""
        self._performer = performer
        self._changed = True

    def note_change(self) -> None:
        """Something may have changed in the core."""
        self._changed = True

    def watch(self, network: TimedNetwork) -> None:
        """Another network plays from now on."""
        self._network = network

    def due_s(self) -> float | None:
        """Return when ``send`` should be called next; None: no need."""
        return self._made_s + INTERVAL_S if self._changed else None

    def send(self, now_s: float, core_due_s: float | None) -> None:
        """Send a view if it is time for one and the core has nothing to do until then."""
        if not self._changed or now_s < self._made_s + INTERVAL_S:
            return
        if core_due_s is not None and core_due_s < now_s + QUIET_S:
            return
        self._made_s = now_s
        self._changed = False
        view = replace(
            self._performer.view(now_s),
            model_ms=self._network.median_ms,
            model_worst_ms=self._network.worst_ms,
        )
        if view != self._latest:
            self._latest = view
            self._outbox.put(view, key="view")
