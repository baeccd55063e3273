"""When a run is over, and how much of it: epochs or minutes, whichever come first."""

import pytest

from live.errors import UserError
from tests.lessons import LESSON, SETTINGS
from training.callbacks import Pace
from training.checkpoint import State
from training.fit import fit
from training.settings import Training

EPOCH_STEPS = 10


def share(epochs, minutes, steps, seconds):
    settings = Training(epochs=epochs, minutes=minutes)
    pace = Pace(settings, EPOCH_STEPS, State(steps_done=steps, elapsed_s=seconds))
    assert pace.over == (pace.share_done == 1.0)
    return pace.share_done


@pytest.mark.parametrize(
    ("epochs", "minutes", "steps", "seconds", "done"),
    [
        (4, 0.0, 10, 1e6, 0.25),
        (0, 2.0, 10**6, 30.0, 0.25),
        (4, 2.0, 10, 60.0, 0.5),
        (4, 2.0, 30, 60.0, 0.75),
        (4, 2.0, 10, 130.0, 1.0),
        (4, 2.0, 41, 60.0, 1.0),
    ],
)
def test_what_is_over_first_ends_the_run_and_its_schedule(epochs, minutes, steps, seconds, done):
    assert share(epochs, minutes, steps, seconds) == pytest.approx(done)


def test_run_without_an_end_is_refused(tmp_path):
    endless = SETTINGS.model_copy(update={"epochs": 0})
    with pytest.raises(UserError, match="--epochs or --minutes"):
        fit(endless, LESSON, tmp_path / "run", None)
    assert not (tmp_path / "run").exists()
