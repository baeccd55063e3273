"""A phrase for those who would rather listen first: the demo's, played into the session."""

from __future__ import annotations

import asyncio

from nicegui import background_tasks, ui

from live.demo import demo_messages
from live.page.hub import Hub


class Greeting:
    """A button that plays the first phrase of the demo, as if on the page's keyboard."""

    def __init__(self, hub: Hub, client: str) -> None:
        self._hub = hub
        self._holder = f"{client} phrase"
        self._playing = False
        ui.button("Play a phrase for me", on_click=self._press, color=None).props(
            "flat no-caps"
        ).classes("greeting")

    def _press(self) -> None:
        if not self._playing:
            self._playing = True
            background_tasks.create(self._play(), name="phrase")

    async def _play(self) -> None:
        bpm = float(self._hub.values["time.bpm"])
        messages = demo_messages(bpm)
        began = asyncio.get_running_loop().time()
        try:
            for at_s, data in messages[: len(messages) // 2]:
                await asyncio.sleep(max(0.0, began + at_s - asyncio.get_running_loop().time()))
                self._hub.play(self._holder, [data])
        finally:
            self._hub.let_go(self._holder)
            self._playing = False
