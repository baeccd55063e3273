"""The parent process: starts the others, watches them, and ends the session in good order."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

from live import processes
from live.core.settings import PerformerSettings
from live.errors import NoMidiError, UserError
from live.messages import Failed, Ready, Stop, TurnChanged
from live.midi_io.settings import MidiSettings
from live.recording import write_midi_file

READY_TIMEOUT_S: Final = 30.0
STOP_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True)
class SessionSettings:
    """All that a session needs."""

    midi: MidiSettings
    performer: PerformerSettings
    model: Path
    folder: Path
    """Where recordings go."""


@dataclass(eq=False)
class _Child:
    """A process and the parent's end of the pipe to it."""

    process: BaseProcess
    pipe: Connection


class Session:
    """One run of the performer, from opened ports to a finished recording."""

    def __init__(self, settings: SessionSettings, tell: Callable[[str], None]) -> None:
        self._settings = settings
        self._tell = tell
        self._midi_io: _Child | None = None
        self._improviser: _Child | None = None
        self.journal = _new_journal(settings.folder)

    def start(self) -> None:
        """Start both processes and wait until they are ready.

        Raises:
            UserError: one of them cannot start; nothing is left behind.
        """
        try:
            began_s = time.perf_counter()
            children = self._start_children()
            ports, model = (self._wait_until_ready(child, began_s) for child in children)
        except BaseException:
            with _signals_ignored():
                self._stop_children()
                self.journal.unlink(missing_ok=True)
            raise
        priority = "real-time priority" if ports.realtime else "no real-time priority"
        took_s = time.perf_counter() - began_s
        self._tell(f"{ports.detail} | {model.detail} | {priority} | ready in {took_s:.1f} s")

    def run(self, seconds: float | None) -> None:
        """Watch the session until the time is up or midi_io has gone.

        Raises:
            KeyboardInterrupt: the user ends the session.
        """
        assert self._midi_io is not None
        assert self._improviser is not None
        end_s = None if seconds is None else time.perf_counter() + seconds
        watched = [self._midi_io.pipe, self._improviser.pipe]
        while True:
            left_s = None if end_s is None else end_s - time.perf_counter()
            if left_s is not None and left_s <= 0:
                return
            for pipe in wait(watched, left_s):
                assert isinstance(pipe, Connection)
                try:
                    message = pipe.recv()
                except (EOFError, OSError):
                    if pipe is self._midi_io.pipe:
                        self._tell("the MIDI process has ended by itself; closing the session")
                        return
                    self._tell(
                        "the model's process has ended by itself: your notes still go through and "
                        "are recorded; start again to have it back"
                    )
                    watched.remove(pipe)
                    continue
                if isinstance(message, TurnChanged):
                    self._tell_turn(message)

    def close(self) -> Path:
        """End both processes, every note first, and write the recording; return its path.

        Raises:
            UserError: the MIDI file cannot be written; the journal is kept.
        """
        with _signals_ignored():
            self._stop_children()
            target = self.journal.with_suffix(".mid")
            try:
                write_midi_file(self.journal, target)
            except OSError as error:
                raise UserError(
                    f"cannot write {target}: {error.strerror}; the session is kept in "
                    f"{self.journal}"
                ) from error
            return target

    def _start_children(self) -> tuple[_Child, _Child]:
        s = self._settings
        header = {
            "started": datetime.now().astimezone().isoformat(timespec="seconds"),
            "bpm": s.performer.bpm,
            "beats_per_bar": s.performer.beats_per_bar,
            "model": s.model.name,
            "performer": asdict(s.performer),
        }
        context = multiprocessing.get_context("spawn")
        ours_midi, theirs_midi = context.Pipe()
        ours_improviser, theirs_improviser = context.Pipe()
        midi_end, improviser_end = context.Pipe()
        self._midi_io = _Child(
            context.Process(
                target=processes.midi_io,
                args=(s.midi, self.journal, header, midi_end, theirs_midi),
                name="midi_io",
            ),
            ours_midi,
        )
        self._improviser = _Child(
            context.Process(
                target=processes.improviser,
                args=(s.performer, s.model, improviser_end, theirs_improviser),
                name="improviser",
            ),
            ours_improviser,
        )
        with _signals_ignored():  # inherited: the parent alone decides how a session ends
            self._midi_io.process.start()
            self._improviser.process.start()
        for end in (theirs_midi, theirs_improviser, midi_end, improviser_end):
            end.close()  # the death of a child has to show as the end of its pipes
        return self._midi_io, self._improviser

    def _wait_until_ready(self, child: _Child, began_s: float) -> Ready:
        name = child.process.name
        message: Any = None
        if child.pipe.poll(max(0.0, began_s + READY_TIMEOUT_S - time.perf_counter())):
            with suppress(EOFError, OSError):
                message = child.pipe.recv()
        if isinstance(message, Ready):
            return message
        if isinstance(message, Failed):
            raise (NoMidiError if message.no_midi else UserError)(message.reason)
        raise UserError(f"the process {name} did not start; try again")

    def _stop_children(self) -> None:
        for child in (self._midi_io, self._improviser):
            if child is None or child.process.pid is None:
                continue
            with suppress(OSError):
                child.pipe.send(Stop())
            child.process.join(STOP_TIMEOUT_S)
            if child.process.is_alive():
                child.process.kill()
                child.process.join()
            child.pipe.close()

    def _tell_turn(self, message: TurnChanged) -> None:
        if message.turn == "model":
            self._tell("the model plays")
        else:
            self._tell(f"your turn (the model played {message.notes} notes)")


def _new_journal(folder: Path) -> Path:
    """Create an empty journal under a name of its own.

    Raises:
        UserError: the folder cannot be written to.
    """
    stamp = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(1000):
            path = folder / f"{stamp}{f'_{number}' if number else ''}.jsonl"
            with suppress(FileExistsError):
                path.touch(exist_ok=False)
                return path
    except OSError as error:
        raise UserError(
            f"cannot record to the folder {folder}: {error.strerror}; name another with --record"
        ) from error
    raise UserError(f"the folder {folder} has a thousand recordings of this second; name another")


class _signals_ignored:  # noqa: N801 - used like a function
    """Within this context Ctrl-C and SIGTERM do nothing, in child processes for good."""

    _NAMES: Final = ("SIGINT", "SIGTERM", "SIGHUP")

    def __enter__(self) -> None:
        numbers = [getattr(signal, name) for name in self._NAMES if hasattr(signal, name)]
        self._before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
