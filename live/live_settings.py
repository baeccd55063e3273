"""The settings that may be changed while playing: one list, made from the sections of the file.

A field of a section in ``live.settings`` that carries a ``Live`` mark is such a setting. Its type,
range, choices and default are read off the field, so that there is one place for each of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from live.core.orchestra import parse_channels, spell_channels
from live.errors import UserError

Owner = Literal["improviser", "midi_io"]
Spelling = Literal[
    "plain",
    "channel",
    "channel or all",
    "channel or none",
    "instruments and channels",
    "model",
]
Kind = Literal["number", "whole number", "choice", "switch", "text"]

_ON: Final = ("on", "true", "yes", "1")
_OFF: Final = ("off", "false", "no", "0")


@dataclass(frozen=True)
class Live:
    """Marks a field of a section as one that may be changed while playing."""

    help: str
    unit: str = ""
    owner: Owner = "improviser"
    """The process whose settings hold it under the field's name."""
    spelling: Spelling = "plain"
    """"channel": counted from 1 in the file and from 0 inside; "or ...": 0 in the file is None.
    "instruments and channels": a text in the file, pairs of numbers inside.
    "model": the name of a file, which holds only when it has been loaded."""
    held_as: str = ""
    """Its name in ``PerformerSettings`` or ``MidiSettings``; "": the field's own."""
    knob: tuple[float, float] | None = None
    """What a knob goes through if nothing else is said; None: all that is allowed."""
    log: bool = False
    """Equal turns of a knob are equal ratios."""


@dataclass(frozen=True)
class LiveSetting:
    """One setting: what it is called, and what it may be, as the file spells it."""

    section: str
    key: str
    """Its name in its section."""
    field: str
    """Its name in ``PerformerSettings`` or ``MidiSettings``."""
    kind: Kind
    low: float | None
    """Least value of a number; None where it is no number, or has no such bound."""
    high: float | None
    choices: tuple[str, ...]
    default: Any
    help: str
    unit: str
    owner: Owner
    spelling: Spelling
    knob: tuple[float, float]
    """What a knob goes through if nothing else is said; (0, 0) where it is no number."""
    log: bool
    _model: type[BaseModel]

    @property
    def name(self) -> str:
        """Return the full name, as ``time.bpm``."""
        return f"{self.section}.{self.key}"

    def read(self, given: object) -> Any:
        """Return a value as the file would hold it, of text or of a number of another program.

        Raises:
            UserError: it is of a wrong kind or out of range; the line says what it may be.
        """
        value = self._typed(given)
        try:
            section = self._model.model_validate({self.key: value})
        except ValidationError as error:
            must = error.errors()[0]["msg"].partition("should ")[2]
            raise UserError(f"{self.name} = {_shown(given)}; it must {must}") from error
        return getattr(section, self.key)

    def to_core(self, value: Any) -> Any:
        """Return a value of the file as the processes hold it: channels counted from 0."""
        if self.spelling in ("plain", "model"):
            return value
        if self.spelling == "instruments and channels":
            return parse_channels(value)
        return None if self.spelling != "channel" and value == 0 else value - 1

    def to_file(self, value: Any) -> Any:
        """Return a value of the processes as the file spells it; reverses ``to_core``."""
        if self.spelling in ("plain", "model"):
            return value
        if self.spelling == "instruments and channels":
            return spell_channels(value)
        return 0 if value is None else value + 1

    def _typed(self, given: object) -> object:
        """Bring what another program sent to the setting's type, where nothing is lost by it."""
        plain = given.strip() if isinstance(given, str) else given
        if self.kind == "switch":
            word = str(plain).lower().removesuffix(".0")
            return word in _ON if word in (*_ON, *_OFF) else given
        if self.kind not in ("number", "whole number"):
            return plain
        try:
            number = float(plain) if isinstance(plain, str) else plain
        except ValueError:
            return given
        if self.kind == "whole number" and isinstance(number, float) and number.is_integer():
            return int(number)
        return number


class LiveSettings:
    """All of them, found by their full name or, where it is unique, by the short one."""

    def __init__(self, settings: Mapping[str, LiveSetting], fixed: frozenset[str]) -> None:
        self._settings = dict(settings)
        self._fixed = fixed

    @classmethod
    def of(cls, file: type[BaseModel]) -> LiveSettings:
        """Collect the marked fields of a file's sections."""
        settings: dict[str, LiveSetting] = {}
        fixed: set[str] = set()
        for section, holder in file.model_fields.items():
            model = holder.annotation
            if not (isinstance(model, type) and issubclass(model, BaseModel)):
                continue  # a table with keys of the user's own
            for key, field in model.model_fields.items():
                marks = [m for m in field.metadata if isinstance(m, Live)]
                if marks:
                    settings[f"{section}.{key}"] = _setting(section, key, field, marks[0], model)
                else:
                    fixed.add(f"{section}.{key}")
        return cls(settings, frozenset(fixed))

    def __iter__(self) -> Iterator[LiveSetting]:
        """Go through them in the order of the file."""
        return iter(self._settings.values())

    def find(self, name: str) -> LiveSetting:
        """Return the setting of a name such as ``time.bpm``, ``time/bpm`` or ``bpm``.

        Raises:
            UserError: there is none, it cannot be changed while playing, or there are several.
        """
        wanted = name.strip().strip("/").replace("/", ".")
        found = self._settings.get(wanted)
        if found is not None:
            return found
        short = [s for s in self if s.key == wanted]
        if len(short) == 1:
            return short[0]
        if short:
            names = " and ".join(s.name for s in short)
            raise UserError(f'"{name}" may be {names}; say which')
        if wanted in self._fixed or any(each.endswith(f".{wanted}") for each in self._fixed):
            raise UserError(f'"{name}" cannot be changed while playing')
        raise UserError(
            f'there is no setting "{name}" to change while playing; there are: '
            + ", ".join(self._settings)
        )

    def held_as(self, field: str) -> LiveSetting | None:
        """Return the setting that a process holds under a name; None: it is none of these."""
        return next((s for s in self if s.field == field), None)


def _setting(
    section: str, key: str, field: FieldInfo, mark: Live, model: type[BaseModel]
) -> LiveSetting:
    type_, choices = field.annotation, ()
    if get_origin(type_) is Literal:
        kind: Kind = "choice"
        choices = get_args(type_)
    elif get_origin(type_) in (Union, UnionType):
        kind = "text"
    else:
        kinds: dict[Any, Kind] = {bool: "switch", int: "whole number", float: "number"}
        kind = kinds.get(type_, "text")
    bounds = {
        name: getattr(m, name) for m in field.metadata for name in ("ge", "le") if hasattr(m, name)
    }
    return LiveSetting(
        section=section,
        key=key,
        field=mark.held_as or key,
        kind=kind,
        low=bounds.get("ge"),
        high=bounds.get("le"),
        choices=choices,
        default=field.default,
        help=mark.help,
        unit=mark.unit,
        owner=mark.owner,
        spelling=mark.spelling,
        knob=mark.knob or (bounds.get("ge", 0), bounds.get("le", 0)),
        log=mark.log,
        _model=model,
    )


def _shown(given: object) -> str:
    text = repr(given)
    return text if len(text) <= 60 else text[:57] + "..."
