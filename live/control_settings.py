"""``[controls]`` and ``[models]`` of the file: which control of the instrument is for what.

A control is spelled ``kind number``, with a channel if only one counts: ``cc 20``,
``note 36 channel 10``, ``program 5``. What it is for may follow after a colon:

    cc 20                  a knob along all values of a setting, or a switch
    cc 20: 60 to 180       a knob along these
    note 36: duet          pressed, it lets the setting have this value
    note 36: none          of a text: it is empty from then on
    note 36                pressed, it goes to the next value of a choice or a switch
    cc 64: next            likewise
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from live.core.binding import Binding
from live.core.controls import Command, Control, Does
from live.core.knob import POSITIONS, Scale
from live.errors import UserError
from live.live_settings import LiveSetting, LiveSettings

COMMANDS: Final[tuple[Command, ...]] = get_args(Command)
NEXT: Final = "next"
NONE: Final = "none"
_RANGE: Final = re.compile(r"(\S+) to (\S+)")


def _spelled(given: object) -> object:
    texts = given if isinstance(given, list) else [given]
    for text in texts:
        if not isinstance(text, str):
            raise ValueError(
                'should be a control such as "cc 67", or several: ["cc 67", "note 36"]'
            )
        if text:
            Binding.parse(text.partition(":")[0])
    return given


Spelling = Annotated[str | list[str], BeforeValidator(_spelled)]


class Controls(BaseModel):
    """Controls by command or by name of a live setting; an empty string is none."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    __pydantic_extra__: dict[str, Spelling] = Field(init=False)

    takeover: Literal["soft", "jump"] = "soft"
    your_turn: Spelling = ""
    my_turn: Spelling = ""
    again: Spelling = ""
    keep: Spelling = ""
    panic: Spelling = ""
    tap: Spelling = ""

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, given: Any) -> Any:
        """``time.bpm = "cc 20"`` is a table in a table to TOML."""
        return dict(_flattened(given)) if isinstance(given, dict) else given

    def by_name(self) -> Iterator[tuple[str, str]]:
        """Yield what each control is for, and its spelling."""
        for name, given in (*((c, getattr(self, c)) for c in COMMANDS), *self._others()):
            for text in given if isinstance(given, list) else [given]:
                if text:
                    yield name, text

    def _others(self) -> list[tuple[str, str | list[str]]]:
        return list((self.__pydantic_extra__ or {}).items())


def _flattened(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flattened(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


def _program(key: str) -> str:
    if not (key.isascii() and key.isdecimal() and int(key) < POSITIONS):
        raise ValueError("should be the number of a program change, 0 to 127, and the model's file")
    return str(int(key))


Program = Annotated[str, AfterValidator(_program)]
ModelName = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[^\x00]*$")]
Models = dict[Program, ModelName]
"""Model files by the number of the program change that loads them, counted from 0."""


def read_controls(
    section: Controls, models: Models, live: LiveSettings, locate: Callable[[str], Path]
) -> tuple[Control, ...]:
    """Return the controls of a file's two sections, in the order in which they are looked up.

    Args:
        section: ``[controls]``.
        models: ``[models]``; if it names any, no program change is music.
        live: the settings that there are.
        locate: where a model file is that the file names.

    Raises:
        UserError: a setting is unknown, a value is wrong, or a control is bound twice.
    """
    named: list[tuple[str, Control]] = []
    soft = section.takeover == "soft"
    for name, text in section.by_name():
        try:
            control = read_control(name, text, live, locate, soft=soft)
        except UserError as error:
            raise UserError(f'controls.{name} = "{text}": {error}') from error
        named.append((f"controls.{name}", control))
    for number, file in models.items():
        control = Control(
            Binding("program", int(number)), "put", "model", scale=Scale((str(locate(file)),))
        )
        named.append((f"models.{number}", control))
    for (one, first), (other, second) in combinations(named, 2):
        if first.binding.overlaps(second.binding):
            both = one if one == other else f"{one} and {other}"
            raise UserError(
                f"{both} are bound to the same control ({second.binding}); "
                "bind one of them to another"
            )
    controls = [control for _, control in named]
    if models:
        known = ", ".join(sorted(models, key=int))
        refusal = f"program {{number}} has no model; [models] of config.toml has: {known}"
        controls.append(Control(Binding("program", None), "refuse", "model", refusal=refusal))
    return tuple(controls)


def read_control(
    name: str, text: str, live: LiveSettings, locate: Callable[[str], Path], *, soft: bool = True
) -> Control:
    """Return one control of its spelling; arguments as for ``read_controls``.

    Raises:
        UserError: there is no such command or setting, or the control cannot be for it.
    """
    spelled, _, rest = text.partition(":")
    use = " ".join(rest.split())
    try:
        binding = Binding.parse(spelled)
    except ValueError as error:
        raise UserError(f"it {error}") from error
    if name in COMMANDS:
        if use:
            raise UserError("a command takes no value")
        return Control(binding, "command", name)
    try:
        setting = live.find(name)
    except UserError as error:
        raise UserError(f"{error}; and the commands {', '.join(COMMANDS)}") from error
    does, scale = _use(setting, binding, use)
    if setting.spelling == "model":
        scale = Scale(tuple(str(locate(value)) for value in scale.values))
    return Control(binding, does, setting.field, setting.owner, scale, soft)


def _use(setting: LiveSetting, binding: Binding, use: str) -> tuple[Does, Scale]:
    """Return what a control does with a setting, and along which values."""
    steps = _all_values(setting)
    if use == NEXT or (not use and binding.kind != "cc" and setting.kind in ("choice", "switch")):
        if setting.kind not in ("choice", "switch"):
            raise UserError(f"{setting.name} has no {NEXT} value")
        return "next", Scale(steps)
    found = _RANGE.fullmatch(use)
    if found is not None and setting.kind in ("number", "whole number"):
        if binding.kind != "cc":
            raise UserError("only a knob (cc) has a range")
        low, high = (setting.read(found[i]) for i in (1, 2))
        if low == high:
            raise UserError("a range has two ends")
        if setting.kind == "whole number":
            return "turn", Scale(_whole(setting, low, high))
        return "turn", Scale(low=low, high=high, log=setting.log and min(low, high) > 0)
    if use:
        given = "" if use == NONE and setting.kind == "text" else use
        return "put", Scale((setting.to_core(setting.read(given)),))
    if binding.kind != "cc" or setting.kind == "text":
        raise UserError(f'say which value of {setting.name}: "{binding}: VALUE"')
    if steps:
        return "turn", Scale(steps)
    low, high = setting.knob
    return "turn", Scale(low=low, high=high, log=setting.log)


def _all_values(setting: LiveSetting) -> tuple[Any, ...]:
    """Return the values of a setting that has some; none of numbers and of text."""
    if setting.kind == "switch":
        return tuple(setting.to_core(value) for value in (False, True))
    if setting.kind == "choice":
        return tuple(setting.to_core(value) for value in setting.choices)
    if setting.kind == "whole number":
        low, high = setting.knob
        return _whole(setting, int(low), int(high))
    return ()


def _whole(setting: LiveSetting, low: int, high: int) -> tuple[Any, ...]:
    """Return whole numbers from one to another, as many as a knob has positions at most."""
    count = min(abs(high - low) + 1, POSITIONS)
    numbers = (
        [round(low + (high - low) * i / (count - 1)) for i in range(count)] if count > 1 else [low]
    )
    return tuple(setting.to_core(number) for number in numbers)
