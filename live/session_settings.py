"""What a session is told before it starts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from live.core.settings import PerformerSettings
from live.midi_io.settings import MidiSettings
from live.osc.settings import OscSettings
from live.page.settings import PageSettings


@dataclass(frozen=True)
class SessionSettings:
    """All that a session needs."""

    midi: MidiSettings
    performer: PerformerSettings
    folder: Path
    """Where recordings go."""
    page: PageSettings = field(default_factory=PageSettings)
    osc: OscSettings = field(default_factory=OscSettings)

    @property
    def model(self) -> Path:
        """Return the file of the model."""
        return Path(self.performer.model)
