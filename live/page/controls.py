"""Controls made from the list of live settings: a setting that is added there is on the page."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Final

from nicegui import ui
from nicegui.events import GenericEventArguments

from live.events import DRUMS
from live.live_settings import LiveSetting
from live.page.scales import Scale
from live.page.wording import PROGRAMS, ends_of, meant_value, setting_name, unit_name, value_name

SETTLE_S: Final = 0.8
"""What is told about a control that was just moved waits so long: it is of the way there."""
MOST_BUTTONS: Final = 5
"""Of a choice; where there are more, they are a list."""

SEARCHED: Final = 12
"""A list that is longer than this can be searched by writing."""

Want = Callable[[str, Any], None]


class Control(ABC):
    """One setting on one page."""

    def __init__(self, setting: LiveSetting, value: Any, want: Want) -> None:
        self.setting = setting
        self.name = setting.name
        self.title = setting_name(setting)
        self._want = want
        self._known = value
        self._shown = value
        self._moved_s = -math.inf
        self._asked_for: str | None = None
        """What was written and is neither known to hold nor to be wrong."""

    def show(self, value: Any) -> None:
        """The setting has this value."""
        self._known = value
        self.settle()

    def settle(self) -> None:
        """Show what is known, if it is not shown and nobody is moving the control."""
        differs = self._asked_for is not None or self._shown != self._known
        if differs and time.monotonic() > self._moved_s + SETTLE_S:
            self._shown = self._known
            self._asked_for = None
            self._display(self._known)

    def take_back(self) -> None:
        """What was wanted cannot be: show what is."""
        self._moved_s = -math.inf
        self.settle()

    def _moved(self, value: Any) -> None:
        """The control was moved on this page."""
        if value is None or value == self._shown:
            return
        self._shown = value
        self._moved_s = time.monotonic()
        self._want(self.name, value)

    @abstractmethod
    def _display(self, value: Any) -> None:
        """Let the widgets show a value."""

    def _head(self) -> ui.element:
        """Make the line with the title; return where the value goes."""
        with ui.element("div").classes("control-head"):
            ui.label(self.title).classes("control-title").tooltip(self.setting.help)
            return ui.element("div").classes("control-value")

    def _written(self, text: str) -> None:
        """A value was written on this page; whether it can be, the performer says."""
        if text != self._asked_for:
            self._asked_for = text
            self._moved_s = time.monotonic()
            self._want(self.name, text)

    def _named(self, element: ui.element) -> None:
        """Name a widget for those who do not see it."""
        element.props["aria-label"] = f"{self.title}: {self.setting.help}"


class NumberControl(Control):
    """A slider, and a field for exact values."""

    def __init__(self, setting: LiveSetting, value: Any, want: Want) -> None:
        super().__init__(setting, value, want)
        whole = setting.kind == "whole number"
        low, high = setting.knob  # the field takes what lies beyond
        self._scale = Scale(low, high, whole, setting.log)
        with self._head():
            self._field = ui.input(value=value_name(setting, value)).props(
                f"borderless dense inputmode={'numeric' if whole else 'decimal'}"
            )
            self._field.props["aria-label"] = f"{self.title}, exact value"
            unit = unit_name(setting)
            if unit:
                ui.label(unit).classes("control-unit")
        # The browser's own: it can be focused and read out, which Quasar's slider cannot.
        self._slider = ui.element("input").props(f"type=range min=0 max={self._scale.steps}")
        self._slider.on(
            "input", self._slid, js_handler="(e) => emit(Number(e.target.value))", throttle=0.05
        )
        self._named(self._slider)
        self._slide_to(value)
        ends = ends_of(setting)
        if ends is not None:
            with ui.element("div").classes("control-ends"):
                ui.label(ends[0])
                ui.label(ends[1])
        self._field.on("keydown.enter", self._typed)
        self._field.on("blur", self._typed)

    def _slid(self, event: GenericEventArguments) -> None:
        place = event.args
        if not isinstance(place, int | float) or place == self._scale.place(self._shown):
            return
        value = self._scale.value(place)
        given = int(value) if self.setting.kind == "whole number" else value
        self._moved(given)
        self._field.set_value(value_name(self.setting, given))
        self._slide_to(given)

    def _slide_to(self, value: float) -> None:
        self._slider.props["value"] = self._scale.place(value)
        said = f"{value_name(self.setting, value)} {unit_name(self.setting)}".strip()
        self._slider.props["aria-valuetext"] = said
        self._slider.update()

    def _typed(self) -> None:
        text = str(self._field.value).strip()
        if text and text != value_name(self.setting, self._shown):
            self._written(meant_value(self.setting, text))

    def _display(self, value: Any) -> None:
        self._field.set_value(value_name(self.setting, value))
        self._slide_to(value)


class ChoiceControl(Control):
    """Buttons of which one is pressed, or a list where there are many."""

    def __init__(
        self,
        setting: LiveSetting,
        value: Any,
        want: Want,
        options: dict[Any, str],
        *,
        as_list: bool = False,
    ) -> None:
        super().__init__(setting, value, want)
        self._element: ui.toggle | ui.select
        with self._head():
            pass
        if len(options) <= MOST_BUTTONS and not as_list:
            self._element = ui.toggle(options, value=value, on_change=self._chosen)
            self._element.props(
                "unelevated no-caps spread toggle-color=grey-3 toggle-text-color=black role=group"
            )
            self._named(self._element)
            return
        options = options if value in options else {value: str(value), **options}
        self._element = ui.select(
            options,
            value=value,
            on_change=self._chosen,
            with_input=len(options) > SEARCHED,
        ).props("outlined dense options-dense")
        self._named(self._element)

    def _chosen(self) -> None:
        self._moved(self._element.value)

    def _display(self, value: Any) -> None:
        if isinstance(self._element, ui.select) and value not in self._element.options:
            assert isinstance(self._element.options, dict)
            self._element.set_options({value: str(value), **self._element.options}, value=value)
        self._element.set_value(value)

    def offer(self, options: dict[Any, str]) -> None:
        """Let there be these to choose from; what is chosen stays."""
        chosen = {} if self._shown in options else {self._shown: str(self._shown)}
        if isinstance(self._element, ui.select) and self._element.options != chosen | options:
            self._element.set_options(chosen | options, value=self._shown)


class SwitchControl(Control):
    """On or off."""

    def __init__(self, setting: LiveSetting, value: Any, want: Want) -> None:
        super().__init__(setting, value, want)
        with self._head():
            self._element = ui.switch(value=value, on_change=self._switched)
            self._named(self._element)

    def _switched(self) -> None:
        self._moved(self._element.value)

    def _display(self, value: Any) -> None:
        self._element.set_value(value)


class TextControl(Control):
    """Words, sent when they are all written."""

    def __init__(self, setting: LiveSetting, value: Any, want: Want) -> None:
        super().__init__(setting, value, want)
        with self._head():
            pass
        self._element = ui.input(value=value).props("outlined dense")
        self._element.props["placeholder"] = setting.help.partition(";")[0]
        self._named(self._element)
        self._element.on("keydown.enter", self._entered)
        self._element.on("blur", self._entered)

    def _entered(self) -> None:
        text = str(self._element.value)
        if text != self._shown:
            self._written(text)

    def _display(self, value: Any) -> None:
        self._element.set_value(value)


def control_for(
    setting: LiveSetting, value: Any, want: Want, suggestions: dict[Any, str] | None
) -> Control:
    """Make the control of a setting where the page is being built.

    Args:
        setting: what is controlled.
        value: which it has now.
        want: is called with the setting's name and what it should be.
        suggestions: values and their names, for a setting that is any text; None: there are none.
    """
    if setting.kind == "choice":
        options: dict[Any, str] = {c: c.replace("_", " ") for c in setting.choices}
        return ChoiceControl(setting, value, want, options)
    if setting.kind == "switch":
        return SwitchControl(setting, value, want)
    if setting.kind == "whole number" and "program" in setting.unit.lower():
        return ChoiceControl(setting, value, want, _programs(setting))
    if setting.low is not None and setting.high is not None:
        return NumberControl(setting, value, want)
    if suggestions is not None:
        return ChoiceControl(setting, value, want, suggestions, as_list=True)
    return TextControl(setting, value, want)


def _programs(setting: LiveSetting) -> dict[Any, str]:
    assert setting.low is not None
    assert setting.high is not None
    special = {-1: "the same", DRUMS: "Drums"}
    numbers = range(int(setting.low), int(setting.high) + 1)
    return {n: special.get(n) or f"{n} {PROGRAMS[n]}" for n in numbers}
