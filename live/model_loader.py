"""Another model while one plays: loaded, and told what was played, on a thread of its own."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from multiprocessing import Pipe
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from live.core.memory import Memory
from live.errors import UserError
from live.events import START, Tokens, special_event
from live.model import Model
from live.timed_network import TimedNetwork


@dataclass(frozen=True)
class Loaded:
    """A model is there and has been run once in each of its shapes."""

    path: str
    model: Model
    network: TimedNetwork
    """The same, measured."""
    memory: Memory
    """What it has heard so far; first nothing, then what ``listen`` was given."""


@dataclass(frozen=True)
class Broken:
    """It cannot be loaded; ``reason`` is one line for the user."""

    path: str
    reason: str


LONGEST_LOAD_S: Final = 30.0
"""A file that takes longer is no model that could be played here."""

News = Loaded | Broken


class _Work(SimpleQueue[str | tuple[Loaded, Tokens]]):
    """What one thread has to do, and whether it was given up."""

    def __init__(self) -> None:
        self.loaded: set[str] = set()
        self.given_up = False


class ModelLoader:
    """Works on its thread; who plays asks for news when ``signal`` can be read.

    Loading takes tens of milliseconds, and reading a window about as long: the notes that are
    planned meanwhile are the old model's, and nothing waits.
    """

    def __init__(self) -> None:
        self.signal, self._ring = Pipe(duplex=False)
        self._news: SimpleQueue[News] = SimpleQueue()
        self._lock = threading.Lock()
        """Of what is told: the loading thread and the one that gives it up tell in turn."""
        self._wanted: str | None = None
        """The file that was asked for last and is not there yet."""
        self._work = self._begin()

    def want(self, path: str) -> None:
        """Begin to load a file; one that was asked for before is not wanted any more.

        One that takes longer than ``LONGEST_LOAD_S`` is given up.
        """
        self._wanted = path
        self._work.put(path)
        timer = threading.Timer(LONGEST_LOAD_S, self._give_up, [path, self._work])
        timer.daemon = True
        timer.start()

    def listen(self, loaded: Loaded, window: Tokens) -> None:
        """Let a loaded model hear what was played, events of shape (n, F)."""
        self._work.put((loaded, window))

    def news(self) -> News | None:
        """Return what has come of the latest wish, once ``signal`` can be read; None: nothing."""
        self.signal.recv_bytes()
        news = self._news.get()
        if news.path != self._wanted:
            return None
        return news

    def done(self) -> None:
        """The latest wish is fulfilled, or cannot be."""
        self._wanted = None

    def _begin(self) -> _Work:
        work = _Work()
        threading.Thread(target=self._run, args=[work], name="model loader", daemon=True).start()
        return work

    def _run(self, work: _Work) -> None:
        while True:
            news = _done(work.get())
            with self._lock:
                if work.given_up:
                    return
                work.loaded.add(news.path)
                self._tell(news)

    def _give_up(self, path: str, work: _Work) -> None:
        """Leave a thread to what it cannot end, and work on another one."""
        with self._lock:
            if work.given_up or path in work.loaded or path != self._wanted:
                return
            work.given_up = True
            self._work = self._begin()
            self._tell(Broken(path, f"{path} did not load within {LONGEST_LOAD_S:g} s"))

    def _tell(self, news: News) -> None:
        self._news.put(news)
        self._ring.send_bytes(b"!")


def load(path: Path) -> tuple[Model, TimedNetwork]:
    """Load a model and run it once in each of its two shapes: the first runs allocate memory.

    Returns:
        The model, and the same with its time measured.

    Raises:
        UserError: it cannot be read or is none of Continuo's.
    """
    model = Model(path)
    start = special_event(START)[None]
    for events in (start.repeat(2, axis=0), start):
        model.run(events, model.zero_states())
    return model, TimedNetwork(model)


def _hear(memory: Memory, window: Tokens) -> None:
    """Read what is missing, half of the time: who plays may have but this processor."""
    known = len(window) - memory.missing(window)
    for count in range(known, len(window) + 1):
        began_s = time.perf_counter()
        memory.read_each(window[:count])
        time.sleep(time.perf_counter() - began_s)


def _done(work: str | tuple[Loaded, Tokens]) -> News:
    path = work if isinstance(work, str) else work[0].path
    try:
        if isinstance(work, str):
            model, network = load(Path(work))
            return Loaded(path, model, network, Memory(network))
        loaded, window = work
        _hear(loaded.memory, window)
        return loaded
    except UserError as error:
        return Broken(path, str(error))
    except Exception as error:  # whatever onnxruntime or a strange graph raises
        return Broken(path, f"{path} cannot be played: {' '.join(str(error).split())[:200]}")
