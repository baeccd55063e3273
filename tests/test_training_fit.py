"""Training itself, on music so small that it takes seconds."""

import math
import os
import signal
import subprocess
import sys
from itertools import pairwise

import mido
import numpy as np
import pytest
from rich.console import Console

from live.events import COLUMN, PREDICTED, START, special_event
from live.model import Model
from live.prediction import FIELD_SLICE, draw_noise
from tests.conftest import PROJECT
from tests.disk import REFUSED, full_disk
from tests.jack import wait_for
from tests.lessons import LESSON, SETTINGS, SHAPE, scale
from training import fit as fit_module
from training.callbacks import Checkpoints, Pace
from training.checkpoint import BEST, LAST, State, restore
from training.columns import encode_columns
from training.corpus import corpus_paths
from training.dataset import Readings, validation_dataset
from training.export import export
from training.fit import fit
from training.network import EventLSTM, NetworkConfig
from training.objective import compile_for_training
from training.settings import Training

CONFIG = NetworkConfig(**SHAPE, dropout=0.0)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "name"
    console = Console(record=True, width=160)
    outcome = fit(SETTINGS, LESSON, folder, console)
    return folder, outcome, console.export_text()


def test_each_epoch_is_told_and_kept(run):
    folder, outcome, text = run
    assert outcome.epochs == 3
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [BEST, LAST, "curves.png", "logs"]
    )
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert list((folder / "logs").rglob("*tfevents*"))  # TensorBoard's
    assert [epoch["steps"] for epoch in outcome.history] == [8, 16, 24]
    for epoch in (1, 2, 3):
        assert f"epoch {epoch}: " in text
    assert "events/s" in text


def test_held_out_music_is_known_better_than_by_chance(run):
    _, outcome, _ = run
    assert outcome.bits["pitch"] < 5.5  # chance: log2(129) = 7.0
    assert outcome.bits["velocity"] == 0.0  # nothing is notated, nothing is asked
    fields = [bits for name, bits in outcome.bits.items() if name != "sum"]
    assert outcome.bits["sum"] == pytest.approx(sum(fields))


@pytest.fixture(scope="module")
def model(run, tmp_path_factory):
    _, outcome, _ = run
    path = tmp_path_factory.mktemp("model") / "scales.onnx"
    export(outcome.network, path, {"held_out": outcome.bits})
    return Model(path)


def test_result_is_a_file_that_the_performer_plays(run, model):
    assert model.metadata["held_out"]["sum"] == pytest.approx(run[1].bits["sum"])
    noise = draw_noise(np.random.default_rng(0))
    event = model.run(special_event(START)[None], model.zero_states(), noise=noise).event
    assert event.shape == (len(PREDICTED),)


def test_figures_are_those_of_the_exported_network(run, model):
    """Bits per note, worked out from the file's own logits on one held-out piece."""
    piece = scale(25, count=20)
    dataset = validation_dataset(Readings.of([piece]), batch=SETTINGS.batch, steps=SETTINGS.steps)
    figures = run[1].network.evaluate(dataset, verbose=0, return_dict=True)
    states, nats = model.zero_states(), []
    for before, after in pairwise(encode_columns(piece)[:-1]):
        step = model.run(before[None], states, forced=after[: len(PREDICTED)])
        states = step.states
        logits = step.logits[-1, FIELD_SLICE["pitch"]].astype(np.float64)
        nats.append(np.log(np.exp(logits).sum()) - logits[after[COLUMN["pitch"]]])
    # The scales are piano music already: both readings of the piece are the same.
    assert figures["pitch_bits"] == pytest.approx(np.mean(nats) / math.log(2), abs=1e-3)


@pytest.fixture
def network():
    """Compiled, as callbacks find it."""
    network = EventLSTM(CONFIG)
    network.build(None)
    compile_for_training(network, SETTINGS)
    network.stop_training = False
    return network


def test_minutes_end_the_run_and_its_schedule_whatever_the_steps(network):
    clock = iter(range(0, 10**6, 2))  # each step takes two seconds
    settings = Training(learning_rate=1e-3, warm_up=0.1, minutes=1.0)
    pace = Pace(settings, 5, State(), now=lambda: next(clock))
    pace.set_model(network)
    pace.on_train_begin()
    rates = []
    while not network.stop_training:
        pace.on_train_batch_end(len(rates))
        rates.append(float(network.optimizer.learning_rate))
    assert len(rates) == 30
    assert pace.state.elapsed_s == 60.0
    assert max(rates) == pytest.approx(1e-3, rel=0.05)
    assert rates[14] == pytest.approx(pace.rate(0.5))
    assert rates[-1] == pytest.approx(1e-5)


