"""Binding a control of the instrument by moving it: what moves, and the line in ``config.toml``."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import tomlkit
from tomlkit.items import Table

from live.control_settings import COMMANDS, read_control
from live.core.binding import Binding
from live.core.controls import Control
from live.errors import UserError
from live.settings import LIVE, load

SECTION: Final = "controls"
BANK_SELECT: Final = (0, 32)
"""Controllers that go before a program change and are no control by themselves."""
FIRST_CHANNEL_MODE: Final = 120
"""Controllers from here on are orders to a synth: all notes off and the like."""


def full_name(given: str) -> str:
    """Return the full name of a live setting, or the command, that a user means.

    Raises:
        UserError: there is none.
    """
    name = given.strip()
    if name in COMMANDS:
        return name
    try:
        return LIVE.find(name).name
    except UserError as error:
        raise UserError(f"{error}; and the commands {', '.join(COMMANDS)}") from error


def moved(message: bytes) -> Binding | None:
    """Return the control that a message comes from; None: it is no press and no turn of one."""
    kind, channel = message[0] & 0xF0, message[0] & 0x0F
    if kind == 0xC0:
        return Binding("program", message[1], channel)
    if kind == 0x90 and message[2] > 0:
        return Binding("note", message[1], channel)
    if kind == 0xB0 and message[1] not in BANK_SELECT and message[1] < FIRST_CHANNEL_MODE:
        return Binding("cc", message[1], channel)
    return None


def bind(config: Path, name: str, binding: Binding, use: str, *, add: bool) -> str:
    """Write the line that binds a control, and leave all else in the file as it is.

    Args:
        config: the settings file.
        name: full name of a setting, or a command.
        binding: the control.
        use: what the control does, see ``control_settings``; "": what is usual.
        add: keep the controls that the setting has.

    Returns:
        What was done, to be told.

    Raises:
        UserError: the control is bound already, or cannot be for that; the file is as it was.
    """
    text = f"{binding}: {use}" if use else str(binding)
    taken = [c for c in load(config, {}).performer.controls if c.binding.overlaps(binding)]
    if taken:
        raise UserError(
            f"{binding} is bound to {_target(taken[0])} already: {config} stays as it is; "
            "move another control, or take that line out first"
        )
    read_control(name, text, LIVE, Path)
    target = config.resolve()  # a link stays a link
    try:
        document = tomlkit.parse(target.read_bytes().decode())
        before = _write(document, name, text, add=add)
        _replace(target, tomlkit.dumps(document))
    except OSError as error:
        raise UserError(f"cannot write {config}: {error.strerror}") from error
    also = " as well as" if add else " instead of"
    return f"{name} is bound to {text}{f'{also} {before}' if before else ''}; written to {config}"


def _target(control: Control) -> str:
    setting = LIVE.held_as(control.target) if control.does != "command" else None
    return control.target if setting is None else setting.name


def _write(document: tomlkit.TOMLDocument, name: str, text: str, *, add: bool) -> str:
    """Put the binding into the document; return what stood there before."""
    if SECTION not in document:
        document.add(SECTION, tomlkit.table())
    section = document[SECTION]
    assert isinstance(section, Table)
    for table, key, given, spelled in _lines(section):
        if given != name:
            continue
        before = [each for each in (spelled if isinstance(spelled, list) else [spelled]) if each]
        table[key] = [*before, text] if add and before else text
        return " and ".join(before)
    section.append(tomlkit.key(name.split(".")), tomlkit.item(text))
    return ""


def _lines(table: Any, before: str = "") -> Iterator[tuple[Any, str, str | None, Any]]:
    """Yield table, key, full name of what is bound and its controls for each line of a section."""
    for key, value in list(table.items()):
        if isinstance(value, dict):
            yield from _lines(value, f"{before}{key}.")
        else:
            name = None
            with suppress(UserError):
                name = full_name(f"{before}{key}")
            yield table, key, name, value.unwrap()


def _replace(target: Path, text: str) -> None:
    """Let the file hold another text, whole or not at all; one that cannot be read is not taken."""
    partial = target.with_name(target.name + ".partial")
    try:
        partial.write_bytes(text.encode())
        shutil.copymode(target, partial)
        load(partial, {})
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
