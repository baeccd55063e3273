"""Our own output that comes back at the input: a DAW's monitor, or another performer's thru.

What was sent and comes back unchanged (but for the channel) soon after is an echo, if there is a
way back at all. That there is one is known by:

- two different keys that are struck again, as they were just sent, while they are held, or that are
  ended and struck again at once, as they were just sent so for the model: no hand can do that;
- a note of the model's that comes back, unless the note sent before it did not.

What is struck again like that is left out from the first one on: it sounds already. So is a note of
the model's that was taken for the player's and sent thru, when it is here again after just as long.
(A note of the player's that is shorter than the way is not seen to go round: a roll looks like it.)

While there is one, whatever comes back within about twice the time that the way takes is left out.
When eight notes in a row do not come back, the way is taken to be closed. A player who happens to
strike what the model has just struck is heard: other notes did not come back.

Before anything is known, pedals, knobs and programs are left out where they are what the player's
own thru let hold on their channel, so that they do not run in a circle; what the model has sent is
left out as well, unless the latest note did not come back.
"""

from __future__ import annotations

import math
import threading
from collections import Counter, deque
from dataclasses import dataclass
from typing import Final

WINDOW_S: Final = 0.25
"""The longest way back."""
SLACK_S: Final = 0.03
"""How much longer than twice the time of the latest echo the next one may take."""
AT_ONCE_S: Final = 0.003
"""What was sent together comes back within this; and one and the same way differs by no more."""
MISSES: Final = 8
"""So many notes in a row that do not come back close the way."""
NOT_REPEATABLE: Final = frozenset({0, 6, 32, 38, 96, 97, 98, 99, 100, 101, *range(120, 128)})
"""Controllers whose value counts anew each time that it is sent."""

_NOTE_OFF, _NOTE_ON, _CONTROL = 0x80, 0x90, 0xB0

Content = tuple[int, ...]
"""A message without its channel; a note-on of velocity 0 is a note-off, which has no velocity."""


@dataclass(frozen=True)
class _Heard:
    """A message that was let through."""

    content: Content
    way_s: float | None = None
    """It may have come back after this time, from the model."""


@dataclass(frozen=True)
class _Sent:
    """A message that has left and may come back."""

    time_s: float
    thru: _Heard | None
    """What it was sent on as; None: it is not the player's own."""


