"""The bodies of the child processes, each importing no more than it needs.

The parent starts them without ever loading onnxruntime or a MIDI library itself.
"""

from __future__ import annotations

from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from live.core.settings import PerformerSettings
from live.midi_io.settings import MidiSettings
from live.page.messages import PageSetup
from live.page.settings import PageSettings
from live.signals import signals_ignored

MOST_MEMORY: Final = 6 * 2**30
"""Addresses that the improviser may use: several times the largest model file, and the runtime."""


def midi_io(
    settings: MidiSettings,
    journal: Path,
    header: dict[str, Any],
    parent: Connection,
) -> None:
    """Be the midi_io process."""
    _name_process("midi_io")
    from live.midi_io.process import run

    run(settings, journal, header, parent)


def improviser(
    settings: PerformerSettings,
    journal: Path,
    midi_io: Connection,
    parent: Connection,
) -> None:
    """Be the improviser process."""
    _name_process("improviser")
    limit_memory()
    from live.improviser import run

    run(settings, journal, midi_io, parent)


def page(settings: PageSettings, setup: PageSetup, parent: Connection) -> None:
    """Be the page's process, which is started by a thread: it looks after its signals itself."""
    signals_ignored().__enter__()
    _name_process("page")
    from live.page.process import run

    run(settings, setup, parent)


def link(bpm: float, beats_per_bar: int, midi_io: Connection, parent: Connection) -> None:
    """Be the link process."""
    _name_process("link")
    from live.link_peer import run

    run(bpm, beats_per_bar, midi_io, parent)


def limit_memory() -> None:
    """Let this process have no more memory than any model needs: a file may ask for all there is.

    What it asks for beyond is refused to it, and it is told to be no model. Where the system knows
    no such limit, there is none.
    """
    with suppress(ImportError, ValueError, OSError):
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        within = MOST_MEMORY if hard == resource.RLIM_INFINITY else min(MOST_MEMORY, hard)
        resource.setrlimit(resource.RLIMIT_AS, (within, hard))


def _name_process(name: str) -> None:
    """Let ``top`` and ``ps`` tell the processes apart, where the system can."""
    with suppress(OSError):
        Path("/proc/self/comm").write_text(name)
