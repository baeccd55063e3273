"""Settings of the core, read back from a journal: as strictly checked as those of the file."""

from __future__ import annotations

from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from live.core.settings import PerformerSettings
from live.errors import UserError
from live.settings import LIVE, Midi, Sampling

_SETTINGS: Final = TypeAdapter(PerformerSettings)


def read_settings(given: Any) -> PerformerSettings | None:
    """Return the settings that a core began with; None: they make no sense.

    Those that an earlier version did not have yet get their defaults.
    """
    if not isinstance(given, dict):
        return None
    try:
        settings = _SETTINGS.validate_python(given)
        Sampling(seed=settings.seed, seed_window=settings.seed_window)
        if settings.player_channel is not None:
            Midi(input_channel=settings.player_channel + 1)
    except (ValidationError, RecursionError):
        return None
    held = {setting.field for setting in LIVE if setting.owner == "improviser"}
    spelled = {name: value for name, value in vars(settings).items() if name in held}
    in_range = read_changes(spelled) == spelled
    return settings if in_range and settings.conflict() is None else None


def read_changes(given: dict[str, Any]) -> dict[str, Any]:
    """Return changes of settings as the core spells them; those that make no sense are left out."""
    changes: dict[str, Any] = {}
    for name, value in given.items():
        setting = LIVE.held_as(name)
        if setting is None or setting.owner != "improviser":
            continue
        try:
            changes[name] = setting.to_core(setting.read(setting.to_file(value)))
        except (UserError, TypeError, ValueError):
            continue
    return changes
