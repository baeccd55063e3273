"""``python -m live settings``: the settings that may be changed while playing, as a table."""

from __future__ import annotations

from collections.abc import Callable

import typer

from live.control_settings import COMMANDS
from live.live_settings import LiveSetting
from live.settings import LIVE

COLUMNS: dict[str, Callable[[LiveSetting], str]] = {
    "setting": lambda s: f"`{s.name}`",
    "what it is": lambda s: s.help,
    "values": lambda s: _values(s),
    "default": lambda s: f"`{_spelled(s, s.default)}`",
    "a knob goes through": lambda s: _knob(s),
}


def settings_table() -> str:
    """Return the live settings as a table of Markdown, in the order of the file."""
    rows = [list(COLUMNS), ["---"] * len(COLUMNS)]
    rows += [[cell(setting) for cell in COLUMNS.values()] for setting in LIVE]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def settings() -> None:
    """List the settings that may be changed while playing, and the commands."""
    typer.echo(settings_table())
    typer.echo(f"\nCommands: {', '.join(f'`{command}`' for command in COMMANDS)}")


def _spelled(setting: LiveSetting, value: object) -> str:
    if setting.kind == "switch":
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value) or '""'


def _values(setting: LiveSetting) -> str:
    if setting.kind == "switch":
        return "`true`, `false`"
    if setting.kind == "choice":
        return ", ".join(f"`{choice}`" for choice in setting.choices)
    if setting.low is None or setting.high is None:
        return "text"
    bounds = f"{setting.low:g} to {setting.high:g}"
    return bounds if setting.unit in ("", bounds) else f"{bounds} {setting.unit}"


def _knob(setting: LiveSetting) -> str:
    if setting.kind == "text":
        return "say the value: `note 36: ...`"
    if setting.kind in ("choice", "switch"):
        return "the values"
    low, high = setting.knob
    way = "equal ratios" if setting.log else "equal steps"
    return f"{low:g} to {high:g}, {way}"
