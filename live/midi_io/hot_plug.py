"""Keeps the ports connected: devices that come and go, servers that end and begin again.

A thread of its own does all of it. The music's threads never wait for it: it takes their locks only
to end notes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Final

from live.errors import UserError
from live.messages import Changed, PortList, Said
from live.midi_io.health import HealthMeter
from live.midi_io.listener import Listener
from live.midi_io.names import INPUT_NAME, OUTPUT_NAME, VIRTUAL, Side, choose
from live.midi_io.outlet import Outlet
from live.midi_io.player import Player
from live.midi_io.plug import Plug
from live.midi_io.ports import State, find_api
from live.midi_io.settings import MidiSettings
from live.midi_io.wiring import Wiring, open_wiring

INTERVAL_S: Final = 0.1
"""Between two looks; sooner where the MIDI system tells that something has changed."""

SETTLE_S: Final = 0.05
"""So much later it shows whether a port was gone by itself."""


class HotPlug:
    """Our ports, and what they are plugged into."""

    def __init__(
        self,
        settings: MidiSettings,
        outlet: Outlet,
        listener: Listener,
        player: Player,
        report: Callable[[Said | Changed | PortList], None],
    ) -> None:
        """Make ready to ``open``; of a demo there is only an output."""
        self._settings = settings
        self._outlet = outlet
        self._listener = listener
        self._player = player
        self._report = report
        sides: dict[Side, str] = {"output": settings.output}
        if settings.demo is None:
            sides["input"] = settings.input
        self._plugs = {
            side: Plug(side, wanted, [name for s, name in settings.plugged if s == side])
            for side, wanted in sides.items()
        }
        self._api: int | None = None
        self._wiring: Wiring | None = None
        self._state: State = "well"
        self._told: PortList | None = None
        self._gone: set[str] = set()
        """Ports of which it was said that they are gone."""
        self._refused: set[str] = set()
        """Ports of which it was said that they cannot be opened."""
        self._wishes: SimpleQueue[tuple[Side, str]] = SimpleQueue()

    def name(self, side: Side) -> str:
        """Return what a side is called towards the user."""
        plug = self._plugs.get(side)
        if plug is None:
            return "no input"
        if side == "output" and self._api is None:
            return "no output"
        own = INPUT_NAME if side == "input" else OUTPUT_NAME
        return own if plug.name == VIRTUAL else plug.name

    def open(self, *, wait_for_ports: bool) -> None:
        """Open our ports and connect them.

        Args:
            wait_for_ports: do without what is not there yet; it is taken when it comes.

        Raises:
            UserError: the MIDI system or a port is not there, or is taken.
        """
        try:
            wiring = self._open_wiring()
        except UserError:
            if not wait_for_ports:
                raise
            self._state = "gone"
            return
        try:
            for side, plug in self._plugs.items():
                names = wiring.names(side)
                if plug.setting != VIRTUAL and not wait_for_ports:
                    choose(names, plug.setting, side)
                for name in plug.look(0.0, names, wiring.connected(side), ()).wanted:
                    try:
                        wiring.connect(side, name)
                    except UserError:
                        if not wait_for_ports:
                            raise
                        continue
                    plug.plugged(name)
        except UserError:
            wiring.close()
            raise
        self._wiring = wiring
        self._player.output_back()  # a midi_io before this one may have left it sounding

    def mean(self, name: str, setting: str) -> None:
        """Let "input" or "output" mean another port soon; is there none, the earlier one stays."""
        self._wishes.put(("input" if name == "input" else "output", setting))

    def watch(self, meter: HealthMeter, stopping: threading.Event) -> None:
        """Keep the ports connected until the end; a thread's body.

        Whatever goes wrong in one look, there is a next one.
        """
        told: set[type[Exception]] = set()
        while not stopping.is_set():
            try:
                self._look()
                while not self._wishes.empty():
                    self._change(*self._wishes.get())
                self._show(meter)
                if self._wiring is not None:
                    self._wiring.wait(INTERVAL_S)
                    continue
            except Exception as error:
                if type(error) not in told:
                    told.add(type(error))
                    self._say(f"MIDI devices could not be looked for ({error}); trying again")
            stopping.wait(INTERVAL_S)

    def close(self) -> None:
        """Close our ports, when nobody watches them any more."""
        if self._wiring is not None:
            self._wiring.close()
            self._wiring = None

    def _change(self, side: Side, setting: str) -> None:
        plug = self._plugs.get(side)
        if plug is None or plug.setting == setting:
            return
        now_s, before = time.perf_counter(), plug.setting
        if self._wiring is None:
            plug.mean(setting, None)
        else:
            try:
                plug.mean(setting, self._wiring.names(side))
            except UserError as error:
                self._report(Said(now_s, f"{error}; the earlier {side} stays"))
                self._report(Changed(now_s, side, before))
                return
            if side == "output":
                self._end(side)
                # What is played from here on belongs to the new port; the old one hears what ended.
                self._outlet.pause(True)
            try:
                self._wiring.disconnect(side, {*self._wiring.connected(side), VIRTUAL})
            finally:
                self._outlet.pause(self._state != "well")
                if side == "input":
                    self._end(side)  # not before: until then more keys may go down
            plug.connected = frozenset()
            if setting == VIRTUAL:
                self._connect(side, VIRTUAL)
        self._report(Changed(now_s, side, setting))
        self._look()

    def _look(self) -> None:
        now_s = time.perf_counter()
        if self._wiring is None:
            self._reopen()
            return
        state = self._wiring.state(now_s)
        if state != "well":
            if state != self._state:
                self._fall_silent(state)
            return
        if self._state != "well":
            self._go_on()
        new = self._wiring.new()
        lines: list[str] = []
        for side, plug in self._plugs.items():
            names, connected = self._wiring.names(side), self._wiring.connected(side)
            by_hand = connected - plug.connected
            looked = plug.look(now_s, names, connected, new)
            if by_hand and side == "output":
                self._player.output_back()
            if looked.lost:
                self._wiring.disconnect(side, set(looked.missing) - connected)
                self._end(side)
            self._gone.update(looked.missing)
            lines += [f'the {side} "{name}" is gone; waiting for it' for name in looked.missing]
            for name in looked.wanted:
                if self._connect(side, name):
                    back = name in self._gone
                    self._gone.discard(name)
                    lines.append(f'the {side} "{name}" is back' if back else f'{side}: "{name}"')
        if lines:
            self._wiring.wait(SETTLE_S)
            if self._wiring.state(time.perf_counter()) == "gone":
                return  # the server took them with it
        for line in lines:
            self._say(line)

    def _connect(self, side: Side, name: str) -> bool:
        assert self._wiring is not None
        try:
            self._wiring.connect(side, name)
        except UserError as error:
            if name not in self._refused:
                self._refused.add(name)
                self._say(str(error))
            return False
        self._refused.discard(name)
        self._plugs[side].plugged(name)
        if side == "output":
            self._player.output_back()
        return True

    def _fall_silent(self, state: State) -> None:
        """End everything: the MIDI system is stuck or gone."""
        self._state = state
        for side in self._plugs:
            self._end(side)
        self._outlet.pause(True)
        if state == "stuck":
            self._say("the JACK server does not answer; nothing sounds until it does")
            return
        self._say("the JACK server is gone; nothing sounds until it is back")
        assert self._wiring is not None
        self._wiring.close()
        self._wiring = None
        if "input" in self._plugs:
            self._end("input")  # what was still on its way

    def _reopen(self) -> None:
        with suppress(UserError):
            self._wiring = self._open_wiring()
            for plug in self._plugs.values():
                plug.connected = frozenset()
            self._go_on()

    def _go_on(self) -> None:
        self._state = "well"
        self._outlet.pause(False)
        self._player.output_back()
        self._say("the MIDI system is back")

    def _end(self, side: Side) -> None:
        if side == "input":
            self._listener.let_go()
        else:
            self._player.output_lost()

    def _show(self, meter: HealthMeter) -> None:
        """Let the parent know what there is, where it is not what it was told last."""
        meter.input_name, meter.output_name = self.name("input"), self.name("output")
        well = self._wiring is not None and self._state == "well"
        for side, plug in self._plugs.items():
            meter.set_connected(side, well and plug.is_plugged)
        if self._wiring is None or not well:
            return
        ports = PortList(
            tuple(self._wiring.names("input")),
            tuple(self._wiring.names("output")),
            tuple((side, n) for side, plug in self._plugs.items() for n in sorted(plug.connected)),
        )
        if ports != self._told:
            self._told = ports
            self._report(ports)

    def _open_wiring(self) -> Wiring:
        if self._api is None:
            self._api = find_api(self._settings.api)
        on_input = self._listener.on_input if "input" in self._plugs else None
        virtual = [side for side, plug in self._plugs.items() if plug.setting == VIRTUAL]
        return open_wiring(self._api, on_input, self._outlet, virtual)

    def _say(self, line: str) -> None:
        self._report(Said(time.perf_counter(), line))
