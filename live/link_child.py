"""The parent's hold on Link's process: there is one while Link leads the beat, and only then."""

from __future__ import annotations

from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Final

from live import processes
from live.child import start_process
from live.core.settings import PerformerSettings
from live.messages import ConnectLink
from live.outbox import Outbox

END_TIMEOUT_S: Final = 2.0


class LinkChild:
    """Starts and ends the process. If it ends by itself, the tempo goes on without Link."""

    def __init__(self) -> None:
        self._running: tuple[BaseProcess, Connection] | None = None

    def follow(self, settings: PerformerSettings, midi_io: Outbox) -> None:
        """Let there be a process or none, as the settings say; midi_io is told of a new one."""
        wanted = settings.clock == "link"
        alive = self._running is not None and self._running[0].is_alive()
        if wanted == alive:
            return
        self.end()
        if wanted:
            midi_end, link_end = Pipe()
            self._running = start_process(
                "link", processes.link, settings.bpm, settings.beats_per_bar, link_end
            )
            with suppress(OSError):  # if it is gone, its own end is taken care of
                midi_io.send_now(ConnectLink(midi_end))
            for end in (midi_end, link_end):
                end.close()

    def end(self) -> None:
        """End the process, if there is one."""
        if self._running is None:
            return
        process, pipe = self._running
        self._running = None
        pipe.close()
        process.join(END_TIMEOUT_S)
        process.kill()
        process.join()
