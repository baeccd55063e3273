"""The improviser process: a thin shell that gives the pure core its time and its input."""

from __future__ import annotations

import gc
import math
import time
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from live.core.ear import NOTE_ON
from live.core.memory import Memory
from live.core.performer import Performer
from live.core.settings import PerformerSettings
from live.errors import UserError
from live.events import START, special_event
from live.journal import RESOLUTION_S, read_header, read_lines
from live.messages import Action, Change, Did, Do, Failed, Heard, Ready, TakeBegan
from live.model import Model
from live.outbox import Outbox
from live.timed_network import TimedNetwork
from live.view_sender import ViewSender


def run(
    settings: PerformerSettings,
    model_path: Path,
    journal: Path,
    midi_io: Connection,
    parent: Connection,
) -> None:
    """Be the improviser process: load the model, say Ready, play until told to stop.

    A journal that holds something already is that of an improviser that died: its notes and the
    player's are the memory to go on from.
    """
    try:
        model = Model(model_path)
    except UserError as error:
        parent.send(Failed(str(error)))
        return
    _warm_up(model)
    network = TimedNetwork(model)
    performer = Performer(settings, network)
    recalled_s = _recall(performer, journal)
    gc.collect()
    gc.freeze()
    with suppress(OSError):  # a parent that is gone is noticed below
        parent.send(Ready(model_path.name))
    viewer = ViewSender(performer, network, Outbox(parent))
    while True:
        wake_s = performer.wake_at()
        due = [due_s for due_s in (wake_s, viewer.due_s()) if due_s is not None]
        left_s = max(0.0, min(due) - time.perf_counter()) if due else None
        ready = wait([midi_io, parent], left_s)
        try:
            asked = _read_all(parent) if parent in ready else []
            if asked is None:
                return  # it says stop, or is gone
            actions, take = _hear_all(performer, midi_io, recalled_s)
            if take is not performer:
                performer = take
                viewer.look_at(performer)
            actions += _do_all(performer, asked)
            actions += performer.advance(time.perf_counter())
            for action in actions:
                midi_io.send(action)
        except (EOFError, OSError):
            return  # midi_io is gone, and with it everything that could sound
        now_s = time.perf_counter()
        if ready or (wake_s is not None and wake_s <= now_s):
            viewer.note_change()
        viewer.send(now_s, performer.wake_at())


def _read_all(parent: Connection) -> list[Change | Do] | None:
    """Return what the parent asks for; None: to stop."""
    asked: list[Change | Do] = []
    try:
        while parent.poll():
            message = parent.recv()
            if not isinstance(message, Change | Do):
                return None
            asked.append(message)
    except (EOFError, OSError):
        return None
    return asked


def _do_all(performer: Performer, asked: list[Change | Do]) -> list[Action | Did]:
    """Change settings and obey commands; changes that came at once are one change."""
    actions: list[Action | Did] = []
    changes: dict[str, Any] = {}
    for message in [*asked, None]:
        if isinstance(message, Change):
            changes[message.name] = message.value
            continue
        now_s = time.perf_counter()
        if changes:
            actions += performer.change(now_s, **changes)
            changes = {}
        if message is not None:
            actions += [Did(now_s, message.command), *performer.command(now_s, message.command)]
    return actions


def _hear_all(
    performer: Performer, midi_io: Connection, recalled_s: float
) -> tuple[list[Action | Did | TakeBegan], Performer]:
    """Let the core hear what has come; a flood is heard whole before anything is computed.

    What was recalled from the journal is passed over: it waits in the pipe as well.

    Returns:
        What follows at once, and the core to go on with: each take has one of its own, so that it
        can be played again from its journal alone.
    """
    actions: list[Action | Did | TakeBegan] = []
    while midi_io.poll():
        message = midi_io.recv()
        if isinstance(message, TakeBegan):
            actions += [*performer.command(message.time_s, "my_turn"), message]
            performer = performer.successor()
        elif isinstance(message, Heard) and message.time_s > recalled_s:
            actions += performer.hear(message.time_s, message.data)
    return actions, performer


def _recall(performer: Performer, journal: Path) -> float:
    """Go through the journal; return until when the player was heard in it."""
    recalled_s = -math.inf
    origin_s = read_header(journal).get("origin_s", 0.0)
    onsets: dict[tuple[int, int], float] = {}
    for line in read_lines(journal):
        time_s, data = origin_s + line.time_s, line.message
        if line.kind == "turn" and line.rest:
            performer.recall_turn(line.rest[0])
        elif line.kind == "in" and data is not None:
            performer.hear(time_s, data)
            recalled_s = time_s + RESOLUTION_S
        elif line.kind == "out" and data is not None:
            key = (data[0] & 0x0F, data[1])
            onset_s = onsets.pop(key, None)
            if onset_s is not None:
                performer.recall_note(onset_s, time_s, data[1])
            if data[0] & 0xF0 == NOTE_ON:
                onsets[key] = time_s
    return recalled_s


def _warm_up(model: Model) -> None:
    """Run the network once in each of its two shapes: the first runs allocate memory."""
    memory = Memory(model)
    memory.read(special_event(START)[None].repeat(3, axis=0))
    model.run(special_event(START)[None], model.zero_states())
