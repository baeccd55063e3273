"""The improviser process: a thin shell that gives the pure core its time and its input."""

from __future__ import annotations

import gc
import time
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Final

from live.core.performer import Performer
from live.core.settings import PerformerSettings
from live.errors import UserError
from live.heartbeat import BEAT_S
from live.journal import read_header
from live.messages import (
    Alive,
    Change,
    Changed,
    Do,
    Failed,
    Heard,
    ModelWanted,
    Pulse,
    Ready,
    Said,
    TakeBegan,
)
from live.model_loader import Broken, Loaded, ModelLoader, load
from live.outbox import Outbox
from live.tail import notes_for, read_tail
from live.transcript import Noting, Transcript, recall
from live.view_sender import ViewSender

FEW_STEPS: Final = 16
"""Another model plays when so few notes are left for it to hear: some milliseconds."""
LONGEST_HEARING_S: Final = 2.0
"""In a flood that does not end, the core is asked what is due this often."""


def run(
    settings: PerformerSettings,
    journal: Path,
    midi_io: Connection,
    parent: Connection,
) -> None:
    """Be the improviser process: load the model, say Ready, play until told to stop.

    A journal that holds something already is that of an improviser that died: its latest notes and
    the player's are the memory to go on from.
    """
    try:
        model, network = load(Path(settings.model))
    except UserError as error:
        parent.send(Failed(str(error)))
        return
    loader = ModelLoader()
    performer = Performer(settings, network)
    origin_s = read_header(journal).get("origin_s", 0.0)
    tail = read_tail(journal, notes_for(settings.seed_window))
    core = Transcript(performer, model, recall(performer, tail, origin_s))
    gc.collect()
    gc.freeze()
    with suppress(OSError):  # a parent that is gone is noticed below
        parent.send(Ready(model.path.name))
    with suppress(OSError):  # as is a midi_io
        midi_io.send([core.beginning(time.perf_counter())])
    to_parent = Outbox(parent)
    viewer = ViewSender(performer, network, to_parent)
    alive_s = time.perf_counter()
    pulse: Pulse | None = None
    while True:
        wake_s = performer.wake_at()
        due = [due_s for due_s in (wake_s, viewer.due_s()) if due_s is not None]
        left_s = max(0.0, min([*due, alive_s + BEAT_S]) - time.perf_counter())
        ready = wait([midi_io, parent, loader.signal], left_s)
        try:
            asked = _read_all(parent) if parent in ready else []
            if asked is None:
                return  # it says stop, or is gone
            actions = _hear_all(core, midi_io) if midi_io in ready else []
            if core.performer is not performer:
                performer = core.performer
                viewer.look_at(performer)
            actions += _do_all(core, asked)
            if loader.signal in ready:
                actions += _take_news(core, loader, viewer)
            if ready or (wake_s is not None and wake_s <= time.perf_counter()):
                actions += core.advance(time.perf_counter())
            for wanted in [each for each in actions if isinstance(each, ModelWanted)]:
                loader.want(wanted.model)
                actions.remove(wanted)
            before, pulse = pulse, performer.pulse() if performer.settings.send_clock else None
            said = [*actions, *([pulse] if pulse not in (None, before) else [])]
            if said:
                midi_io.send(said)  # at once: all of it is played and noted, or none
        except (EOFError, OSError):
            return  # midi_io is gone, and with it everything that could sound
        now_s = time.perf_counter()
        if ready or (wake_s is not None and wake_s <= now_s):
            viewer.note_change()
        viewer.send(now_s, performer.wake_at())
        if now_s >= alive_s + BEAT_S:
            alive_s = now_s
            to_parent.put(Alive(), key="alive")


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


def _do_all(core: Transcript, asked: list[Change | Do]) -> list[Noting]:
    """Change settings and obey commands; changes that came at once are one change."""
    actions: list[Noting] = []
    changes: dict[str, Any] = {}
    for message in [*asked, None]:
        now_s = time.perf_counter()
        if isinstance(message, Change):
            if message.name == "model":
                actions.append(ModelWanted(now_s, message.value))
            else:
                changes[message.name] = message.value
            continue
        if changes:
            actions += core.change(now_s, changes)
            changes = {}
        if message is not None:
            actions += core.command(now_s, message.command)
    return actions


def _take_news(core: Transcript, loader: ModelLoader, viewer: ViewSender) -> list[Noting]:
    """Go on with another model: let it hear what was played, then let it play, or tell why not."""
    news = loader.news()
    now_s = time.perf_counter()
    if isinstance(news, Loaded):
        window = core.performer.window()
        if news.memory.missing(window) > FEW_STEPS:
            loader.listen(news, window)
            return []
        loader.done()
        viewer.watch(news.network)
        changed = core.change_model(now_s, news.model, news.memory)
        return [*changed, Said(now_s, f"the model is {news.model.path.name} now")]
    if isinstance(news, Broken):
        loader.done()
        present = core.performer.settings.model
        said = Said(now_s, f"{news.reason}; {Path(present).name} plays on")
        return [said, Changed(now_s, "model", present)]  # so that who asked sees what holds
    return []


def _hear_all(core: Transcript, midi_io: Connection) -> list[Noting]:
    """Let the core hear what has come; a flood is heard first, and then something is computed."""
    actions: list[Noting] = []
    until_s = time.perf_counter() + LONGEST_HEARING_S
    while midi_io.poll() and time.perf_counter() < until_s:
        message = midi_io.recv()
        if isinstance(message, TakeBegan):
            actions += core.begin_take(message)
        elif isinstance(message, Heard):
            actions += core.hear(message)
    return actions
