"""A lesson so small that a network learns it in seconds."""

from __future__ import annotations

from live.events import Note
from training.columns import columns_of
from training.dataset import Readings
from training.fit import Lesson
from training.settings import Training

SHAPE = {"units": 16, "layers": 1, "embedding": 16, "head": 16}
SETTINGS = Training(
    **SHAPE,
    dropout=0.0,
    batch=8,
    steps=24,
    epochs=3,
    learning_rate=1e-2,
    precision="float32",
    seed=3,
)


def scale(index, count=60):
    """A piece that goes up and down; one differs from another by pace and by where it turns."""
    pace, turn = 6 * (index % 4 + 1), 5 + index % 7
    return columns_of(
        Note(pace * i, 48 + abs(i % (2 * turn) - turn), 0, pace, None, pace * i % 96)
        for i in range(count)
    )


PIECES = [scale(i) for i in range(28)]
LESSON = Lesson(Readings.of(PIECES[:24]), Readings.of(PIECES[24:]))
"""An epoch has 8 steps."""
