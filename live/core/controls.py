"""Keys, pads, pedals, knobs and program changes that are commands or settings instead of music."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from live.core.binding import Binding, bound
from live.core.knob import Knob, Scale

Command = Literal["your_turn", "my_turn", "again", "keep", "panic", "tap"]
Does = Literal["command", "put", "next", "turn", "refuse"]
Owner = Literal["improviser", "midi_io"]

PRESSED: Final = 64
"""A controller at this value or above is pressed."""

NO_SCALE: Final = Scale()


@dataclass(frozen=True, slots=True)
class Control:
    """A control of the instrument and what it is for."""

    binding: Binding
    does: Does
    """"command": pressed, it gives a command; "put": it lets a setting have the scale's only value;
    "next": the next of the scale's values; "turn": a knob along the scale; "refuse": nothing, and
    the user is told so."""
    target: str
    """The command, or the name under which ``owner`` holds the setting."""
    owner: Owner = "improviser"
    """The process whose setting it is."""
    scale: Scale = NO_SCALE
    soft: bool = True
    """Whether a knob waits until it passes the present value."""
    refusal: str = ""
    """What the user is told; "{number}" stands for the number in the message."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A control asks for another value of a setting."""

    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class Refused:
    """A control asks for what there is not; the line tells the user so."""

    line: str


class Controls:
    """Turns messages of bound controls into what they ask for; a pure object.

    The process that holds a setting minds its controls; to the others they are just no music.
    """

    def __init__(self, controls: tuple[Control, ...], owner: Owner = "improviser") -> None:
        self._controls = controls
        self._owner = owner
        self._down: set[Binding] = set()
        self._knobs = {c.binding: Knob(c.scale, c.soft) for c in controls if c.does == "turn"}

    def consumes(self, data: bytes) -> bool:
        """Whether a message is a control's and so no music."""
        return bound(data, (control.binding for control in self._controls))

    def ask(self, data: bytes, present: Callable[[str], Any]) -> Command | Wanted | Refused | None:
        """Return what a message asks for; None: nothing, or it is another process's to mind.

        ``present`` tells the value that a setting has now.
        """
        control = next((c for c in self._controls if c.binding.matches(data)), None)
        if control is None or control.owner != self._owner:
            return None
        if control.does == "turn":
            if not self._knobs[control.binding].takes(data[2], present(control.target)):
                return None
            return Wanted(control.target, control.scale.value(data[2]))
        if not self._is_pressed(control.binding, data):
            return None
        if control.does == "command":
            return cast(Command, control.target)
        if control.does == "refuse":
            return Refused(control.refusal.format(number=data[1]))
        values = control.scale.values
        now = present(control.target)
        following = values.index(now) + 1 if now in values else 0
        return Wanted(control.target, values[following % len(values)])

    def _is_pressed(self, binding: Binding, data: bytes) -> bool:
        """Whether it goes down with this message."""
        kind = data[0] & 0xF0
        if kind == 0xC0:
            return True
        pressed = data[2] >= PRESSED if kind == 0xB0 else kind == 0x90 and data[2] > 0
        was_down = binding in self._down
        (self._down.add if pressed else self._down.discard)(binding)
        return pressed and not was_down
