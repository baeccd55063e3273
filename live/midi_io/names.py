"""Names of ports: Continuo's own, and which one is meant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from live.errors import NoMidiError, UserError

CLIENT_NAME: Final = "Continuo"
INPUT_NAME: Final = "Continuo In"
OUTPUT_NAME: Final = "Continuo Out"
AUTO: Final = "auto"
VIRTUAL: Final = "virtual"
Side = Literal["input", "output"]


def choose(names: Sequence[str], wanted: str, kind: Side) -> int:
    """Return the index of the port that is meant: the whole name or a part of it, case aside.

    Args:
        names: of the ports there are.
        wanted: "auto" takes the first that is neither Continuo's nor a mere thru port.
        kind: for the message.

    Raises:
        NoMidiError: "auto", and there is none.
        UserError: none has that name.
    """
    folded = [name.casefold() for name in names]
    if wanted == AUTO:
        for index, name in enumerate(folded):
            if "midi through" not in name and not name.startswith(CLIENT_NAME.casefold()):
                return index
        raise NoMidiError(
            f"no MIDI {kind} port was found. Connect a device, or use --virtual for ports that "
            "other programs connect to, or --demo",
            missing=kind,
        )
    part = wanted.casefold()
    matches = [i for i, name in enumerate(folded) if name == part]
    matches += [i for i, name in enumerate(folded) if part in name]
    if matches:
        return matches[0]
    there = ", ".join(f'"{name}"' for name in names) or "none"
    raise UserError(f'no MIDI {kind} port has "{wanted}" in its name; there are: {there}')
