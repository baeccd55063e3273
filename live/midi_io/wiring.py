"""What it takes to connect our ports to others, and what does it on which MIDI system."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import rtmidi

from live.errors import NoMidiError
from live.midi_io.names import Side
from live.midi_io.outlet import Outlet
from live.midi_io.ports import OnInput, State
from live.midi_io.reopening import ReopenedPorts


class Wiring(Protocol):
    """Connects our ports to others. All of it may wait for the MIDI system."""

    def names(self, side: Side) -> list[str]:
        """Return the ports that a side might be connected to."""
        ...

    def connected(self, side: Side) -> set[str]:
        """Return those that it is connected to."""
        ...

    def new(self) -> set[str]:
        """Return the ports that have appeared since this was asked last, as far as is known."""
        ...

    def connect(self, side: Side, name: str) -> None:
        """Connect a side to a port.

        Raises:
            UserError: that is not possible; the line says why.
        """
        ...

    def disconnect(self, side: Side, names: Iterable[str]) -> None:
        """End connections."""
        ...

    def state(self, now_s: float) -> State:
        """Return how the MIDI system is."""
        ...

    def wait(self, longest_s: float) -> None:
        """Wait until something may have changed."""
        ...

    def close(self) -> None:
        """Close everything, also where the MIDI system is gone."""
        ...


def open_wiring(
    api: int, on_input: OnInput | None, outlet: Outlet, virtual: Iterable[Side]
) -> Wiring:
    """Open our ports on a MIDI system.

    Args:
        api: RtMidi's number of the system.
        on_input: is called with what comes in; None: there is only an output.
        outlet: gets the output.
        virtual: sides that others connect to, where a port would else be the connection itself.

    Raises:
        UserError: the system does not answer, or a port cannot be opened.
    """
    if api == rtmidi.API_UNIX_JACK:
        try:
            from live.midi_io.jack_wiring import JackWiring
        except (ImportError, OSError):
            pass  # without JACK's own library ports are found by looking, as elsewhere
        else:
            return JackWiring(on_input, outlet)
    try:
        return ReopenedPorts(api, on_input, outlet, virtual)
    except rtmidi.RtMidiError as error:
        raise NoMidiError(f"the MIDI system does not answer ({error})") from error