class EchoFilter:
    """Tells what comes back from what is played; may be used from several threads.

    Times are seconds of any clock that does not run backwards.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: dict[Content, deque[_Sent]] = {}
        """What was sent and has not come back."""
        self._order: deque[tuple[float, Content]] = deque()
        self._last: dict[tuple[int, Content], tuple[float, Content, bool]] = {}
        """The latest of each controller of a channel: when it was sent, its value, and whether it
        was thru."""
        self._passing: _Heard | None = None
        """What was heard last: it is about to be sent thru."""
        self._held: set[tuple[int, int]] = set()
        """Channel and pitch of the keys that the player holds."""
        self._released: dict[tuple[int, int], float] = {}
        """When the player let go of the others."""
        self._echoing: Counter[int] = Counter()
        """Pitches whose onset was left out, and whose release is to be."""
        self._struck_twice: set[int] = set()
        """Pitches that were, though they were held, since a note did not come back."""
        self._latest_came_back = True
        self._misses = 0
        self._window_s = WINDOW_S
        self.is_open = False
        """Whether there is a way back."""

    def sent(self, time_s: float, message: bytes) -> None:
        """Take note of a channel message that has left."""
        content = _content(message)
        with self._lock:
            self._expire(time_s)
            passing = self._passing
            thru = passing if passing is not None and passing.content == content else None
            self._pending.setdefault(content, deque()).append(_Sent(time_s, thru))
            self._order.append((time_s, content))
            if content[0] not in (_NOTE_OFF, _NOTE_ON):
                last = (time_s, content, thru is not None)
                self._last[message[0] & 0x0F, content[:-1]] = last

    def heard(self, time_s: float, message: bytes) -> bool:
        """Return whether a channel message that has come in is an echo."""
        content = _content(message)
        with self._lock:
            self._expire(time_s)
            self._passing = _Heard(content)
            if content[0] == _NOTE_ON:
                is_echo = self._is_onset_echo(time_s, message, content)
            elif content[0] == _NOTE_OFF:
                is_echo = self._is_release_echo(time_s, message, content)
            else:
                is_echo = self._is_repeated(time_s, message, content)
            if is_echo:
                self._passing = None
            return is_echo

    def let_go(self) -> None:
        """A keyboard is gone: neither its keys' ends will come in nor those of echoes."""
        with self._lock:
            self._held.clear()
            self._echoing.clear()
            self._passing = None

    def _is_onset_echo(self, time_s: float, message: bytes, content: Content) -> bool:
        key = (message[0] & 0x0F, message[1])
        pending = self._pending.get(content, deque())
        is_twice = bool(pending) and _is_on_its_way_again(pending[-1], time_s)
        impossible = is_twice or key in self._held or self._is_struck_anew(time_s, key, pending)
        if not pending or (pending[0].thru is not None and not (self.is_open or impossible)):
            self._held.add(key)  # a note of one's own may be repeated
            return False
        echoed = pending[-1] if is_twice else pending[0]
        self._take(content, echoed)
        came_back_before, self._latest_came_back = self._latest_came_back, True
        if impossible:
            self._struck_twice.add(message[1])
        elif not (self.is_open or came_back_before):
            self._held.add(key)
            self._passing = _Heard(content, way_s=time_s - echoed.time_s)
            return False
        self.is_open |= echoed.thru is None or len(self._struck_twice) > 1
        self._misses = 0
        if self.is_open:
            self._window_s = min(WINDOW_S, 2 * (time_s - echoed.time_s) + SLACK_S)
        self._echoing[content[1]] += 1
        return True

    def _is_struck_anew(self, time_s: float, key: tuple[int, int], pending: deque[_Sent]) -> bool:
        """Whether a key came up and is struck at once, just as both was sent at once."""
        if time_s > self._released.get(key, -math.inf) + AT_ONCE_S:
            return False
        ends = [one for one in self._pending.get((_NOTE_OFF, key[1]), ()) if one.thru is None]
        return any(abs(one.time_s - end.time_s) <= AT_ONCE_S for one in pending for end in ends)

    def _is_release_echo(self, time_s: float, message: bytes, content: Content) -> bool:
        key = (message[0] & 0x0F, message[1])
        pending = self._pending.get(content, ())
        # The end of a key that is down is the player's, unless he has just let go of it as well.
        is_echo = key not in self._held or (self.is_open and any(one.thru for one in pending))
        if self._echoing[content[1]] and is_echo:
            self._take(content)
            self._echoing[content[1]] -= 1
            return True
        self._held.discard(key)
        self._released[key] = time_s
        return False

    def _is_repeated(self, time_s: float, message: bytes, content: Content) -> bool:
        if self.is_open:
            return self._take(content) is not None
        # Nobody knows yet.
        if content[0] == _CONTROL and content[1] in NOT_REPEATABLE:
            return False
        pending = self._pending.get(content, ())
        if self._latest_came_back and any(one.thru is None for one in pending):
            return True
        # On another channel it is another zone of the keyboard's.
        latest = self._last.get((message[0] & 0x0F, content[:-1]))
        return (
            latest is not None and latest[1:] == (content, True) and time_s < latest[0] + WINDOW_S
        )

    def _take(self, content: Content, one: _Sent | None = None) -> _Sent | None:
        """Take out one of these that are pending: the oldest, or that."""
        pending = self._pending.get(content)
        if not pending:
            return None
        found = pending[0] if one is None else one
        pending.remove(found)
        if not pending:
            del self._pending[content]
        return found

    def _expire(self, now_s: float) -> None:
        while self._order and self._order[0][0] < now_s - self._window_s:
            sent_s, content = self._order.popleft()
            pending = self._pending.get(content)
            if not pending or pending[0].time_s != sent_s:
                continue  # it came back
            self._take(content)
            if content[0] != _NOTE_ON:
                continue
            self._latest_came_back = False
            self._struck_twice.clear()
            self._misses += 1
            if self._misses >= MISSES and self.is_open:
                self.is_open = False
                self._echoing.clear()  # their ends will not come either
                self._window_s = WINDOW_S


def _is_on_its_way_again(sent: _Sent, now_s: float) -> bool:
    """Whether it came from the model, and just as long ago as the way took before."""
    way_s = None if sent.thru is None else sent.thru.way_s
    return way_s is not None and abs(now_s - sent.time_s - way_s) <= AT_ONCE_S


def _content(message: bytes) -> Content:
    kind = message[0] & 0xF0
    if kind == _NOTE_OFF or (kind == _NOTE_ON and message[2] == 0):
        return (_NOTE_OFF, message[1])
    return (kind, *message[1:])
