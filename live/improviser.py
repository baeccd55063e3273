"""The improviser process: a thin shell that gives the pure core its time and its input."""

from __future__ import annotations

import gc
import math
import time
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path

from live.core.ear import NOTE_ON
from live.core.memory import Memory
from live.core.performer import Performer
from live.core.settings import PerformerSettings
from live.errors import UserError
from live.events import START, special_event
from live.journal import RESOLUTION_S, read_header, read_lines
from live.messages import Action, Failed, Heard, Ready
from live.model import Model


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
    performer = Performer(settings, model)
    recalled_s = _recall(performer, journal)
    gc.collect()
    gc.freeze()
    with suppress(OSError):  # a parent that is gone is noticed below
        parent.send(Ready(model_path.name))
    while True:
        wake_s = performer.wake_at()
        left_s = None if wake_s is None else max(0.0, wake_s - time.perf_counter())
        ready = wait([midi_io, parent], left_s)
        if parent in ready:
            return  # it says stop, or is gone
        try:
            actions = _hear_all(performer, midi_io, recalled_s)
            actions += performer.advance(time.perf_counter())
            for action in actions:
                midi_io.send(action)
        except (EOFError, OSError):
            return  # midi_io is gone, and with it everything that could sound


def _hear_all(performer: Performer, midi_io: Connection, recalled_s: float) -> list[Action]:
    """Let the core hear what has come; a flood is heard whole before anything is computed.

    What was recalled from the journal is passed over: it waits in the pipe as well.
    """
    actions: list[Action] = []
    while midi_io.poll():
        message = midi_io.recv()
        if isinstance(message, Heard) and message.time_s > recalled_s:
            actions += performer.hear(message.time_s, message.data)
    return actions


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
