"""The strip at the top: whose turn it is, and how things are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from nicegui import ui

from live.core.view import View
from live.messages import Health
from live.page.dialogs import named_dialog
from live.page.wording import time_name

HINTS: Final = {
    "model": "play to take over",
    "call": "play a phrase, then pause: it answers",
    "continue": "play, then pause: it goes on",
    "duet": "play: it joins in",
    "solo": "press Again for another piece",
    "listen": "it listens and records",
}
"""By mode, while the player has the word; "model" while it plays."""
NO_PORTS: Final = ("none", "no input", "no output")
TURNS: Final = {"player": "Your turn", "model": "Model plays"}
MOST_LINES: Final = 50
UNKNOWN: Final = "…"


class Cell:
    """A value with its name; it is sent only when it changes."""

    def __init__(self, title: str, kind: str = "") -> None:
        with ui.element("div").classes(f"cell {kind}") as self._element:
            self._title = ui.label(title).classes("cell-title")
            self._value = ui.label(UNKNOWN).classes("cell-value")
        self._state = ""

    def rename(self, title: str) -> None:
        """Give it another name."""
        if title != self._title.text:
            self._title.set_text(title)

    def show(self, text: str, state: str = "") -> None:
        """Show a text; the state is "", "good", "bad" or "warn"."""
        if text != self._value.text:
            self._value.set_text(text)
        if state != self._state:
            self._element.classes(remove=self._state, add=state)
            self._state = state


def _port_state(name: str, connected: bool) -> str:
    if name in NO_PORTS:
        return ""
    return "good" if connected else "bad"


class StatusStrip:
    """Everything that is read off and not pressed."""

    def __init__(self, make_beats: Callable[[], object]) -> None:
        with ui.element("div").classes("turn turn-player") as self._turn_box:
            self._turn = ui.label(TURNS["player"]).classes("turn-name").props('role="status"')
            self._hint = ui.label("").classes("turn-line")
        with ui.element("div").classes("tempo"):
            with ui.element("div").classes("tempo-row"):
                self._bpm = ui.label(UNKNOWN).classes("tempo-value")
                ui.label("BPM").classes("tempo-unit")
            make_beats()
        with ui.element("div").classes("cells"):
            self._mode = Cell("mode")
            self._clock = Cell("clock")
            self._key = Cell("key")
            self._model = Cell("model")
            self._recorded = Cell("recording", "recording")
            self._input = Cell("in")
            self._output = Cell("out")
            self._late = Cell("late notes")
            self._restarts = Cell("restarts")
            self._priority = Cell("priority")
        self._turn_is = "player"
        self._lines: list[str] = []
        self._counted: tuple[tuple[str, int], ...] = ()
        with named_dialog("Messages") as self._dialog, ui.card().classes("panel"):
            with ui.element("div").classes("panel-head"):
                ui.label("Messages").classes("panel-title").props('role="heading" aria-level="2"')
                ui.button("Close", on_click=self._dialog.close, color=None).props("flat no-caps")
            self._counts = ui.label("").classes("counts")
            self._log = ui.element("ol").classes("messages")

    def show_view(self, view: View) -> None:
        """The core is like this."""
        if view.turn != self._turn_is:
            self._turn_box.classes(remove=f"turn-{self._turn_is}", add=f"turn-{view.turn}")
            self._turn.set_text(TURNS[view.turn])
            self._turn_is = view.turn
        bpm = f"{view.bpm:.1f}".removesuffix(".0")
        if bpm != self._bpm.text:
            self._bpm.set_text(bpm)
        self._mode.show(view.mode)
        self._clock.show(view.clock if view.running else f"{view.clock}, stopped")
        self._key.show(view.key or UNKNOWN)
        slow = view.model_ms is not None and view.model_ms > 20
        self._model.show(Path(view.settings.model).stem, "warn" if slow else "")
        if view.model_ms is not None:
            self._model.rename(f"model · {view.model_ms:.1f} ms")
        hint = HINTS["model" if view.turn == "model" else view.mode]
        if hint != self._hint.text:
            self._hint.set_text(hint)
        self._counted = view.counters

    def show_health(self, health: Health) -> None:
        """midi_io is like this."""
        self._input.show(health.input, _port_state(health.input, health.input_connected))
        self._output.show(health.output, _port_state(health.output, health.output_connected))
        self._priority.show("real-time" if health.realtime else "normal")
        lost = health.lost_lines
        self._recorded.show(
            f"{time_name(health.recorded_s)}" + (f", {lost} lines lost" if lost else ""),
            "bad" if lost else "",
        )
        self._late.show(str(health.late_notes), "warn" if health.late_notes else "")

    def show_restarts(self, restarts: int) -> None:
        """So many processes were started anew."""
        self._restarts.show(str(restarts), "warn" if restarts else "")

    def show_line(self, line: str) -> None:
        """The user is told something."""
        self._lines = [*self._lines, line][-MOST_LINES:]

    def open_messages(self) -> None:
        """Show the latest lines, and what was counted."""
        self._counts.set_text("  ·  ".join(f"{name} {count}" for name, count in self._counted))
        self._log.clear()
        with self._log:
            for line in reversed(self._lines):
                with ui.element("li"):
                    ui.label(line)
        self._dialog.open()
