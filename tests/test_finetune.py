"""Adapting a trained model: its weights are read back, old music is rehearsed, all is told."""

import json
from pathlib import Path

import keras
import numpy as np
import onnx
import pytest
from mido import MetaMessage
from rich.console import Console

from live.config_file import PROJECT
from live.errors import UserError
from live.model import METADATA_KEY, Model
from tests.lessons import LESSON, SETTINGS, SHAPE
from tests.music import note, play, tune, write
from training import finetune_cli, fit_cli
from training.checkpoint import BEST, read_told
from training.export import export
from training.finetune_cli import finetune_command
from training.fit import fit
from training.generate import prompt_from_file
from training.model_files import write_model
from training.network import EventLSTM, NetworkConfig
from training.onnx_weights import read_network
from training.recordings import divide_recordings, read_recordings
from training.start import read_start

QUIET = Console(quiet=True)


def session(path, player, model, beat=960):
    """Write a recording as the performer does: two named tracks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tracks = []
    for name, pitches in (("Player", player), ("Model", model)):
        notes = [m for i, p in enumerate(pitches) for m in note(i * beat, (i + 1) * beat, p)]
        tracks.append([(0, MetaMessage("track_name", name=name)), *notes])
    return write(path, [(0, MetaMessage("set_tempo", tempo=500_000))], *tracks, beat=beat)


def beyond_all_music(path):
    """Write a valid MIDI file whose notes come after all that can be counted."""
    player = [(0, MetaMessage("track_name", name="Player"))]
    long = [(at * 0x0FFFFFFF, MetaMessage("text", text="")) for at in range(1, 9)]
    return write(path, [*player, *long, *note(8 * 0x0FFFFFFF, 8 * 0x0FFFFFFF + 1, 60)], beat=1)


# -- weights read back ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def other_shape(tmp_path_factory):
    keras.utils.set_random_seed(1)
    network = EventLSTM(NetworkConfig(units=10, layers=2, embedding=6, head=7, dropout=0.3))
    network.build(None)
    for weight in network.trainable_weights:
        weight.assign(weight * 2.0 + 0.01)
    path = tmp_path_factory.mktemp("model") / "other.onnx"
    export(network, path, {"data": [{"name": "none"}]})
    return network, path


def test_every_weight_of_a_model_file_is_read_back(other_shape):
    network, path = other_shape
    read = read_network(path)
    assert read.config == network.config
    for one, other in zip(read.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def changed(path, target, metadata=None, weight=None):
    """Write a copy of a model file with something changed."""
    model = onnx.load(path)
    told = json.loads(model.metadata_props[0].value) | (metadata or {})
    onnx.helper.set_model_props(model, {METADATA_KEY: json.dumps(told)})
    for initializer in model.graph.initializer:
        if weight is not None and weight(initializer):
            initializer.name += "_gone"
            for node in model.graph.node:
                node.input[:] = [
                    initializer.name if f"{name}_gone" == initializer.name else name
                    for name in node.input
                ]
    onnx.save(model, target)
    return target


def test_int8_model_is_refused_in_one_line(other_shape, tmp_path):
    path = changed(other_shape[1], tmp_path / "small.onnx", {"precision": "int8"})
    with pytest.raises(UserError, match="float32 form") as caught:
        read_network(path)
    assert "\n" not in str(caught.value)


def test_model_whose_description_is_of_another_network_is_refused(other_shape, tmp_path):
    wrong = {"units": 12, "layers": 2, "embedding": 6, "head": 7, "dropout": 0.0}
    path = changed(other_shape[1], tmp_path / "wrong.onnx", {"network": wrong})
    with pytest.raises(UserError, match="cannot be read back"):
        read_network(path)


@pytest.mark.parametrize(
    "wrong",
    [{"units": 200_000}, {"layers": 10**9}, {"embedding": 10**9}, {"head": 10**9}, {"head": -1}, 3],
)
def test_network_that_its_file_cannot_hold_is_refused_before_it_is_made(
    other_shape, tmp_path, wrong, monkeypatch
):
    told = {"units": 10, "layers": 2, "embedding": 6, "head": 7, "dropout": 0.0}
    network = told | wrong if isinstance(wrong, dict) else wrong
    path = changed(other_shape[1], tmp_path / "wrong.onnx", {"network": network})
    monkeypatch.setattr("training.onnx_weights.EventLSTM", lambda _: pytest.fail("it was made"))
    with pytest.raises(UserError, match="cannot be read back"):
        read_network(path)


def test_sources_that_make_no_sense_are_passed_over(other_shape, tmp_path):
    path = changed(other_shape[1], tmp_path / "odd.onnx", {"data": [1, None, {"name": "scales"}]})
    assert read_start(path).data == [{"name": "scales"}]
    assert read_start(changed(path, tmp_path / "none.onnx", {"data": 3})).data == []


# -- own music -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("track", "pitches"), [("player", {60}), ("model", {72})])
def test_one_track_of_a_session_is_taken(tmp_path, track, pitches):
    session(tmp_path / "music" / "one.mid", [60] * 50, [72] * 30)
    corpus = read_recordings([tmp_path / "music"], track, tmp_path / "cache", QUIET)
    assert set(corpus.columns["pitch"].tolist()) == pitches
    assert np.all(np.diff(corpus.columns["onset_ticks"]) == 24)


def test_all_of_a_session_may_be_taken(tmp_path):
    session(tmp_path / "music" / "one.mid", [60] * 50, [72] * 30)
    corpus = read_recordings([tmp_path / "music"], "all", tmp_path / "cache", QUIET)
    assert len(corpus.columns) == 80


def test_session_that_the_player_only_heard_is_skipped_and_other_files_are_taken_whole(tmp_path):
    music = tmp_path / "music"
    session(music / "heard.mid", [], [72] * 30)
    play(music / "other.mid", tune(1))
    console = Console(record=True, width=200)
    corpus = read_recordings([music], "player", tmp_path / "cache", console)
    assert corpus.names == ("other",)
    text = console.export_text()
    assert f"skipped {music / 'heard.mid'}: its player played nothing" in text
    assert "2 files: 1 read, 0 from the cache, 1 skipped" in text
    (kept,) = (line.removeprefix("report: ") for line in text.splitlines() if "report: " in line)
    assert "heard.mid" in Path(kept).read_text()


def test_bad_files_among_sessions_cost_only_themselves(tmp_path):
    music = tmp_path / "music"
    session(music / "one.mid", [60] * 50, [72] * 30)
    (music / "bad.mid").write_bytes(b"MThd nothing")
    (music / "gone.mid").symlink_to(tmp_path / "nowhere")
    console = Console(record=True, width=200)
    corpus = read_recordings([music], "player", tmp_path / "cache", console)
    assert corpus.names == ("one",)
    text = console.export_text()
    assert "bad.mid: not a readable MIDI file" in text
    assert "gone.mid: No such file" in text
    assert "3 files: 1 read, 0 from the cache, 2 skipped" in text


def test_file_that_no_reader_survives_costs_nothing_but_itself(tmp_path):
    music = tmp_path / "music"
    session(music / "one.mid", [60] * 50, [72] * 30)
    session(music / "two.mid", [62] * 50, [])
    endless = beyond_all_music(music / "endless.mid")
    console = Console(record=True, width=200)
    corpus = read_recordings([music], "player", tmp_path / "cache", console)
    assert set(corpus.names) == {"one", "two"}
    (line,) = [text for text in console.export_text().splitlines() if "endless" in text]
    assert "numbers beyond all music" in line
    with pytest.raises(UserError, match="numbers beyond all music") as refused:
        prompt_from_file(endless, 10)
    assert "\n" not in str(refused.value)


def test_end_of_a_single_session_is_held_out(tmp_path):
    session(tmp_path / "music" / "one.mid", tune(1, 100), [])
    corpus = read_recordings([tmp_path / "music"], "player", tmp_path / "cache", QUIET)
    training, held_out = divide_recordings(corpus)
    assert [len(piece) for piece in (*training, *held_out)] == [80, 20]


@pytest.mark.parametrize("seed", range(8))  # whichever part the work would be put in
def test_of_many_takes_of_one_work_the_end_of_each_is_held_out(tmp_path, seed):
    for take in range(3):
        session(tmp_path / "music" / f"{take}.mid", tune(seed, 100 + 5 * take), [])
    corpus = read_recordings([tmp_path / "music"], "player", tmp_path / "cache", QUIET)
    training, held_out = divide_recordings(corpus)
    assert [len(piece) for piece in training] == [80, 84, 88]
    assert [len(piece) for piece in held_out] == [20, 21, 22]


def test_a_few_notes_are_refused(tmp_path):
    session(tmp_path / "music" / "one.mid", tune(1, 10), [])
    corpus = read_recordings([tmp_path / "music"], "player", tmp_path / "cache", QUIET)
    with pytest.raises(UserError, match="10 notes are too few"):
        divide_recordings(corpus)


# -- the command ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A run, and its model file."""
    folder = tmp_path_factory.mktemp("base")
    outcome = fit(SETTINGS, LESSON, folder / "run", QUIET)
    export(outcome.network, folder / "base.onnx", {"data": [{"name": "scales"}]})
    return folder


