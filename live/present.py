"""The settings that hold now, as the parent knows them: what a child that is started anew gets."""

from __future__ import annotations

import threading
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from live import link_peer
from live.errors import UserError
from live.live_settings import LiveSetting, LiveSettings, Owner
from live.midi_io.settings import MidiSettings
from live.model_files import find_model
from live.session_settings import SessionSettings


class PresentSettings:
    """Follows changes, whoever makes them; may be used from several threads."""

    def __init__(self, settings: SessionSettings, live: LiveSettings) -> None:
        self._now = settings
        self._live = live
        self._lock = threading.Lock()
        self._unconfirmed: set[str] = set()
        """Fields that were changed here, and of which no process has said so yet."""

    @property
    def now(self) -> SessionSettings:
        """All settings as they are."""
        return self._now

    def midi_io(self) -> MidiSettings:
        """Return what midi_io begins with, which heeds some settings of the core's as well."""
        p = self._now.performer
        return replace(
            self._now.midi,
            clock=p.clock,
            latency_ms=p.latency_ms,
            split=p.split,
            left_channel=p.left_channel,
        )

    def journal_header(self) -> dict[str, Any]:
        """Return what a journal that begins now says of the session."""
        s = self._now
        return {
            "started": datetime.now().astimezone().isoformat(timespec="seconds"),
            "bpm": s.performer.bpm,
            "beats_per_bar": s.performer.beats_per_bar,
            "model": s.model.name,
            "performer": asdict(s.performer),
        }

    def values(self) -> dict[str, Any]:
        """Return the live settings by full name, as the file spells them."""
        return {setting.name: self._value(setting) for setting in self._live}

    def change(self, name: str, given: object) -> tuple[LiveSetting, Any]:
        """Let a setting have another value.

        Args:
            name: full or short, see ``LiveSettings.find``.
            given: a value as the file spells it, also as text.

        Returns:
            The setting, and its value as the processes spell it.

        Raises:
            UserError: the setting is unknown, the value is wrong, or it does not fit the others.
        """
        setting = self._live.find(name)
        value = setting.to_core(setting.read(given))
        if setting.spelling == "model":  # it holds when it has been loaded, see ``took``
            return setting, str(find_model(value, self._now.model))
        with self._lock:
            changed = _with(self._now, setting.owner, setting.field, value)
            conflict = changed.performer.conflict()
            if conflict is None and setting.field == "clock" and value == "link":
                conflict = link_peer.missing()
            if conflict is not None:
                raise UserError(conflict)
            if changed != self._now:
                self._now = changed
                self._unconfirmed.add(setting.field)
        return setting, value

    def held_by(self, owner: str) -> list[tuple[LiveSetting, Any]]:
        """Return the settings that a process holds, with their values as it spells them.

        Without the model: what is present of it is what the process has loaded.
        """
        values = self.values()
        held = (s for s in self._live if s.owner == owner and s.spelling != "model")
        return [(s, s.to_core(values[s.name])) for s in held]

    def unconfirmed(self, owner: str) -> list[tuple[LiveSetting, Any]]:
        """Return those of them that a process has not yet said to hold."""
        with self._lock:
            fields = frozenset(self._unconfirmed)
        return [(s, value) for s, value in self.held_by(owner) if s.field in fields]

    def took(self, field: str, value: Any) -> LiveSetting | None:
        """Note what a child says it has changed; return the setting, None if it is none."""
        setting = self._live.held_as(field)
        if setting is not None:
            with self._lock:
                self._now = _with(self._now, setting.owner, field, value)
                self._unconfirmed.discard(field)
        return setting

    def _value(self, setting: LiveSetting) -> Any:
        now = self._now
        holder = now.performer if setting.owner == "improviser" else now.midi
        return setting.to_file(getattr(holder, setting.field))


def _with(settings: SessionSettings, owner: Owner, field: str, value: Any) -> SessionSettings:
    change = {field: value}
    if owner == "improviser":
        return replace(settings, performer=replace(settings.performer, **change))
    return replace(settings, midi=replace(settings.midi, **change))
