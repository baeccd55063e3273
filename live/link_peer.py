"""The link process: one peer among others in an Ableton Link session.

It asks Link where the shared timeline is and tells midi_io when there is news; it lets Link have
the tempo and the bars that the performer wants. It is a process of its own because what it does,
network and all, is nothing that the music should ever wait for or die of.
"""

from __future__ import annotations

import asyncio
import time
from importlib.util import find_spec
from multiprocessing.connection import Connection
from typing import Any, Final

from live.messages import LinkSaid, LinkState, Said, SetLink

INTERVAL_S: Final = 0.02
"""Link is asked this often."""
JOIN_S: Final = 0.5
"""Others are given this time to be found before the timeline, theirs or its own, is told of."""
NO_NEWS_S: Final = 1.0
"""It is told this often though nothing has changed: clocks of two kinds drift apart slowly."""
ATTEMPTS: Final = 5
PROMPT_S: Final = 0.0001
"""An answer that took longer was held up: nobody knows which moment it is of."""
DRIFT_S: Final = 0.0003
"""A timeline that is off by this is news."""


def missing() -> str | None:
    """Return in a line what is missing for Link; None: nothing."""
    if find_spec("aalink") is not None:
        return None
    return 'time.clock = "link" needs Ableton Link: pip install "continuo[link]"'


def run(bpm: float, beats_per_bar: int, midi_io: Connection, parent: Connection) -> None:
    """Be the link process until the parent closes its pipe.

    Args:
        bpm: tempo, if no other peer has one already.
        beats_per_bar: its quantum: bars begin together.
        midi_io: is told ``LinkSaid``, and says ``SetLink``.
        parent: says nothing; the end of this pipe is the end.
    """
    line = missing()
    if line is not None:
        midi_io.send(Said(time.perf_counter(), line))
        return
    asyncio.run(_be_peer(bpm, beats_per_bar, midi_io, parent))


async def _be_peer(bpm: float, beats_per_bar: int, midi_io: Connection, parent: Connection) -> None:
    import aalink  # loaded in this process alone

    link = aalink.Link(bpm)
    link.quantum = beats_per_bar
    link.start_stop_sync_enabled = True
    link.enabled = True
    told: LinkSaid | None = None
    await asyncio.sleep(JOIN_S)
    try:
        while not parent.poll():
            while midi_io.poll():
                wanted = midi_io.recv()
                if isinstance(wanted, SetLink):
                    link.quantum = wanted.beats_per_bar
                    link.tempo = wanted.bpm
            said = _ask(link)
            if told is None or _is_news(told, said):
                midi_io.send(said)
                told = said
            await asyncio.sleep(INTERVAL_S)
    except (EOFError, OSError):
        pass  # midi_io is gone, and with it everybody who listens
    finally:
        link.enabled = False


def _ask(link: Any) -> LinkSaid:
    for _ in range(ATTEMPTS):
        before_s = time.perf_counter()
        beat = link.beat
        took_s = time.perf_counter() - before_s
        if took_s < PROMPT_S:
            break
    state = LinkState(beat, link.tempo, link.playing, link.num_peers)
    return LinkSaid(before_s + took_s / 2, state)


def _is_news(told: LinkSaid, said: LinkSaid) -> bool:
    before, now = told.state, said.state
    passed_s = said.time_s - told.time_s
    off_s = (before.beat - now.beat) * 60 / now.bpm + passed_s
    return (
        (before.bpm, before.playing, before.peers) != (now.bpm, now.playing, now.peers)
        or abs(off_s) > DRIFT_S
        or passed_s > NO_NEWS_S
    )
