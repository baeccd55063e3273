"""Runs that are ended early, even by kill -9, go on where they were."""

import dataclasses
import json
import math
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from rich.console import Console

from live.errors import UserError
from tests.lessons import LESSON, PIECES, SETTINGS, SHAPE
from training.checkpoint import _STATE, BEST, LAST, read_told
from training.dataset import Readings
from training.fit import _found, _restore, fit
from training.network import EventLSTM, NetworkConfig
from training.objective import compile_for_training
from training.start import Start, read_start

PROJECT = Path(__file__).resolve().parent.parent
# Dropout draws at random in each step, so that it has to go on as well.
STRAIGHT = SETTINGS.model_copy(update={"dropout": 0.2})
KILLED_AT = 13
INSIDE = "inside.weights.h5"
"""A copy of the last checkpoint, from inside an epoch, as it was left."""

KILLED = f"""
import os, pathlib, signal, sys
from rich.console import Console
from tests.lessons import LESSON
from tests.test_training_resume import STRAIGHT, begun
from training import fit as fit_module
from training.callbacks import Pace

class Killed(Pace):
    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch, logs)
        if self.state.steps_done == {KILLED_AT}:
            os.kill(os.getpid(), signal.SIGKILL)

fit_module.Pace = Killed
often = STRAIGHT.model_copy(update={{"checkpoint_minutes": 1e-9}})
fit_module.fit(often, LESSON, pathlib.Path(sys.argv[1]), Console(quiet=True), start=begun())
"""


def begun():
    """Return the weights that the run begins with: a network that grows attention."""
    keras.utils.set_random_seed(3)
    plain = EventLSTM(NetworkConfig(**SHAPE))
    plain.build(None)
    keras.utils.set_random_seed(os.getpid())  # chance begins elsewhere in every process
    return Start(plain, [], {}, {}).grown(False, STRAIGHT.attention, STRAIGHT.seed).weights


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("killed") / "run"
    process = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder)], cwd=PROJECT, capture_output=True, text=True
    )
    assert process.returncode == -signal.SIGKILL, process.stderr
    shutil.copy(folder / LAST, folder.with_name(INSIDE))
    return folder


@pytest.fixture(scope="module")
def resumed(killed):
    console = Console(record=True, width=160)
    return fit(STRAIGHT, LESSON, killed, console, start=begun()), console.export_text()


def test_killed_run_reaches_what_it_would_have_reached(resumed, tmp_path):
    outcome, text = resumed
    assert "going on from" in text
    assert "epoch 2" in text
    straight = fit(STRAIGHT, LESSON, tmp_path / "run", Console(quiet=True), start=begun())
    assert [e["steps"] for e in outcome.history] == [e["steps"] for e in straight.history]
    assert outcome.events == straight.events
    for one, other in zip(
        outcome.network.get_weights(), straight.network.get_weights(), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-4)
    assert outcome.bits["sum"] == pytest.approx(straight.bits["sum"], abs=1e-3)
    assert straight.bits["sum"] < straight.history[0]["held_out_sum"]  # there was much to reach


def test_checkpoint_tells_the_figures_of_its_own_weights_or_none(resumed, killed):
    assert read_start(killed.with_name(INSIDE)).figures == {}
    told = read_start(killed / LAST).figures["held_out_bits_per_note"]
    assert told["sum"] == pytest.approx(resumed[0].history[-1]["held_out_sum"], abs=1e-4)


def test_finished_run_has_nothing_left_to_do(resumed, killed):
    outcome, _ = resumed
    console = Console(record=True, width=200)
    after = fit(STRAIGHT, LESSON, killed, console, start=begun())
    assert "it is over" in console.export_text()
    assert after.events == outcome.events
    assert after.bits == pytest.approx(outcome.bits)


def test_more_epochs_go_on_from_a_finished_run(resumed, killed, tmp_path):
    for name in (BEST, LAST):
        (tmp_path / name).write_bytes((killed / name).read_bytes())
    longer = STRAIGHT.model_copy(update={"epochs": 4})
    outcome = fit(longer, LESSON, tmp_path, Console(quiet=True), start=begun())
    assert [e["steps"] for e in outcome.history] == [0, 8, 16, 24, 32]


def retold(path, part, **changes):
    """Change what a checkpoint says."""
    with h5py.File(path, "r+") as file:
        told = json.loads(bytes(file[_STATE][()]))
        told[part] |= changes
        del file[_STATE]
        file.create_dataset(_STATE, data=np.frombuffer(json.dumps(told).encode(), np.uint8))


