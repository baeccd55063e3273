"""From the bytes of a MIDI wire to whole messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mido.messages.specs import SPEC_BY_STATUS

SYSEX: Final = 0xF0
END_OF_SYSEX: Final = 0xF7
FIRST_REALTIME: Final = 0xF8
MAX_SYSEX_BYTES: Final = 1 << 16
"""A longer one is dropped: a sender that never ends it must not fill the memory."""

_LENGTH: Final = {
    status: int(spec["length"])
    for status, spec in SPEC_BY_STATUS.items()
    if status not in (SYSEX, END_OF_SYSEX)
}


class MidiParser:
    """Splits bytes into messages: running status, interleaved real-time bytes, split sysex.

    Bytes that belong to no message are dropped. mido's parser knows no running status, which some
    keyboards and ports hand through.
    """

    def __init__(self) -> None:
        self._message = bytearray()
        self._running_status = 0

    def feed(self, data: Iterable[int]) -> list[bytes]:
        """Take bytes, 0 to 255; return the messages that they complete."""
        messages: list[bytes] = []
        for byte in data:
            if byte >= FIRST_REALTIME:
                if byte in _LENGTH:
                    messages.append(bytes([byte]))
            elif byte >= 0x80:
                self._status(byte, messages)
            else:
                self._data(byte, messages)
        return messages

    def _status(self, byte: int, messages: list[bytes]) -> None:
        if byte == END_OF_SYSEX and self._message[:1] == bytes([SYSEX]):
            messages.append(bytes(self._message) + bytes([END_OF_SYSEX]))
        self._message.clear()
        # Only channel messages run on; a system message ends the running status.
        self._running_status = byte if byte < SYSEX else 0
        if byte == SYSEX or _LENGTH.get(byte, 0) > 1:
            self._message.append(byte)
        elif byte in _LENGTH:
            messages.append(bytes([byte]))

    def _data(self, byte: int, messages: list[bytes]) -> None:
        if not self._message:
            if not self._running_status:
                return
            self._message.append(self._running_status)
        self._message.append(byte)
        status = self._message[0]
        if status == SYSEX:
            if len(self._message) > MAX_SYSEX_BYTES:
                self._message.clear()
        elif len(self._message) == _LENGTH[status]:
            messages.append(bytes(self._message))
            self._message.clear()