def figures(loss):
    return {"val_loss": loss} | {f"val_{f.name}_bits": loss / 5 for f in PREDICTED}


@pytest.fixture
def checkpoints(network, tmp_path):
    """Return a function that makes checkpoints of the network, with or without a clock."""

    def make(console=None, **given):
        settings = Training(patience=2)
        console = console or Console(quiet=True)
        one = Checkpoints(tmp_path, settings, State(), {"network": {}}, console, **given)
        one.set_model(network)
        return one

    return make


def test_best_epoch_is_kept_and_a_run_that_no_longer_gains_is_ended(network, checkpoints, tmp_path):
    keeping = checkpoints()
    bias = network.heads.hidden.bias
    for epoch, loss in enumerate([3.0, 2.0, 2.5, 2.1]):
        assert not network.stop_training
        bias.assign(bias * 0.0 + epoch)
        keeping.on_epoch_end(epoch, figures(loss))
    assert network.stop_training
    for name, epoch in ((BEST, 1.0), (LAST, 3.0)):
        restore(network, tmp_path / name)
        assert float(bias[0]) == epoch
    network.set_weights(keeping.best_weights)
    assert float(bias[0]) == 1.0


def test_checkpoint_is_written_inside_a_long_epoch(checkpoints, tmp_path):
    seconds = [0.0]
    keeping = checkpoints(now=lambda: seconds[0])
    for seconds[0] in (1.0, 599.0):
        keeping.on_train_batch_end(0)
        assert not (tmp_path / LAST).exists()
    seconds[0] = 601.0
    keeping.on_train_batch_end(0)
    assert (tmp_path / LAST).exists()


def test_full_disk_costs_the_checkpoint_and_not_the_run(network, checkpoints, tmp_path, capfd):
    console = Console(record=True, width=200)
    keeping = checkpoints(console)
    keeping.on_epoch_end(0, figures(3.0))
    kept = (tmp_path / BEST).read_bytes()
    with full_disk(20_000):
        keeping.on_epoch_end(1, figures(2.0))
    told = console.export_text().strip().splitlines()
    assert len(told) == 2  # of the last epoch and of the best
    assert all(REFUSED in line and "training goes on" in line for line in told)
    assert "Traceback" not in capfd.readouterr().err  # of HDF5
    assert not network.stop_training
    assert keeping.state.best == pytest.approx(2.0)
    assert (tmp_path / BEST).read_bytes() == kept
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([BEST, LAST])


def test_interrupt_ends_the_run_and_keeps_what_was_learned(tmp_path, monkeypatch):
    class Interrupted(Pace):
        def on_train_batch_end(self, batch, logs=None):
            super().on_train_batch_end(batch, logs)
            if self.state.steps_done == 3:
                os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(fit_module, "Pace", Interrupted)
    before = signal.getsignal(signal.SIGINT)
    outcome = fit(SETTINGS, LESSON, tmp_path / "run", Console(quiet=True))
    assert outcome.epochs == 1
    assert outcome.events <= 4 * SETTINGS.batch * SETTINGS.steps
    assert math.isfinite(outcome.bits["sum"])
    assert signal.getsignal(signal.SIGINT) is before


def test_learning_rate_rises_then_falls_to_the_end_of_the_run():
    settings = Training(learning_rate=1e-3, warm_up=0.1, epochs=10)
    pace = Pace(settings, 10, State())
    rates = [pace.rate(share) for share in np.linspace(0, 1, 101)]
    assert rates[0] < 1e-4
    assert max(rates) == rates[10] == pytest.approx(1e-3)
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[-1] < 2e-5


def write_midi(path, seed):
    file = mido.MidiFile(ticks_per_beat=24)
    track = mido.MidiTrack()
    file.tracks.append(track)
    for pitch in np.random.default_rng(seed).integers(50, 80, size=40):
        track.append(mido.Message("note_on", note=int(pitch), velocity=70, time=0))
        track.append(mido.Message("note_off", note=int(pitch), time=12))
    file.save(path)


