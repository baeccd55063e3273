"""What a terminal shows while a session runs: a few lines that stay in place, below what is told.

It lives in the parent process and looks at the latest view and health; the music waits for none of
it. It writes when something has changed, ``REFRESH_S`` apart at least.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from live.core.view import NoteView, View, Who
from live.messages import Health
from live.session import Session
from live.watching import News

REFRESH_S: Final = 0.125
SHOWN_NOTES: Final = 16
"""Latest notes of each of the two."""
NAMES: Final = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
UNCOUNTED: Final = ("heard", "played")
"""Counters that the line of notes makes superfluous."""


class Panel:
    """Keeps the latest news and draws them."""

    def __init__(self) -> None:
        self.view: View | None = None
        self.health: Health | None = None

    def take(self, news: News) -> None:
        """Take news of a session; see ``Session.watch``."""
        if isinstance(news, View):
            self.view = news
        elif isinstance(news, Health):
            self.health = news

    def lines(self, now_s: float) -> list[Text]:
        """Return what is to be seen at a moment of ``time.perf_counter``."""
        lines = [] if self.health is None else [_ports(self.health)]
        if self.view is not None:
            lines = [
                _turn(self.view, now_s),
                *lines,
                _notes(self.view, "player", now_s),
                _notes(self.view, "model", now_s),
                _sampling(self.view),
            ]
        if self.health is not None:
            lines.append(_quality(self.health, self.view))
        return lines


@contextmanager
def shown(session: Session, console: Console) -> Iterator[None]:
    """Show a session in place while the context lasts; nothing where lines cannot stay in place."""
    if not console.is_terminal or console.is_dumb_terminal:
        yield
        return
    panel = Panel()
    ended = threading.Event()
    end_watching = session.watch(panel.take)
    live = Live(
        console=console,
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    with live:
        thread = threading.Thread(target=_draw, args=(panel, live, ended), name="panel")
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            end_watching()


def _draw(panel: Panel, live: Live, ended: threading.Event) -> None:
    drawn: list[Text] = []
    while not ended.wait(REFRESH_S):
        lines = panel.lines(time.perf_counter())
        if lines != drawn:
            drawn = lines
            live.update(Group(*lines), refresh=True)


def _line(*parts: str) -> Text:
    return Text(" | ".join(part for part in parts if part), no_wrap=True, overflow="ellipsis")


def _turn(view: View, now_s: float) -> Text:
    passed_s = now_s - view.beat_time_s if view.running else 0.0
    beat = view.beat + passed_s * view.bpm / 60 - view.downbeat
    line = _line(
        "the model plays" if view.turn == "model" else "your turn",
        view.mode,
        f"{view.bpm:.4g} BPM, {view.clock} clock{'' if view.running else ', stopped'}",
        f"beat {int(beat // 1) % view.beats_per_bar + 1} of {view.beats_per_bar}",
    )
    line.stylize("bold")
    return line


def _ports(health: Health) -> Text:
    def port(name: str, connected: bool) -> str:
        return name if connected else f"{name} (not connected)"

    return _line(
        f"in {port(health.input, health.input_connected)}",
        f"out {port(health.output, health.output_connected)}",
        "" if health.realtime else "no real-time priority",
    )


def _notes(view: View, who: Who, now_s: float) -> Text:
    """Return the latest notes of one of the two; those that sound are bold."""
    begun = [n for n in view.notes if n.who == who and n.committed and n.onset_s <= now_s]
    line = _line(f"{'you' if who == 'player' else 'model':<5}")
    for note in begun[-SHOWN_NOTES:]:
        line.append(f" {_name(note)}", "bold reverse" if _sounds(note, now_s) else "")
    return line


def _name(note: NoteView) -> str:
    return f"{NAMES[note.pitch % 12]}{note.pitch // 12 - 1}"


def _sounds(note: NoteView, now_s: float) -> bool:
    return note.release_s is None or note.release_s > now_s


def _sampling(view: View) -> Text:
    took = ""
    if view.model_ms is not None and view.model_worst_ms is not None:
        took = f"{view.model_ms:.2f} ms per event (longest {view.model_worst_ms:.2f})"
    return _line(
        f"temperature {view.settings.temperature:g}",
        f"min-p {view.settings.min_p:g}",
        Path(view.settings.model).name,
        took,
    )


def _quality(health: Health, view: View | None) -> Text:
    minutes, seconds = divmod(int(health.recorded_s), 60)
    counters = () if view is None else view.counters
    return _line(
        f"{health.late_notes} late notes (latest by {health.worst_late_ms:.1f} ms)",
        f"recorded {minutes}:{seconds:02}",
        f"{health.lost_lines} lines LOST: the disk is full" if health.lost_lines else "",
        *(f"{name} {count}" for name, count in counters if name not in UNCOUNTED and count),
    )
