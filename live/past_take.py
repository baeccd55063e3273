"""What the journal of a session tells of the core: what it began with, and what it was told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from live.core.settings import PerformerSettings
from live.errors import UserError
from live.journal import moment, read_header, read_lines
from live.journal_line import Line
from live.past_settings import read_settings
from live.transcript import Remembered


@dataclass(frozen=True)
class ModelFile:
    """Which model: of a "model" line, with which the core went on from there."""

    model: str
    """Name of the file."""
    sha256: str

    @classmethod
    def of(cls, about: object) -> ModelFile | None:
        """Return what is said about a model; None: it makes no sense."""
        if not isinstance(about, dict) or not isinstance(about.get("sha256"), str):
            return None
        return cls(str(about.get("model")), about["sha256"])


@dataclass(frozen=True)
class CoreBegins(ModelFile):
    """A "core" line: with what the improviser began, at first or after its end."""

    settings: PerformerSettings
    remembered: Remembered

    @classmethod
    def read(cls, line: Line) -> CoreBegins | None:
        """Return what a line says; None: it makes no sense."""
        about = line.rest[0] if line.rest else None
        if not isinstance(about, dict):
            return None
        settings = read_settings(about.get("performer"))
        if settings is None:
            return None
        sha256, counts = about.get("sha256"), [about.get(n, 0) for n in ("since", "lines", "heard")]
        if not isinstance(sha256, str) or any(type(n) is not int or n < 0 for n in counts):
            return None
        return cls(str(about.get("model")), sha256, settings, Remembered(*counts))


@dataclass(frozen=True)
class Take:
    """A journal that has been read."""

    header: dict[str, Any]
    lines: Sequence[Line]

    @classmethod
    def read(cls, path: Path) -> Take:
        """Read the journal of a session, named by itself or by its MIDI file.

        Raises:
            UserError: it is not there, or is none that can be played again.
        """
        journal = path.with_suffix(".jsonl") if path.suffix.lower() != ".jsonl" else path
        try:
            take = cls(read_header(journal), tuple(read_lines(journal)))
        except OSError as error:
            raise UserError(
                f"cannot read the journal {journal}: {error.strerror}; name a session's .mid or "
                ".jsonl file, which stand beside each other"
            ) from error
        if not take.header:
            raise UserError(f"{journal} is not the journal of a session")
        if not take.begins:
            raise UserError(
                f"{journal} does not say what the model heard and when: it was recorded by an "
                "earlier version, or ended before the model was ready"
            )
        return take

    @cached_property
    def origin_s(self) -> float:
        """The moment from which the lines' times are counted."""
        origin_s = self.header.get("origin_s")
        number = isinstance(origin_s, int | float) and math.isfinite(origin_s)
        return float(origin_s) if number else 0.0  # type: ignore[arg-type]

    @cached_property
    def begins(self) -> dict[int, CoreBegins]:
        """By index of its line: the cores that began."""
        read = {i: CoreBegins.read(x) for i, x in enumerate(self.lines) if x.kind == "core"}
        return {i: begins for i, begins in read.items() if begins is not None}

    @cached_property
    def models(self) -> list[ModelFile]:
        """Which models were played with."""
        given = [line.rest[0] for line in self.lines if line.kind == "model" and line.rest]
        later = [ModelFile.of(about) for about in given]
        return [*self.begins.values(), *(model for model in later if model is not None)]

    @cached_property
    def told(self) -> dict[int, Line]:
        """By number: the messages that a core was told while it played."""
        missed = {line.named for line in self.lines if line.kind == "missed"}
        numbered = {x.number: x for x in self.lines if x.number is not None and x.told is not None}
        return {n: x for n, x in sorted(numbered.items()) if n not in missed}

    @cached_property
    def missing(self) -> int:
        """How many messages were told that the journal does not have: the disk was full."""
        numbers = {line.number for line in self.lines if line.number is not None}
        remembered = min((begins.remembered.heard for begins in self.begins.values()), default=0)
        latest = max((n for n in numbers), default=0)
        return max(0, latest - remembered - sum(n > remembered for n in numbers))

    @property
    def length_s(self) -> float:
        """How long it is."""
        return max((line.time_s for line in self.lines), default=0.0)

    def moment_of(self, line: Line) -> float:
        """Return the moment of a line as the processes saw it."""
        return moment(self.origin_s + line.time_s)