def school(*arguments, folder):
    return subprocess.run(
        [sys.executable, "-m", "training", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        env={
            **os.environ,
            "PYTHONPATH": str(PROJECT),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "COLUMNS": "200",
        },
    )


SMALL = """
[training]
batch = 4
steps = 32
embedding = 16
head = 16
precision = "float32"
"""


def assert_refused(result, *words):
    assert result.returncode == 2, result.stderr
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    for word in words:
        assert word in lines[0]


def test_folder_of_midi_files_becomes_a_model_that_the_performer_plays(tmp_path, performer):
    (tmp_path / "music" / "more").mkdir(parents=True)
    for seed in range(3):
        write_midi(tmp_path / "music" / f"{seed}.mid", seed)
    write_midi(tmp_path / "music" / "more" / "3.midi", 3)
    (tmp_path / "music" / "broken.mid").write_bytes(b"MThd, but not really")
    (tmp_path / "config.toml").write_text(SMALL)
    result = school(
        "--data", "music", "--out", "models/mine.onnx", "--epochs", 1, "--units", 8, folder=tmp_path
    )
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    assert "5-gram" in result.stdout or "order 5" in result.stdout  # judged beside n-grams
    skipped = [line for line in result.stdout.splitlines() if "broken.mid" in line]
    assert len(skipped) == 1
    (report,) = (tmp_path / "cache" / "continuo" / "reports").iterdir()
    assert f"report: {report}" in result.stdout.splitlines()
    assert "broken.mid" in report.read_text()
    assert "epoch 1: " in result.stdout
    model = Model(tmp_path / "models" / "mine.onnx")
    assert model.metadata["data"][0]["pieces"] == 4
    assert model.metadata["data"][0]["notes"] == 160
    assert set(model.metadata["held_out_bits_per_note"]) >= {"pitch", "sum"}
    assert str(tmp_path) not in str(model.metadata)  # nobody's folders travel with a model
    assert (tmp_path / "runs" / "mine" / BEST).exists()
    assert {p.name for p in (tmp_path / "models").iterdir()} == {"mine.onnx", "mine.float32.onnx"}

    session = performer("--demo", "--bpm", "400", "--model", str(tmp_path / "models" / "mine.onnx"))
    wait_for(lambda: "(the model played" in session.output, "the end of its first turn", 60)
    recording = session.stop(signal.SIGTERM)
    played = {track.name: track for track in mido.MidiFile(recording).tracks}["Model"]
    assert any(message.type == "note_on" and message.velocity for message in played)


def test_missing_folder_is_refused(tmp_path):
    assert_refused(school("--data", "nowhere", folder=tmp_path), "nowhere", "--data")


def test_folder_without_music_is_refused(tmp_path):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "mother.txt").write_text("dear")
    assert_refused(school("--data", "letters", folder=tmp_path), "no music", "letters")


def test_folder_with_unreadable_music_alone_is_refused(tmp_path):
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "a.mid").write_bytes(b"nothing")
    assert_refused(school("--data", "music", folder=tmp_path), "could be read")


def test_too_little_music_to_split_is_refused(tmp_path):
    (tmp_path / "music").mkdir()
    write_midi(tmp_path / "music" / "a.mid", 1)
    assert_refused(school("--data", "music", folder=tmp_path), "too little music")


@pytest.mark.parametrize("out", ["letter/model.onnx", "model.h5", "folder.onnx"])
def test_output_that_cannot_be_written_is_refused_before_training(tmp_path, out):
    (tmp_path / "music").mkdir()
    (tmp_path / "letter").write_text("a file, not a folder")
    (tmp_path / "folder.onnx").mkdir()
    write_midi(tmp_path / "music" / "a.mid", 1)
    assert_refused(school("--data", "music", "--out", out, folder=tmp_path), "--out")
    assert not (tmp_path / "runs").exists()


def test_permitted_core_of_the_corpus_is_what_it_is_said_to_be():
    paths = corpus_paths()
    assert len(paths) == 530
    folders = {part for path in paths for part in path.parts}
    assert not folders & {"palestrina", "essenFolksong", "leadSheet", "josquin"}
    assert not any(path.suffix == ".rntxt" for path in paths)
    assert not any("bach" in path.parts and path.suffix == ".krn" for path in paths)
