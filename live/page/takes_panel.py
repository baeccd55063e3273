"""The list of recorded takes: play back, download, throw away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from nicegui import run, ui

from live.page.dialogs import named_dialog
from live.page.other_model import NoReplayError, replayed_with
from live.page.take_files import sheet_music_is_possible
from live.page.takes import NoSuchTakeError, Take, delete_take, roll_of, takes
from live.page.wording import time_name


class TakesPanel:
    """A dialog of one page."""

    def __init__(
        self,
        folder: Path,
        models: Callable[[], list[Path]],
        show: Callable[[dict[str, Any]], None],
    ) -> None:
        """Build it, closed.

        Args:
            folder: of the recordings.
            models: returns those that a take can be replayed with.
            show: puts a take on the roll.
        """
        self._folder = folder
        self._models = models
        self._show = show
        with named_dialog("Sessions") as self._dialog, ui.card().classes("panel"):
            with ui.element("div").classes("panel-head"):
                ui.label("Sessions").classes("panel-title").props('role="heading" aria-level="2"')
                ui.button("Close", on_click=self._dialog.close, color=None).props("flat no-caps")
            self._list = ui.element("ul").classes("takes")

    async def open(self) -> None:
        """Read the folder anew and show what is in it."""
        self._dialog.open()
        await self._fill()

    async def _fill(self) -> None:
        found = await run.io_bound(takes, self._folder)
        self._list.clear()
        with self._list:
            if not found:
                with ui.element("li"):
                    ui.label("Nothing is recorded yet.")
            for take in found or []:
                self._build(take)

    def _build(self, take: Take) -> None:
        with ui.element("li").classes("take-row"):
            with ui.element("div").classes("take-what"):
                ui.label(_when(take)).classes("take-when")
                played = f"{take.player_notes} notes of yours, {take.model_notes} of the model's"
                ui.label(f"{time_name(take.length_s)} · {played} · {take.model}").classes(
                    "take-facts"
                )
            with ui.element("div").classes("take-buttons"):
                self._button("Play", take, self._play)
                ui.link("MIDI", f"/takes/{take.name}.mid").classes("take-file").props("download")
                if sheet_music_is_possible():
                    ui.link("MusicXML", f"/takes/{take.name}.musicxml").classes("take-file").props(
                        "download"
                    )
                with self._button("Replay with", take, lambda _: None), ui.menu():
                    for model in self._models():
                        ui.menu_item(model.stem, on_click=partial(self._replay, take, model))
                if take.is_recording:
                    ui.label("recording").classes("take-recording")
                else:
                    self._button("Delete", take, self._ask_to_delete).classes("take-delete")

    def _button(self, title: str, take: Take, press: Callable[[Take], Any]) -> ui.button:
        return ui.button(title, on_click=lambda: press(take), color=None).props(
            f'flat no-caps dense aria-label="{title} the session of {_when(take)}"'
        )

    async def _play(self, take: Take) -> None:
        try:
            roll = await run.io_bound(roll_of, self._folder, take.name)
        except (NoSuchTakeError, OSError):
            ui.notify("This session is gone.", type="warning", position="top")
            return
        if roll is not None:
            self._dialog.close()
            self._show(roll)

    async def _replay(self, take: Take, model: Path) -> None:
        waiting = ui.notification(
            f"{model.stem} listens and answers…", spinner=True, timeout=None, position="top"
        )
        try:
            roll = await replayed_with(self._folder, take.name, model)
        except (NoSuchTakeError, NoReplayError, OSError) as error:
            ui.notify(f"It cannot be replayed: {error}", type="warning", position="top")
            return
        finally:
            waiting.dismiss()
        self._dialog.close()
        self._show(roll)

    def _ask_to_delete(self, take: Take) -> None:
        with (
            named_dialog("Delete a session", is_open=True) as question,
            ui.card().classes("panel panel-small"),
        ):
            ui.label(f"Delete the session of {_when(take)} for good?").classes("panel-question")
            with ui.element("div").classes("panel-answers"):
                ui.button("Keep it", on_click=question.close, color=None).props("flat no-caps")

                async def delete() -> None:
                    question.close()
                    await self._delete(take)

                ui.button("Delete", on_click=delete, color=None).props(
                    "unelevated no-caps"
                ).classes("danger")

    async def _delete(self, take: Take) -> None:
        try:
            await run.io_bound(delete_take, self._folder, take.name)
        except (NoSuchTakeError, OSError) as error:
            ui.notify(f"It cannot be deleted: {error}", type="warning", position="top")
        await self._fill()


def _when(take: Take) -> str:
    try:
        return datetime.fromisoformat(take.started).strftime("%-d %B %Y, %H:%M:%S")
    except ValueError:
        return take.name
