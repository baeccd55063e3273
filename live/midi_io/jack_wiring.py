"""Ports on JACK: made once, and connected by a client that watches.

RtMidi carries the messages; JACK-Client sees ports come and go, connects, and notices a server that
is gone or stuck. It calls JACK with Python's lock released, so that music does not wait for it;
RtMidi keeps the lock while it opens or closes a port.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

import jack
import rtmidi

from live.errors import NoMidiError, UserError
from live.midi_io.names import CLIENT_NAME, INPUT_NAME, OUTPUT_NAME, VIRTUAL, Side
from live.midi_io.outlet import Outlet
from live.midi_io.ports import InputPort, OnInput, State, never_free, open_input, open_output

STUCK_S: Final = 0.4
"""A server whose cycles stand still for so long is stuck. RtMidi's buffer holds the messages of a
flood for as long; when it is full, its sender would wait."""

ATTEMPTS: Final = 20
"""Ports are listed so often while some of them vanish meanwhile."""

CLOSE_S: Final = 1.0
"""A client that is not closed by then is left open."""

_LASTING_NAMES: Final[dict[Side, str]] = {"input": INPUT_NAME, "output": OUTPUT_NAME}


class JackWiring:
    """Our two ports on a JACK server, and what they are connected to."""

    def __init__(self, on_input: OnInput | None, outlet: Outlet) -> None:
        """Open the ports; ``on_input`` None: only the output.

        Raises:
            NoMidiError: there is no server.
            UserError: a port cannot be opened.
        """
        try:
            self._client = jack.Client(f"{CLIENT_NAME} wiring", no_start_server=True)
        except jack.JackOpenError as error:
            raise NoMidiError("there is no JACK server; start it") from error
        self._changed = threading.Event()
        self._gone = threading.Event()
        self._new: set[str] = set()
        self._new_lock = threading.Lock()
        self._moved = (0.0, -1)
        """When JACK's clock was seen to move last, and where it stood then."""
        self._client.set_shutdown_callback(self._on_shutdown)
        self._client.set_port_registration_callback(self._on_port, only_available=False)
        self._client.set_port_connect_callback(self._on_connection, only_available=False)
        self._outlet = outlet
        self._input: InputPort | None = None
        self._own: dict[Side, str] = {}
        try:
            self._client.activate()
            outlet.exchange(open_output(rtmidi.API_UNIX_JACK, VIRTUAL, _passing_name("output")))
            if on_input is not None:
                self._input = open_input(
                    rtmidi.API_UNIX_JACK, VIRTUAL, on_input, _passing_name("input")
                )
            self._own = {side: self._name_own(side) for side in self._sides}
        except (UserError, StopIteration, jack.JackError) as error:
            self.close()
            raise UserError(f"JACK's ports cannot be opened ({error}); try again") from error

    @property
    def _sides(self) -> tuple[Side, ...]:
        return ("output",) if self._input is None else ("input", "output")

    def names(self, side: Side) -> list[str]:
        """Return the ports that a side might be connected to."""
        own = set(self._own.values())
        return [name for name in self._ports(as_input=side == "output") if name not in own]

    def connected(self, side: Side) -> set[str]:
        """Return those that it is connected to."""
        with suppress(jack.JackError):
            port = self._client.get_port_by_name(self._own[side])
            return {other.name for other in self._client.get_all_connections(port)}
        return set()

    def new(self) -> set[str]:
        """Return the ports that have appeared since this was asked last."""
        with self._new_lock:
            new, self._new = self._new, set()
        return new

    def connect(self, side: Side, name: str) -> None:
        """Connect a side to a port; also where it is connected already.

        Raises:
            UserError: that is not possible.
        """
        if name == VIRTUAL:
            return  # our ports are there
        ends = (name, self._own[side]) if side == "input" else (self._own[side], name)
        try:
            self._client.connect(*ends)
        except jack.JackError as error:
            if name not in self.connected(side):
                raise UserError(f'JACK does not connect "{name}" ({error})') from error
        self._wait_for_cycles()  # what is sent before the connection is in force is lost

    def disconnect(self, side: Side, names: Iterable[str]) -> None:
        """End connections, of the output when what was sent has gone through them.

        When it returns, nothing more comes in from what the input was connected to.
        """
        if side == "output":
            self._wait_for_cycles()
        for name in set(names) - {VIRTUAL}:
            ends = (name, self._own[side]) if side == "input" else (self._own[side], name)
            with suppress(jack.JackError):
                self._client.disconnect(*ends)
        if side == "input" and self._input is not None:
            self._wait_for_cycles()
            self._input.catch_up()

    def state(self, now_s: float) -> State:
        """Return how the server is."""
        if self._gone.is_set():
            return "gone"
        frame = self._client.last_frame_time
        if frame != self._moved[1]:
            self._moved = (now_s, frame)
        return "stuck" if now_s - self._moved[0] > STUCK_S else "well"

    def wait(self, longest_s: float) -> None:
        """Wait until something may have changed."""
        self._changed.wait(longest_s)
        self._changed.clear()

    def close(self) -> None:
        """Close everything, also where the server is gone."""
        if self._input is not None:
            self._input.close()
            self._input = None
        output = self._outlet.exchange(None)
        # JACK's library waits in close for its own thread, which may be in a callback and wait for
        # the library: a dying server sends many, and one where ports come and go.
        if self._gone.is_set():
            never_free(self._client)
            if output is not None:
                output.abandon()
            return
        if output is not None:
            output.close()
        closing = threading.Thread(target=self._close_client, name="close JACK", daemon=True)
        closing.start()
        closing.join(CLOSE_S)
        if closing.is_alive():
            never_free(self._client)

    def _close_client(self) -> None:
        self._client.deactivate()
        self._client.close()

    def _wait_for_cycles(self) -> None:
        """Wait until the server has gone through the cycle after the present one."""
        seen = {self._client.last_frame_time}
        for _ in range(100):
            time.sleep(0.001)
            seen.add(self._client.last_frame_time)
            if len(seen) > 2:
                return

    def _name_own(self, side: Side) -> str:
        """Give a port of ours its lasting name and return it in full.

        RtMidi makes a client of each port and does not tell what JACK has called it. Both ports go
        by the name of one client as well, as an alias.
        """
        passing = _passing_name(side)
        names = self._ports(as_input=side == "input")
        client = next(n for n in names if n.endswith(f":{passing}")).removesuffix(f":{passing}")
        port = self._client.get_port_by_name(f"{client}:{passing}")
        port.shortname = _LASTING_NAMES[side]
        alike = f"{CLIENT_NAME}:{_LASTING_NAMES[side]}"
        try:
            self._client.get_port_by_name(alike)
        except jack.JackError:  # it is not its name, nor another Continuo's
            port.set_alias(alike)
        return f"{client}:{_LASTING_NAMES[side]}"

    def _ports(self, *, as_input: bool) -> list[str]:
        """Return all ports; JACK-Client asks for each by its name, and one may be gone by then.

        Raises:
            UserError: that was so each time.
        """
        for _ in range(ATTEMPTS):
            with suppress(jack.JackError):
                found = self._client.get_ports(
                    is_midi=True, is_input=as_input, is_output=not as_input
                )
                return [port.name for port in found]
        raise UserError("JACK's ports come and go too quickly to be listed")

    def _on_port(self, port: jack.Port | None, registered: bool) -> None:
        if registered and port is not None:
            with self._new_lock:
                self._new.add(port.name)
        self._changed.set()

    def _on_connection(self, *_: object) -> None:
        self._changed.set()

    def _on_shutdown(self, *_: object) -> None:
        self._gone.set()
        self._changed.set()


def _passing_name(side: Side) -> str:
    """Return a name for a port of ours that no other program gives."""
    return f"{_LASTING_NAMES[side]} {os.getpid()}"
