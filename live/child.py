"""A process that the parent has started, and the parent's end of the pipe to it."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Final

from live.errors import NoMidiError, UserError
from live.heartbeat import Heartbeat
from live.messages import Failed, Ready, Stop
from live.outbox import Outbox
from live.signals import signals_ignored

READY_TIMEOUT_S: Final = 30.0


class Child:
    """A process that is talked to and listened to from its start to its end."""

    def __init__(self, name: str, body: Callable[..., None], *arguments: object) -> None:
        """Start it, see ``start_process``."""
        self.name = name
        self.process, self.pipe = start_process(name, body, *arguments)
        self.outbox = Outbox(self.pipe)
        """What is sent through the pipe goes here, as threads of the session's users may send."""
        self.heartbeat = Heartbeat(self.process.pid or 0, time.perf_counter(), READY_TIMEOUT_S)

    def wait_until_ready(self, until_s: float, take: Callable[[object], None]) -> Ready:
        """Wait for its word that it can start.

        Args:
            until_s: so long at most; a moment of ``time.perf_counter``.
            take: is called with what it says before.

        Raises:
            UserError: it cannot start, or does not within that time.
        """
        with suppress(EOFError, OSError):
            while self.pipe.poll(max(0.0, until_s - time.perf_counter())):
                message = self.pipe.recv()
                if isinstance(message, Ready):
                    return message
                if isinstance(message, Failed):
                    if message.missing is not None:
                        raise NoMidiError(message.reason, message.missing)
                    raise UserError(message.reason)
                take(message)
        raise UserError(f"the process {self.name} did not start; try again")

    def stop(self, longest_s: float) -> list[object]:
        """Ask it to leave, wait for that, and return what it has said meanwhile."""
        self.outbox.put(Stop())
        self.process.join(longest_s)
        said: list[object] = []
        with suppress(EOFError, OSError):
            while self.pipe.poll():
                said.append(self.pipe.recv())
        return said

    def end(self) -> None:
        """End it at once if it has not left, and close the pipe."""
        self.outbox.close()
        self.process.kill()
        self.process.join()
        self.outbox.join()
        self.pipe.close()


def start_process(
    name: str, body: Callable[..., None], *arguments: object, daemon: bool = False
) -> tuple[BaseProcess, Connection]:
    """Start a process; return it and our end of a pipe whose other end is the body's last argument.

    Started on the main thread it ignores signals: the parent alone decides how a session ends. A
    daemon is not waited for when the parent leaves.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=body, args=(*arguments, theirs), name=name, daemon=daemon)
    with signals_ignored():  # inherited
        process.start()
    theirs.close()  # the death of the process has to show as the end of its pipe
    return process, ours
