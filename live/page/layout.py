"""The page as it is built for each browser: what is shown, and what can be pressed."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any, Final, get_args

from nicegui import app, core, ui
from nicegui.client import Client
from nicegui.events import GenericEventArguments

from live.core.controls import Command
from live.core.view import View
from live.live_settings import LiveSetting
from live.messages import Health, PortList
from live.model_files import models_beside
from live.page.controls import SETTLE_S, ChoiceControl, Control, control_for
from live.page.greeting import Greeting
from live.page.held_keys import channel_message
from live.page.hub import Hub
from live.page.status import StatusStrip
from live.page.suggestions import key_locks, port_choices
from live.page.takes_panel import TakesPanel
from live.page.wording import section_name, section_order
from live.settings import LIVE, Settings

HERE: Final = Path(__file__).parent
MOST_MESSAGES: Final = 200
"""Channel messages that a page may send at once."""
_COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "your_turn": ("Your turn", "the model begins"),
    "my_turn": ("My turn", "the model stops"),
    "again": ("Again", "it takes its answer back and gives another"),
    "keep": ("Keep", "mark this moment in the recording"),
    "tap": ("Tap", "tap the beat: sets the tempo"),
    "panic": ("Panic", "end everything that might sound"),
}
KEYS_HELP: Final = (
    "Keys of the computer: A to ; play, Z and X change the octave, C and V the velocity; "
    "Space takes or gives the turn, Escape is panic."
)
_OPEN_SECTIONS: Final = ("turns", "time", "sampling", "steering")


UNMET_S: Final = 30.0
"""A page whose browser has not come back for its music by then is forgotten: each is 2 MB."""
FORGET_EVERY_S: Final = 5.0


class Stage(ui.element, component="stage.js", esm={"continuo-stage": "static"}):
    """The roll."""


class Beats(ui.element, component="beats.js", esm={"continuo-stage": "static"}):
    """The lamps of the beat."""


class Keys(ui.element, component="keys.js", esm={"continuo-stage": "static"}):
    """The keyboard to play on."""

    def __init__(self, *, sound_at_first: bool) -> None:
        super().__init__()
        self._props["soundAtFirst"] = sound_at_first


def serve_pages(hub: Hub) -> None:
    """Serve the page at "/" and the style sheet that it needs."""
    app.add_static_file(local_file=HERE / "stage.css", url_path="/stage.css", max_cache_age=0)
    app.timer(FORGET_EVERY_S, lambda: Client.prune_instances(client_age_threshold=UNMET_S))

    @ui.page("/", title="Continuo")
    def page(client: Client) -> None:
        built = StagePage(hub, client)
        hub.join(built)
        client.on_delete(lambda: hub.leave(client.id))
        client.on_disconnect(lambda: hub.let_go(client.id))


class StagePage:
    """One page in one browser."""

    def __init__(self, hub: Hub, client: Client) -> None:
        self.client = client.id
        self._nicegui = client
        self._hub = hub
        self._controls: dict[str, Control] = {}
        ui.add_head_html('<link rel="stylesheet" href="/stage.css">')
        ui.add_head_html('<meta name="theme-color" content="#07090c">')
        ui.colors(primary="#48d0ff", secondary="#ffb040", accent="#ffb040", negative="#ff5a5f")
        self._takes = TakesPanel(hub.setup.sessions, self._models, self._show_take)
        with ui.element("main").classes("stage"):
            self._build_top()
            with ui.element("div").classes("music"):
                with ui.element("div").classes("roll-frame"):
                    self._stage = Stage().classes("roll-holder")
                    self._stage.on("ask", self._send_whole)
                    self._line = ui.label("").classes("last-line").props('role="log"')
                self._build_commands()
                silent = hub.health is None or hub.health.output == NO_OUTPUT
                self._keys = Keys(sound_at_first=silent).classes("keys-holder")
                self._keys.on("play", self._play)
                self._keys.on("command", self._commanded)
            self._build_controls()
        self._show_all()
        ui.timer(SETTLE_S / 2, self._settle)

    # -- news, see hub.OpenPage ---------------------------------------------------------------

    def show_setting(self, name: str, value: Any) -> None:
        """A setting has this value."""
        control = self._controls.get(name)
        if control is not None:
            control.show(value)

    def show_view(self, view: View) -> None:
        """The core is like this."""
        self._status.show_view(view)

    def show_health(self, health: Health) -> None:
        """midi_io is like this."""
        self._status.show_health(health)

    def show_ports(self, ports: PortList) -> None:
        """These ports are there."""
        for name, found in (("midi.input", ports.inputs), ("midi.output", ports.outputs)):
            control = self._controls.get(name)
            if isinstance(control, ChoiceControl):
                control.offer(port_choices(found))

    def show_line(self, line: str) -> None:
        """The user is told something."""
        self._line.set_text(line)
        self._status.show_line(line)

    def show_restarts(self, restarts: int) -> None:
        """So many processes were started anew."""
        self._status.show_restarts(restarts)

    def refuse(self, reason: str) -> None:
        """What this page wanted cannot be."""
        for control in self._controls.values():
            control.take_back()
        with self._nicegui:
            ui.notify(reason, type="warning", position="top", timeout=6000)

    # -- parts ---------------------------------------------------------------

    def _build_top(self) -> None:
        with ui.element("header").classes("top"):
            self._status = StatusStrip(Beats)
            with ui.element("nav").classes("top-buttons").props('aria-label="Session"'):
                _button("Sessions", self._takes.open, "recorded takes")
                _button("Messages", self._status.open_messages, "what was told")

    def _build_commands(self) -> None:
        commands: tuple[str, ...] = get_args(Command)
        known = [name for name in _COMMANDS if name in commands and name != "panic"]
        others = [name for name in commands if name not in _COMMANDS]
        with ui.element("div").classes("commands").props('role="group" aria-label="Commands"'):
            for name in [*known, *others]:
                title, help_ = _COMMANDS.get(name, (name.replace("_", " ").capitalize(), ""))
                button = _button(title, None, help_)
                button.classes(f"command command-{name.replace('_', '-')}")
                if name == "tap":  # as the finger comes down
                    button.on("pointerdown", self._command(name), [])
                    button.on("keydown.enter", self._command(name), [])
                    button.on("keydown.space", self._command(name), [])
                else:
                    button.on_click(self._command(name))
            _button(
                "New take", lambda: self._hub.want_take(self.client), "a new recording"
            ).classes("command command-take")
            title, help_ = _COMMANDS["panic"]
            _button(title, self._command("panic"), help_).classes("command command-panic")

    def _build_controls(self) -> None:
        with ui.element("aside").classes("controls").props('aria-label="Settings"'):
            settings = sorted(LIVE, key=lambda s: section_order(s.section))
            for section, group in groupby(settings, key=lambda s: s.section):
                self._build_section(section, list(group))
            ui.label(KEYS_HELP).classes("hint")
            Greeting(self._hub, self.client)

    def _build_section(self, section: str, settings: list[LiveSetting]) -> None:
        model = Settings.model_fields[section].annotation
        described = (model.__doc__ or "").strip().partition("\n")[0] if model else ""
        group = ui.element("details").classes("group")
        if section in _OPEN_SECTIONS:
            group.props("open")
        with group:
            with ui.element("summary"):
                ui.label(section_name(section)).classes("group-title")
                ui.label(described).classes("group-help")
            for setting in settings:
                with ui.element("div").classes("control").props(f"data-setting={setting.name}"):
                    self._controls[setting.name] = control_for(
                        setting,
                        self._hub.values[setting.name],
                        self._want,
                        self._suggestions(setting),
                    )

    # -- what is pressed ---------------------------------------------------------------

    def _want(self, name: str, value: Any) -> None:
        self._hub.want_setting(self.client, name, value)

    def _command(self, name: str) -> Callable[[], None]:
        return lambda: self._hub.want_command(self.client, name)

    def _commanded(self, event: GenericEventArguments) -> None:
        self._hub.want_command(self.client, str(event.args)[:MOST_MESSAGES])

    def _play(self, event: GenericEventArguments) -> None:
        if not isinstance(event.args, list):
            return
        given = [channel_message(data) for data in event.args[:MOST_MESSAGES]]
        self._hub.play(self.client, [message for message in given if message is not None])

    async def _send_whole(self) -> None:
        await core.sio.emit("stage", self._hub.whole_picture(), room=self.client)

    def _show_take(self, take: dict[str, Any]) -> None:
        self._stage.run_method("show", take)

    # -- upkeep ---------------------------------------------------------------

    def _show_all(self) -> None:
        hub = self._hub
        if hub.view is not None:
            self.show_view(hub.view)
        if hub.health is not None:
            self.show_health(hub.health)
        if hub.ports is not None:
            self.show_ports(hub.ports)
        self.show_restarts(hub.restarts)
        for line in hub.lines:
            self.show_line(line)

    def _settle(self) -> None:
        for control in self._controls.values():
            control.settle()

    def _suggestions(self, setting: LiveSetting) -> dict[Any, str] | None:
        if setting.name == "bounds.key":
            return {"": "all notes", **{name: name for name in key_locks()}}
        if setting.name in ("midi.input", "midi.output"):
            return port_choices(())
        if setting.spelling == "model":
            return {str(path): path.stem for path in self._models()}
        return None

    def _models(self) -> list[Path]:
        return models_beside(Path(self._hub.values["sampling.model"]))


NO_OUTPUT: Final = "no output"
"""What midi_io calls a machine without MIDI output."""


def _button(title: str, press: Callable[[], Any] | None, help_: str) -> ui.button:
    button = ui.button(title, on_click=press, color=None).props("unelevated no-caps")
    if help_:
        button.tooltip(help_)
    return button
