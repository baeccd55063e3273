"""Our own output that comes back at the input: a DAW's monitor, or another performer's thru.

What was sent and comes back unchanged (but for the channel) soon after is an echo, if there is a
way back at all. That there is one is known by:

- two different keys that are struck again while they are held, as they were just sent: no keyboard
  can do that;
- a note of the model's that comes back, unless the note sent before it did not.

What is struck again like that is left out from the first one on: it sounds already.

While there is one, whatever comes back within about twice the time that the way takes is left out.
When eight notes in a row do not come back, the way is taken to be closed. A player who happens to
strike what the model has just struck is heard: other notes did not come back.

Before anything is known, pedals, knobs and programs are left out where they are what the player's
own thru let hold on their channel, so that they do not run in a circle; what the model has sent is
left out as well, unless the latest note did not come back.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from typing import Final

WINDOW_S: Final = 0.25
"""The longest way back."""
SLACK_S: Final = 0.03
"""How much longer than twice the time of the latest echo the next one may take."""
MISSES: Final = 8
"""So many notes in a row that do not come back close the way."""
NOT_REPEATABLE: Final = frozenset({0, 6, 32, 38, 96, 97, 98, 99, 100, 101, *range(120, 128)})
"""Controllers whose value counts anew each time that it is sent."""

_NOTE_OFF, _NOTE_ON, _CONTROL = 0x80, 0x90, 0xB0

Content = tuple[int, ...]
"""A message without its channel; a note-on of velocity 0 is a note-off, which has no velocity."""


class EchoFilter:
    """Tells what comes back from what is played; may be used from several threads.

    Times are seconds of any clock that does not run backwards.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: dict[Content, deque[tuple[float, bool]]] = {}
        """What was sent and has not come back: when, and whether it was thru."""
        self._order: deque[tuple[float, Content]] = deque()
        self._last: dict[tuple[int, Content], tuple[float, Content, bool]] = {}
        """The latest of each controller of a channel: when it was sent, its value, and whether it
        was thru."""
        self._passing: Content | None = None
        """What was heard last: it is about to be sent thru."""
        self._held: set[tuple[int, int]] = set()
        """Channel and pitch of the keys that the player holds."""
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
            is_thru = content == self._passing
            self._pending.setdefault(content, deque()).append((time_s, is_thru))
            self._order.append((time_s, content))
            if content[0] not in (_NOTE_OFF, _NOTE_ON):
                self._last[message[0] & 0x0F, content[:-1]] = (time_s, content, is_thru)

    def heard(self, time_s: float, message: bytes) -> bool:
        """Return whether a channel message that has come in is an echo."""
        content = _content(message)
        with self._lock:
            self._expire(time_s)
            if content[0] == _NOTE_ON:
                is_echo = self._is_onset_echo(time_s, message, content)
            elif content[0] == _NOTE_OFF:
                is_echo = self._is_release_echo(message, content)
            else:
                is_echo = self._is_repeated(time_s, message, content)
            self._passing = None if is_echo else content
            return is_echo

    def let_go(self) -> None:
        """A keyboard is gone: neither its keys' ends will come in nor those of echoes."""
        with self._lock:
            self._held.clear()
            self._echoing.clear()
            self._passing = None

    def _is_onset_echo(self, time_s: float, message: bytes, content: Content) -> bool:
        key = (message[0] & 0x0F, message[1])
        pending = self._pending.get(content)
        again = key in self._held
        if not pending or (pending[0][1] and not (self.is_open or again)):
            self._held.add(key)  # a note of one's own may be repeated
            return False
        sent_s, was_thru = pending[0]
        self._take(content)
        came_back_before, self._latest_came_back = self._latest_came_back, True
        if again:
            self._struck_twice.add(message[1])
        elif not (self.is_open or came_back_before):
            self._held.add(key)
            return False
        self.is_open |= not was_thru or len(self._struck_twice) > 1
        self._misses = 0
        if self.is_open:
            self._window_s = min(WINDOW_S, 2 * (time_s - sent_s) + SLACK_S)
        self._echoing[content[1]] += 1
        return True

    def _is_release_echo(self, message: bytes, content: Content) -> bool:
        key = (message[0] & 0x0F, message[1])
        if self._echoing[content[1]] and (self._take(content) is not None or key not in self._held):
            self._echoing[content[1]] -= 1
            return True
        self._held.discard(key)
        return False

    def _is_repeated(self, time_s: float, message: bytes, content: Content) -> bool:
        if self.is_open:
            return self._take(content) is not None
        # Nobody knows yet.
        if content[0] == _CONTROL and content[1] in NOT_REPEATABLE:
            return False
        if self._latest_came_back and any(
            not was_thru for _, was_thru in self._pending.get(content, ())
        ):
            return True
        # On another channel it is another zone of the keyboard's.
        latest = self._last.get((message[0] & 0x0F, content[:-1]))
        return (
            latest is not None and latest[1:] == (content, True) and time_s < latest[0] + WINDOW_S
        )

    def _take(self, content: Content) -> tuple[float, bool] | None:
        """Take out the oldest of these that are pending."""
        pending = self._pending.get(content)
        if not pending:
            return None
        found = pending.popleft()
        if not pending:
            del self._pending[content]
        return found

    def _expire(self, now_s: float) -> None:
        while self._order and self._order[0][0] < now_s - self._window_s:
            sent_s, content = self._order.popleft()
            pending = self._pending.get(content)
            if not pending or pending[0][0] != sent_s:
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


def _content(message: bytes) -> Content:
    kind = message[0] & 0xF0
    if kind == _NOTE_OFF or (kind == _NOTE_ON and message[2] == 0):
        return (_NOTE_OFF, message[1])
    return (kind, *message[1:])