def test_run_and_checkpoint_are_starts_as_the_model_file_is(base):
    weights = read_start(base / "base.onnx").weights
    for source in (base / "run", base / "run" / BEST):
        start = read_start(source)
        assert start.shape == {**SHAPE, "lookback": False, "attention": SETTINGS.attention}
        for one, other in zip(start.weights, weights, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)


def test_float32_form_beside_an_int8_model_is_the_start(base, tmp_path):
    network = read_start(base / "base.onnx").network
    write_model(network, tmp_path / "both.onnx", {"data": [{"name": "scales"}]}, [], QUIET)
    assert Model(tmp_path / "both.onnx").metadata["precision"] == "int8"
    start = read_start(tmp_path / "both.onnx")
    assert start.data == [{"name": "scales"}]
    for one, other in zip(start.weights, network.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_start_that_is_none_is_refused(tmp_path):
    with pytest.raises(UserError, match="no trained model"):
        read_start(tmp_path)


def test_model_learns_the_players_music_and_is_told_what_it_forgets(
    base, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    pattern = [61, 66, 70, 66, 63, 66]
    for number in range(6):
        session(tmp_path / "sessions" / f"{number}.mid", [p + number for p in pattern * 30], [50])
    for number in range(6):
        play(tmp_path / "old" / f"{number}.mid", tune(number, 60))
    finetune_command(
        source=base / "base.onnx",
        data=[tmp_path / "sessions"],
        old=[tmp_path / "old"],
        minutes=0.1,
        track="player",
        rehearse=True,
        out=tmp_path / "mine.onnx",
        run=None,
        settings=["learning_rate = 0.005", "batch = 8", "steps = 24", "patience = 99"],
        config=None,
        cache=tmp_path / "cache",
        again=False,
    )
    told = Model(tmp_path / "mine.onnx").metadata
    assert [d["name"] for d in told["data"]] == ["scales", "own music (player)"]
    assert told["data"][1]["notes"] == 6 * 180
    kept = read_start(tmp_path / "runs" / "mine")
    assert kept.data == told["data"]
    assert kept.training["from"] == "base.onnx"
    assert read_told(tmp_path / "runs" / "mine" / BEST).origin["replaceable"] is True
    assert told["network"]["units"] == SHAPE["units"]
    assert told["training"]["from"] == "base.onnx"
    line = " ".join(capsys.readouterr().out.split())
    before, after = (float(x) for x in line.split("your music ")[1].split(",")[0].split(" -> "))
    assert after < before
    assert after == pytest.approx(told["held_out_bits_per_note"]["sum"], abs=1e-3)
    assert f"-> {told['old_bits_per_note']['sum']:.3f}" in line
    assert "; old music " in line  # after each epoch as well


@pytest.mark.parametrize(
    ("changes", "word"), [({"track": "piano"}, "--track"), ({"minutes": 0.0}, "--minutes")]
)
def test_wrong_options_are_told_in_one_line(base, tmp_path, changes, word):
    given = {"track": "player", "minutes": 1.0} | changes
    with pytest.raises(UserError, match=word) as caught:
        finetune_command(
            source=base / "base.onnx", data=[tmp_path], out=tmp_path / "x.onnx", **given
        )
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "out", "run"),
    [
        ("run.onnx", "run.onnx", None),
        ("run.float32.onnx", "run.onnx", None),
        ("run.onnx", "run.float32.onnx", None),
        ("run", "x.onnx", "run"),
        ("run/best.weights.h5", "run.onnx", None),
    ],
)
def test_what_is_adapted_is_never_replaced(tmp_path, monkeypatch, source, out, run):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("training.finetune_cli.RUNS", Path())
    (tmp_path / "run").mkdir()
    for name in ("run.onnx", "run.float32.onnx", "run/best.weights.h5"):
        (tmp_path / name).touch()
    with pytest.raises(UserError, match="that --from names"):
        finetune_command(
            source=Path(source), data=[tmp_path], out=tmp_path / out, run=run and Path(run)
        )


def test_default_is_nothing_that_training_writes():
    assert finetune_cli.OUT not in (fit_cli.DEFAULT_OUT, Path("exported_models/default.onnx"))
    readme = (PROJECT / "README.md").read_text().splitlines()
    assert not any(f"--out {finetune_cli.OUT}" in line for line in readme)


def test_own_music_of_an_earlier_adaptation_is_told_once(base):
    start = read_start(base / "base.onnx")
    start.data.append({"name": "own music (player)", "notes": 1})
    now = {"name": "own music (player)", "notes": 2}
    assert start.data_with([now]) == [{"name": "scales"}, now]


def test_missing_model_is_refused_before_music_is_read(tmp_path):
    with pytest.raises(UserError, match="--from"):
        finetune_command(source=tmp_path / "no.onnx", data=[tmp_path], out=tmp_path / "x.onnx")
