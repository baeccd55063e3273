"""What OSC messages mean to a session: the names are those of the settings.

/time/bpm 120                       any live setting, by its section and name
/do/your_turn                       a command; an argument of 0 is a button that is let go
/do/new_take                        another recording from here on
/play/note 60 80 1                  pitch, velocity (0: release), channel (1 if missing)
/play/control 64 127 1              controller, value, channel
/refresh                            every setting is sent to where feedback goes
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from live.errors import UserError
from live.live_settings import LiveSettings

LONGEST_ADDRESS: Final = 100
NEW_TAKE: Final = "new_take"
PLAYED: Final = {"note": 0x90, "control": 0xB0}
"""Status bytes of what can be played."""


class Steered(Protocol):
    """What is asked of a session; see ``live.session.Session``."""

    def change(self, name: str, value: object) -> None:
        """Let a live setting have another value."""
        ...

    def do(self, command: str) -> None:
        """Let a command be obeyed."""
        ...

    def play(self, data: bytes) -> None:
        """Take MIDI bytes as if they came from the keyboard."""
        ...

    def new_take(self) -> None:
        """End the recording and begin another."""
        ...


def obey(
    session: Steered,
    live: LiveSettings,
    refresh: Callable[[], None],
    address: str,
    arguments: Sequence[Any],
) -> None:
    """Do what a message says.

    Raises:
        UserError: it means nothing, or asks for what cannot be; nothing was done.
    """
    if len(address) > LONGEST_ADDRESS or not address.isprintable():
        raise UserError("OSC: an address that is too long or unprintable")
    kind, _, name = address.lstrip("/").partition("/")
    try:
        if address == "/refresh":
            refresh()
        elif kind == "do":
            _do(session, name, arguments)
        elif kind == "play":
            session.play(_message(name, arguments))
        else:
            _change(session, live, address, arguments)
    except UserError as error:
        raise UserError(f"OSC {address}: {error}") from error


def _do(session: Steered, name: str, arguments: Sequence[Any]) -> None:
    if arguments and not arguments[0]:
        return
    if name == NEW_TAKE:
        session.new_take()
    else:
        session.do(name)


def _change(session: Steered, live: LiveSettings, address: str, arguments: Sequence[Any]) -> None:
    setting = live.find(address)
    if len(arguments) != 1:
        raise UserError(f"one value is needed, not {len(arguments)}")
    value = arguments[0]
    if setting.spelling == "model" and {"/", "\\"} & set(str(value)):
        raise UserError("a model is named by its file's name alone: one beside the present model")
    session.change(setting.name, value)


def _message(kind: str, arguments: Sequence[Any]) -> bytes:
    """Return a note or a control change as MIDI spells it."""
    status = PLAYED.get(kind)
    if status is None:
        raise UserError(f"there is nothing to play of that kind; there are: {', '.join(PLAYED)}")
    numbers = [*arguments, 1] if len(arguments) == 2 else [*arguments]
    whole = [int(n) for n in numbers if isinstance(n, int | float) and n == n // 1]
    if len(whole) != len(numbers) or len(whole) != 3:
        raise UserError("it needs whole numbers: number, value, and the channel if it is not 1")
    number, value, channel = whole
    if not (0 <= number <= 127 and 0 <= value <= 127 and 1 <= channel <= 16):
        raise UserError("number and value are from 0 to 127, channels from 1 to 16")
    return bytes([status | (channel - 1), number, value])
