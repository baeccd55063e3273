"""Ctrl-C and its like, while they must not come in between."""

from __future__ import annotations

import signal
import threading
from typing import Final


class signals_ignored:  # noqa: N801 - used like a function
    """Within this context Ctrl-C and SIGTERM do nothing, in child processes for good.

    Only the main thread can see to that; on others nothing is done.
    """

    _NAMES: Final = ("SIGINT", "SIGTERM", "SIGHUP")

    def __enter__(self) -> None:
        here = threading.current_thread() is threading.main_thread()
        names = self._NAMES if here else ()
        numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
        self._before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
