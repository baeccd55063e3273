"""Ports where a connection is the port itself: it is opened anew when its device comes back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import Any, Final

import rtmidi

from live.midi_io.names import CLIENT_NAME, VIRTUAL, Side
from live.midi_io.outlet import Outlet
from live.midi_io.ports import InputPort, OnInput, State, open_input, open_output
from live.quiet import quiet

RETRY_S: Final = 2.0
"""An output that takes nothing although it is there is opened anew no more often than this."""


class ReopenedPorts:
    """Our ports on ALSA, CoreMIDI or Windows: one device at a time on each side."""

    def __init__(
        self, api: int, on_input: OnInput | None, outlet: Outlet, virtual: Iterable[Side]
    ) -> None:
        """Make ready to look for ports; those that are ``virtual`` are opened.

        Raises:
            UserError: this system has no virtual ports.
        """
        self._api = api
        self._on_input = on_input
        self._outlet = outlet
        self._input: InputPort | None = None
        self._open: dict[Side, str] = {}
        self._opened_s = 0.0
        """When the output was opened."""
        self._closing = threading.Event()
        with quiet():
            name = f"{CLIENT_NAME} look-up"
            self._lookers: dict[Side, Any] = {
                "input": rtmidi.MidiIn(api, name=name),
                "output": rtmidi.MidiOut(api, name=name),
            }
        for side in virtual:
            self.connect(side, VIRTUAL)

    def names(self, side: Side) -> list[str]:
        """Return the ports that a side might be connected to."""
        return [str(name) for name in self._lookers[side].get_ports()]

    def connected(self, side: Side) -> set[str]:
        """Return the port that is open, while its device is there."""
        name = self._open.get(side)
        if name in (None, VIRTUAL) or (side == "output" and self._output_is_lost()):
            return set()
        return {name} & set(self.names(side)) if name else set()

    def new(self) -> set[str]:
        """Return an output that has failed: its device was gone between two looks, if it is there.

        Of others that were, nothing shows.
        """
        name = self._open.get("output")
        return {name} if name is not None and self._output_is_lost() else set()

    def connect(self, side: Side, name: str) -> None:
        """Open a port in the place of the one before.

        Raises:
            UserError: that is not possible.
        """
        self._close(side)
        if side == "output":
            self._outlet.exchange(open_output(self._api, name))
            self._opened_s = time.perf_counter()
        elif self._on_input is not None:
            self._input = open_input(self._api, name, self._on_input)
        self._open[side] = name

    def disconnect(self, side: Side, names: Iterable[str]) -> None:
        """Close the port, if it is one of these."""
        if self._open.get(side) in set(names):
            self._close(side)

    def state(self, now_s: float) -> State:  # noqa: ARG002 - these systems do not stop
        """Return that all is well."""
        return "well"

    def wait(self, longest_s: float) -> None:
        """Wait: these systems do not tell when something has changed."""
        self._closing.wait(longest_s)

    def close(self) -> None:
        """Close everything."""
        self._closing.set()
        for side in ("input", "output"):
            self._close(side)
            self._lookers[side].delete()

    def _output_is_lost(self) -> bool:
        return self._outlet.has_failed and time.perf_counter() >= self._opened_s + RETRY_S

    def _close(self, side: Side) -> None:
        self._open.pop(side, None)
        if side == "output":
            self._outlet.close()
        elif self._input is not None:
            self._input.close()
            self._input = None
