"""The midi_io process, from its first moment to its last.

Threads: the input's (``listener``: thru), the main one (``player``: deadlines), and those that read
what the other processes say, hand notes on to the improviser, tell how things are, and write the
journal. Only the first two matter to the music.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from live.demo import DemoInput
from live.errors import NoMidiError, UserError
from live.journal import JournalWriter, moment
from live.messages import Failed, Lost, Ready
from live.midi_io.dispatch import MidiIo
from live.midi_io.health import HealthMeter
from live.midi_io.ledger import note_off
from live.midi_io.recall import left_sounding
from live.midi_io.settings import MidiSettings
from live.outbox import Outbox
from live.quiet import keep_quiet
from live.standing import Standing
from live.tail import what_stands

REALTIME_PRIORITY: Final = 70
CLOSE_TIMEOUT_S: Final = 2.0
LEAVE_S: Final = 10.0
"""A MIDI system that does not let go of its ports is left as it is."""


def run(
    settings: MidiSettings,
    journal_path: Path,
    journal_header: dict[str, Any],
    parent: Connection,
) -> None:
    """Be the midi_io process: open the ports, say Ready, play until told to stop.

    A journal that holds something already is that of a midi_io that died: what it left sounding is
    ended first.
    """
    sys.setswitchinterval(0.0005)  # a thread with a deadline must not wait for another's slice
    keep_quiet()  # JACK's library prints from threads of its own
    realtime = _ask_for_realtime()
    to_parent = Outbox(parent)
    try:
        midi_io = take_over(settings, journal_path, journal_header, to_parent)
    except OSError as error:
        to_parent.send_now(Failed(f"cannot record to {journal_path}: {error.strerror}"))
        return
    try:
        source, name = _open_ports(settings, midi_io, wait_for_ports=midi_io.journal.goes_on)
    except UserError as error:
        midi_io.journal.close()
        to_parent.send_now(
            Failed(str(error), error.missing if isinstance(error, NoMidiError) else None)
        )
        return
    ended = threading.Event()
    _start_thread(midi_io.listener.forward, ended)
    _start_thread(midi_io.listen, parent)
    gc.collect()
    gc.freeze()  # what is here stays: the collector need not look at it again while playing
    to_parent.send_now(Ready(f"{name} -> {midi_io.hot_plug.name('output')}", realtime))
    meter = HealthMeter(name, midi_io.hot_plug.name("output"), realtime)
    midi_io.player.meter = meter
    _start_thread(meter.tell, lambda: midi_io.journal, to_parent, ended)
    watching = _start_thread(midi_io.hot_plug.watch, meter, ended)
    try:
        midi_io.player.run_schedule()
    finally:
        ended.set()
        midi_io.listener.close()
        if source is not None:
            source.close()
        midi_io.player.end_every_note()
        midi_io.player.end_clock()
        midi_io.journal.close()
        if midi_io.journal.lost_lines:
            with suppress(OSError):
                to_parent.send_now(Lost(midi_io.journal.lost_lines))
        watching.join(CLOSE_TIMEOUT_S)
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, LEAVE_S)  # nobody may be there to end the process
        midi_io.hot_plug.close()  # last: a server that does not answer lets it wait


def take_over(
    settings: MidiSettings,
    journal_path: Path,
    journal_header: dict[str, Any],
    to_parent: Outbox | None = None,
) -> MidiIo:
    """Return a midi_io that writes this journal, and ends what may sound on the output it gets.

    Raises:
        OSError: the journal cannot be written.
    """
    standing = what_stands(journal_path)
    journal = JournalWriter(journal_path, journal_header)
    midi_io = MidiIo(settings, journal, to_parent, _end_what_stands(standing, journal))
    left = left_sounding(standing) if journal.goes_on else set()
    midi_io.player.may_sound(left | settings.left_down)
    beat = standing.beat
    midi_io.listener.resume_clock(
        *standing.clock,
        None if beat is None else lambda now_s: beat.place_in_bar(journal.length_s(now_s)),
    )
    return midi_io


def _end_what_stands(standing: Standing, journal: JournalWriter) -> int:
    """Write down the ends of what a midi_io before this one left; return the latest number."""
    now_s, told = moment(time.perf_counter()), standing.number
    for key in standing.down("out"):
        journal.write("out", now_s, note_off(key))
    for key in standing.down("in"):
        told += 1  # the improviser hears of it when it reads the journal
        journal.write("in", now_s, note_off(key), told)
    for channel, pedal in standing.pedals("in"):
        told += 1
        journal.write("in", now_s, bytes([0xB0 | channel, pedal, 0]), told)
    return told


def _start_thread(body: Callable[..., None], *arguments: object) -> threading.Thread:
    thread = threading.Thread(target=body, args=arguments, name=body.__name__, daemon=True)
    thread.start()
    return thread


def _open_ports(
    settings: MidiSettings, midi_io: MidiIo, *, wait_for_ports: bool
) -> tuple[DemoInput | None, str]:
    """Open the ports; return the input of a demo, and the input's name."""
    try:
        midi_io.hot_plug.open(wait_for_ports=wait_for_ports)
    except NoMidiError:
        if settings.demo is None:
            raise
    if settings.demo is None:
        return None, midi_io.hot_plug.name("input")
    source = DemoInput(settings.demo, midi_io.listener.on_input, midi_io.begin)
    return source, source.name


def _ask_for_realtime() -> bool:
    """Ask for SCHED_FIFO, which threads started later inherit; go on without where refused."""
    if not hasattr(os, "sched_setscheduler"):
        return False
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(REALTIME_PRIORITY))
    except OSError:
        return False
    return True