@pytest.mark.parametrize("left", ["the one before", "none", "a broken one"])
def test_best_epoch_that_a_full_disk_took_is_not_the_best_any_more(resumed, killed, tmp_path, left):
    outcome, _ = resumed
    for name in (BEST, LAST):
        shutil.copy(killed / name, tmp_path / name)
    retold(tmp_path / LAST, "state", best=0.01, since_best=1)  # far better, and never written
    if left == "none":
        (tmp_path / BEST).unlink()
    elif left == "a broken one":
        truncate(tmp_path / BEST)
    network = EventLSTM(outcome.network.config)
    network.build(None)
    compile_for_training(network, STRAIGHT)
    told = read_told(tmp_path / LAST)
    best = _restore(network, tmp_path, told.state, told.identity)
    np.testing.assert_array_equal(network.get_weights()[0], read_start(killed / LAST).weights[0])
    if left == "the one before":
        assert told.state.best == min(e["held_out_sum"] for e in told.state.history)
        np.testing.assert_array_equal(best[0], read_start(killed / BEST).weights[0])
    else:
        assert best is None
        assert told.state.best == math.inf


def test_begun_again_and_killed_at_once_it_does_not_go_on_with_the_old_run(
    resumed, killed, tmp_path, monkeypatch
):
    for name in (BEST, LAST):
        shutil.copy(killed / name, tmp_path / name)

    def kill(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("training.fit._build", kill)
    with pytest.raises(KeyboardInterrupt):
        fit(STRAIGHT, LESSON, tmp_path, Console(quiet=True), again=True)
    assert list(tmp_path.iterdir()) == []


def test_only_a_run_that_may_be_replaced_is(resumed, killed, tmp_path):
    path = tmp_path / LAST
    shutil.copy(killed / LAST, path)
    same = read_told(path).identity
    other = {**same, "music": {**same["music"], "training": "other"}}
    longer = STRAIGHT.model_copy(update={"epochs": 99})

    def found(identity, settings=STRAIGHT):
        return _found(path, identity, settings, 8, replace=True)

    assert found(same) is not None
    with pytest.raises(UserError, match="--again"):
        found(other)
    retold(path, "origin", replaceable=True)
    assert found(other) is None
    assert found(same) is None
    assert found(same, longer) is not None
    truncate(path)  # nobody knows what it was
    with pytest.raises(UserError, match="--again"):
        found(same)


def refusal(settings, lesson, folder):
    with pytest.raises(UserError) as caught:
        fit(settings, lesson, folder, Console(quiet=True), start=begun())
    line = str(caught.value)
    assert "\n" not in line
    assert "--again" in line
    return line


def test_checkpoint_of_another_network_is_refused(resumed, killed):
    wider = STRAIGHT.model_copy(update={"units": 24})
    line = refusal(wider, LESSON, killed)
    assert "another network" in line
    assert "units 16, not 24" in line


def test_run_does_not_go_on_with_other_music_or_settings(resumed, killed):
    other = dataclasses.replace(LESSON, training=Readings.of(PIECES[:20]))
    assert "other music" in refusal(STRAIGHT, other, killed)
    assert "batch 8, not 4" in refusal(STRAIGHT.model_copy(update={"batch": 4}), LESSON, killed)


def truncate(path):
    path.write_bytes(path.read_bytes()[:5000])


def empty(path):
    path.write_bytes(b"")


def foreign(path):
    with h5py.File(path, "w") as file:
        file.create_group("layers")


@pytest.mark.parametrize("break_it", [truncate, empty, foreign])
def test_broken_checkpoint_is_refused_in_one_line(resumed, killed, tmp_path, break_it):
    (tmp_path / LAST).write_bytes((killed / LAST).read_bytes())
    break_it(tmp_path / LAST)
    assert "no whole checkpoint" in refusal(STRAIGHT, LESSON, tmp_path)


def test_again_begins_again_even_where_nothing_but_checkpoints_can_be_written(tmp_path):
    (tmp_path / LAST).write_bytes(b"")
    (tmp_path / "logs").write_text("a file, not a folder")
    (tmp_path / "curves.png").mkdir()
    console = Console(record=True, width=200)
    once = STRAIGHT.model_copy(update={"epochs": 1, "optimizer": "rmsprop"})
    outcome = fit(once, LESSON, tmp_path, console, again=True)
    assert outcome.epochs == 1
    text = console.export_text()
    assert text.count("no logs for TensorBoard") == 1
    assert "no curves" in text
