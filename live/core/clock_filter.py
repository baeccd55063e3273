"""Where the beat is, from the moments at which clock messages arrived.

A switching Kalman filter: the state of each hypothesis is the true moment of the latest clock tick
and the time between two ticks, and hypotheses differ in what they believe to have happened. A
tick's message may come a little early or late, as is usual; it may come far off and mean nothing,
or come twice; ticks before it may have been lost; or the tempo may have jumped. The likelihood of
what comes later decides: a gap followed by the old pace was a lost tick, a gap followed by more of
the same is a slower tempo. See Blackman, "Multiple hypothesis tracking for multiple target
tracking", IEEE Aerospace and Electronic Systems Magazine 19 (2004), here with a single target.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from live.events import TICKS_PER_BEAT

LEAST_PERIOD_S: Final = 60 / 450 / TICKS_PER_BEAT
MOST_PERIOD_S: Final = 60 / 15 / TICKS_PER_BEAT
"""Between two ticks: 450 and 15 beats per minute."""
JITTER_S: Final = 0.0018
"""Standard deviation of a message's arrival: that of even chances within 3 ms."""
STRAY_S: Final = 0.03
"""And of one that was held up on its way."""
RAMP: Final = 4e-4
"""What the time between ticks may change by from one tick to the next, as a share of it."""
LEAPS: Final = ((1.0, math.log(0.003)), (0.4, math.log(0.0003)), (2.5, math.log(0.0003)))
"""When the tempo leaps, the time between ticks is about so many times what it was (with the log of
how probable that is),"""
LEAP: Final = 0.35
"""give or take this share of it, one standard deviation."""
MOST_HYPOTHESES: Final = 6
USUAL: Final = 2.0
"""A single hypothesis is not questioned while messages come within so many deviations."""
LOCKED_S: Final = 0.0015
"""It is locked when the next ticks are known to this, one standard deviation."""
AHEAD_TICKS: Final = 5
"""How many ticks ahead that has to hold: about the time between a note's hand-out and its sound."""
UNLIKELY: Final = 12.0
"""Hypotheses whose log likelihood is so far behind the best are given up."""

STRAY: Final = math.log(0.01)
STEPS: Final = (
    (0, math.log(0.003)),
    (2, math.log(0.01)),
    (3, math.log(0.003)),
    (4, math.log(0.001)),
)
"""How many ticks further a message may be than the one before, with the log of how probable it is:
none, when it came twice, or several, when some were lost."""


@dataclass(frozen=True, slots=True)
class _Hypothesis:
    """What may be: moments in seconds, (co)variances in seconds squared."""

    tick: int
    time_s: float
    period_s: float
    time_var: float
    covar: float
    period_var: float
    log_likelihood: float = 0.0

    def expect(self, steps: int) -> _Hypothesis:
        """Return what it says of the moment some ticks later."""
        return _Hypothesis(
            self.tick + steps,
            self.time_s + steps * self.period_s,
            self.period_s,
            self.time_var + 2 * steps * self.covar + steps**2 * self.period_var,
            self.covar + steps * self.period_var,
            self.period_var + steps * (RAMP * self.period_s) ** 2,
            self.log_likelihood,
        )

    def leap(self, ratio: float) -> _Hypothesis:
        """Return it with a new time between ticks, about so many times the old one."""
        period_s = ratio * self.period_s
        return replace(
            self, period_s=period_s, covar=0.0, period_var=self.period_var + (LEAP * period_s) ** 2
        )

    def observe(self, time_s: float, deviation_s: float, log_prior: float) -> _Hypothesis:
        """Return it with a message taken into account that came at a moment."""
        total = self.time_var + deviation_s**2
        off = time_s - self.time_s
        by_time, by_period = self.time_var / total, self.covar / total
        return _Hypothesis(
            self.tick,
            self.time_s + by_time * off,
            self.period_s + by_period * off,
            (1 - by_time) * self.time_var,
            (1 - by_time) * self.covar,
            self.period_var - by_period * self.covar,
            self.log_likelihood + log_prior - (off**2 / total + math.log(total)) / 2,
        )

    def like(self, other: _Hypothesis) -> bool:
        """Whether both say the same, for all that is known."""
        return (
            self.tick == other.tick
            and abs(self.period_s - other.period_s) < 0.03 * self.period_s
            and abs(self.time_s - other.time_s) < 0.05 * self.period_s
        )


def _can_be(hypothesis: _Hypothesis) -> bool:
    return LEAST_PERIOD_S <= hypothesis.period_s <= MOST_PERIOD_S


class ClockFilter:
    """Counts ticks and knows their moments. Ticks are numbered from 0, the first message's."""

    def __init__(self) -> None:
        self._first_s: float | None = None
        self._hypotheses: list[_Hypothesis] = []

    @property
    def tick(self) -> int:
        """Return the number of the latest tick; -1 before the first one."""
        if self._hypotheses:
            return self._hypotheses[0].tick
        return -1 if self._first_s is None else 0

    @property
    def period_s(self) -> float | None:
        """Return the time between two ticks; None: not known yet."""
        return self._hypotheses[0].period_s if self._hypotheses else None

    @property
    def time_s(self) -> float | None:
        """Return the moment at which the latest tick was due; None before the first one."""
        return self._hypotheses[0].time_s if self._hypotheses else self._first_s

    @property
    def locked(self) -> bool:
        """Whether the next ticks are known well."""
        return bool(self._hypotheses) and (
            self._hypotheses[0].expect(AHEAD_TICKS).time_var < LOCKED_S**2
        )

    def hear(self, time_s: float) -> None:
        """Take the moment at which a tick's message came; they come in order."""
        if self._hypotheses:
            self._follow(time_s)
        elif self._first_s is None:
            self._first_s = time_s
        else:
            period_s = min(max(time_s - self._first_s, LEAST_PERIOD_S), MOST_PERIOD_S)
            var = JITTER_S**2
            self._hypotheses = [_Hypothesis(1, time_s, period_s, var, var, 2 * var)]

    def _follow(self, time_s: float) -> None:
        best = self._hypotheses[0]
        usual = best.expect(1)
        if len(self._hypotheses) == 1:
            off = abs(time_s - usual.time_s)
            if off < USUAL * math.sqrt(usual.time_var + JITTER_S**2):
                seen = usual.observe(time_s, JITTER_S, -best.log_likelihood)
                if _can_be(seen):
                    self._hypotheses = [seen]
                    return
        branches: list[_Hypothesis] = []
        for each in self._hypotheses:
            ahead = each.expect(1)
            branches.append(ahead.observe(time_s, JITTER_S, 0.0))
            branches.append(ahead.observe(time_s, STRAY_S, STRAY))
            for ratio, log_prior in LEAPS:
                branches.append(each.leap(ratio).expect(1).observe(time_s, JITTER_S, log_prior))
            for steps, log_prior in STEPS:
                branches.append(each.expect(steps).observe(time_s, JITTER_S, log_prior))
        branches = [branch for branch in branches if _can_be(branch)]
        branches.sort(key=lambda each: -each.log_likelihood)
        kept: list[_Hypothesis] = []
        for branch in branches:
            if branch.log_likelihood < branches[0].log_likelihood - UNLIKELY:
                break
            if not any(branch.like(other) for other in kept):
                kept.append(branch)
            if len(kept) == MOST_HYPOTHESES:
                break
        self._hypotheses = kept or [usual]
