"""A MIDI device on JACK that is plugged in and pulled out."""

from __future__ import annotations

import rtmidi

from tests.jack import listen


class Device:
    """A keyboard or a synth of its own, that can be pulled out."""

    def __init__(self, kind, client):
        self._kind, self._client = kind, client
        self.heard = []
        self.plug_in()

    def plug_in(self, client=None):
        name = client or self._client
        if self._kind is rtmidi.MidiIn:
            self._port = listen(name, "midi", lambda data: self.heard.append(bytes(data)))
        else:
            self._port = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name=name)
            self._port.open_virtual_port("midi")

    def pull_out(self):
        if self._port is None:
            return
        if self._kind is rtmidi.MidiIn:
            self._port.close()
        else:
            self._port.close_port()
            self._port.delete()
        self._port = None

    def send(self, *data):
        self._port.send_message(data)

    def sounding(self):
        down = set()
        for data in list(self.heard):
            if data[0] & 0xF0 == 0x90 and data[2] > 0:
                down.add((data[0] & 0x0F, data[1]))
            elif data[0] & 0xF0 in (0x80, 0x90):
                down.discard((data[0] & 0x0F, data[1]))
        return down
