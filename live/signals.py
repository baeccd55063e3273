"""Ctrl-C and its like, while they must not come in between."""

from __future__ import annotations

import signal
import threading
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, Final

_NAMES: Final = ("SIGINT", "SIGTERM", "SIGHUP")


class signals_ignored:  # noqa: N801 - used like a function
    """Within this context Ctrl-C and SIGTERM do nothing, in child processes for good.

    Only the main thread can see to that; on others nothing is done.
    """

    def __enter__(self) -> None:
        self._before = _handle(signal.SIG_IGN)

    def __exit__(self, *_: object) -> None:
        _restore(self._before)


class signals_noted:  # noqa: N801 - used like a function
    """Within this context Ctrl-C and SIGTERM come in between nothing: there is a message of them.

    An exception that a signal raises anywhere may be lost on its way, where nobody passes it on.
    """

    def __enter__(self) -> Connection:
        """Return where a message can be read once a signal has come."""
        self._receiver, sender = Pipe(duplex=False)
        self._sender = sender

        def note(*_: object) -> None:
            sender.send_bytes(b"signal")

        self._before = _handle(note)
        return self._receiver

    def __exit__(self, *_: object) -> None:
        _restore(self._before)
        self._receiver.close()
        self._sender.close()


def _handle(handler: Any) -> dict[int, Any]:
    """Have a handler for the signals; return those before. None, but on the main thread."""
    here = threading.current_thread() is threading.main_thread()
    names = _NAMES if here else ()
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    return {number: signal.signal(number, handler) for number in numbers}


def _restore(before: dict[int, Any]) -> None:
    for number, handler in before.items():
        signal.signal(number, handler)
