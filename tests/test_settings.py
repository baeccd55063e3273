"""``config.toml`` and flags: what is right is taken, what is wrong is told in one line."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from live.config_file import DEFAULT_CONFIG, PROJECT
from live.errors import UserError
from live.settings import Settings, load, with_demo


@pytest.fixture
def config(tmp_path):
    """Return a function that writes a config and loads it, with flags over it."""

    def write_and_load(text, flags=None):
        path = tmp_path / "my.toml"
        path.write_text(text)
        return load(path, flags or {})

    return write_and_load


def complaint(call, *arguments):
    """Return the one line that tells what is wrong."""
    with pytest.raises(UserError) as caught:
        call(*arguments)
    line = str(caught.value)
    assert line
    assert "\n" not in line
    return line


# -- the file that comes with the project --------------------------------------------------------


def test_projects_config_holds_every_setting_with_its_default():
    with (PROJECT / DEFAULT_CONFIG).open("rb") as file:
        written = tomllib.load(file)
    del written["training"]
    assert written == Settings().model_dump()


def test_every_setting_of_the_projects_config_is_explained():
    for line in (PROJECT / DEFAULT_CONFIG).read_text().splitlines():
        if "=" in line.split("#")[0] and not line.startswith("model ="):
            assert "#" in line, line


def test_empty_file_gives_the_defaults(config):
    loaded = config("[sampling]\nseed = 1\n")
    assert loaded.performer.bpm == 120.0
    assert loaded.performer.mode == "call"
    assert loaded.midi.input == "auto"
    assert loaded.midi.input_channel is None  # 0 in the file: all of them
    assert loaded.performer.output_channel == 0  # 1 in the file


def test_section_of_the_school_is_passed_over_whatever_it_holds(config):
    assert config("[training]\nno_setting = 1\n").performer.bpm == 120.0


def test_channels_are_counted_from_0_inside(config):
    loaded = config("[midi]\ninput_channel = 3\noutput_channel = 16\n")
    assert loaded.midi.input_channel == 2
    assert loaded.performer.output_channel == 15


def test_whole_numbers_do_where_fractions_are_allowed(config):
    assert config("[time]\nbpm = 90\n").performer.bpm == 90.0


def test_seed_0_is_another_one_each_time(config):
    seeds = {config("").performer.seed for _ in range(5)}
    assert len(seeds) == 5
    assert 0 not in seeds
    assert config("[sampling]\nseed = 7\n").performer.seed == 7


# -- what is wrong -------------------------------------------------------------------------------

WRONG = [
    # the text, what the line has to name, what it has to say of what may be
    ("[time]\ntempo = 120\n", '"time.tempo"', "bpm, beats_per_bar"),
    ("[tempo]\nbpm = 120\n", '"tempo"', "midi, time, turns, sampling, bounds"),
    ("bpm = 120\n", '"bpm"', "midi, time"),
    ("time = 120\n", "time = 120", "section: [time]"),
    ("[[time]]\nbpm = 120\n", "time = [", "section: [time]"),
    ("[time]\nbpm = 'fast'\n", "time.bpm = 'fast'", "number"),
    ("[time]\nbpm = '120'\n", "time.bpm = '120'", "number"),
    ("[time]\nbpm = true\n", "time.bpm = True", "number"),
    ("[time]\nbpm = nan\n", "time.bpm = nan", "400"),
    ("[time]\nbpm = inf\n", "time.bpm = inf", "400"),
    ("[time]\nbpm = 19.9\n", "time.bpm = 19.9", "greater than or equal to 20"),
    ("[time]\nbpm = 401\n", "time.bpm = 401", "less than or equal to 400"),
    ("[time]\nbeats_per_bar = 4.0\n", "time.beats_per_bar = 4.0", "integer"),
    ("[time]\nbeats_per_bar = 0\n", "time.beats_per_bar = 0", "1"),
    ("[turns]\nmode = 'echo'\n", "turns.mode = 'echo'", "'duet', 'solo' or 'listen'"),
    ("[turns]\nhandover = 1\n", "turns.handover = 1", "'tick', 'beat' or 'bar'"),
    ("[midi]\napi = 'oss'\n", "midi.api = 'oss'", "'alsa'"),
    ("[midi]\ninput = ''\n", "midi.input = ''", "must have at least 1 character"),
    ("[midi]\ninput = 3\n", "midi.input = 3", "string"),
    ("[midi]\nthru = 1\n", "midi.thru = 1", "boolean"),
    ("[midi]\noutput_channel = 0\n", "midi.output_channel = 0", "1"),
    ("[midi]\ninput_channel = 17\n", "midi.input_channel = 17", "16"),
    ("[sampling]\nmin_p = 1.5\n", "sampling.min_p = 1.5", "1"),
    ("[sampling]\ntemperature = -1\n", "sampling.temperature = -1", "0"),
    ("[sampling]\nseed = -1\n", "sampling.seed = -1", "0"),
    ("[sampling]\nmodel = 'a\\u0000b'\n".replace("'", '"'), "sampling.model", "must"),
    ("[bounds]\nlowest_pitch = 60\nhighest_pitch = 64\n", "bounds.lowest_pitch", "octave"),
    ("[recording]\nfolder = ['a']\n", "recording.folder = ['a']", "string"),
    ("[recording]\nfolder = '~nobody-of-that-name/x'\n", "~nobody-of-that-name", "home"),
]


@pytest.mark.parametrize(("text", "name", "may_be"), WRONG, ids=[w[0].strip()[:40] for w in WRONG])
def test_wrong_setting_is_named_with_what_it_may_be(config, text, name, may_be):
    line = complaint(config, text)
    assert name in line
    assert may_be in line


@pytest.mark.parametrize(
    "text",
    ["[time\n", "bpm = \n", "[time]\nbpm = 1\nbpm = 2\n", "a = " + "1" * 5000, "a = " + "[" * 9999],
    ids=["bracket", "no value", "twice", "endless number", "endless nesting"],
)
def test_file_that_is_not_toml_is_told_so(config, text):
    line = complaint(config, text)
    assert "my.toml" in line
    assert "TOML" in line


def test_file_that_is_not_text_is_told_so(tmp_path):
    path = tmp_path / "my.toml"
    path.write_bytes(b"\xff\xfe\x00\x01")
    assert "TOML" in complaint(load, path, {})


def test_missing_file_is_named(tmp_path):
    line = complaint(load, tmp_path / "missing.toml", {})
    assert "missing.toml" in line
    assert "No such file" in line


def test_folder_instead_of_a_file_is_told_so(tmp_path):
    assert str(tmp_path) in complaint(load, tmp_path, {})


@given(st.text(max_size=60))
@hypothesis_settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_text_is_taken_or_told_about_in_one_line(tmp_path, text):
    path = tmp_path / "my.toml"
    path.write_text(text, encoding="utf-8")
    try:
        load(path, {})
    except UserError as error:
        assert "\n" not in str(error)  # noqa: PT017 - both ways are right


# -- flags ---------------------------------------------------------------------------------------


def test_flags_win_over_the_file(config):
    text = "[time]\nbpm = 90\nbeats_per_bar = 3\n[midi]\nthru = true\n"
    loaded = config(text, {"time": {"bpm": 140.0, "beats_per_bar": None}, "midi": {"thru": False}})
    assert loaded.performer.bpm == 140.0
    assert loaded.performer.beats_per_bar == 3
    assert loaded.midi.thru is False


def test_wrong_flag_is_not_blamed_on_the_file(config):
    line = complaint(config, "[time]\nbpm = 90\n", {"time": {"bpm": 1000.0}})
    assert "a flag" in line
    assert "time.bpm = 1000.0" in line
    assert "my.toml" not in line


def test_flag_mends_what_is_wrong_in_the_file(config):
    assert config("[time]\nbpm = 9\n", {"time": {"bpm": 100.0}}).performer.bpm == 100.0


def test_flags_do_without_a_section_in_the_file(config):
    assert config("", {"turns": {"mode": "continue"}}).performer.mode == "continue"


# -- paths ---------------------------------------------------------------------------------------


def test_paths_in_the_file_are_relative_to_it(tmp_path, monkeypatch):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "my.toml").write_text(
        '[sampling]\nmodel = "models/a.onnx"\n[recording]\nfolder = "takes"\n'
    )
    monkeypatch.chdir(tmp_path)
    loaded = load(Path("project/my.toml"), {})
    assert loaded.model == folder / "models" / "a.onnx"
    assert loaded.folder == folder / "takes"


def test_file_that_names_no_model_gets_the_projects_wherever_it_lies(tmp_path):
    config = tmp_path / "config.toml"
    config.write_text("[time]\nbpm = 90.0\n")
    assert load(config, {}).model == PROJECT / "exported_models" / "default.onnx"


def test_paths_in_flags_are_relative_to_the_working_folder(tmp_path, monkeypatch):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "my.toml").touch()
    monkeypatch.chdir(tmp_path)
    flags = {"sampling": {"model": "b.onnx"}, "recording": {"folder": "here"}}
    loaded = load(Path("project/my.toml"), flags)
    assert loaded.model.resolve() == tmp_path / "b.onnx"
    assert loaded.folder.resolve() == tmp_path / "here"


def test_absolute_paths_and_the_home_folder_are_themselves(config, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    model = (tmp_path / "x" / "a.onnx").as_posix()
    loaded = config(f'[sampling]\nmodel = "{model}"\n[recording]\nfolder = "~/takes"\n')
    assert loaded.model == Path(model)
    assert loaded.folder == tmp_path / "home" / "takes"


def test_long_path_is_allowed(config, tmp_path):
    long = tmp_path.joinpath(*["folder"] * 60)
    flags = {"recording": {"folder": str(long)}}
    assert config("", flags).folder == long


def test_config_of_the_working_folder_is_found_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load(None, {}).model == PROJECT / "exported_models" / "default.onnx"
    (tmp_path / DEFAULT_CONFIG).write_text('[time]\nbpm = 77\n[sampling]\nmodel = "mine.onnx"\n')
    loaded = load(None, {})
    assert loaded.performer.bpm == 77.0
    assert loaded.model.resolve() == tmp_path / "mine.onnx"


# -- the demo ------------------------------------------------------------------------------------


def test_demo_takes_the_place_of_the_input_and_is_heard_on_every_channel(config):
    loaded = config("[midi]\ninput_channel = 5\noutput = 'synth'\nthru = false\n")
    demo = with_demo(loaded.midi, 240.0)
    assert demo.demo
    assert demo.input_channel is None
    assert demo.output == "synth"
    times = [time_s for time_s, _ in demo.demo]
    assert times == sorted(times)
    struck = sum(data[0] == 0x90 for _, data in demo.demo)
    assert struck == sum(data[0] == 0x80 for _, data in demo.demo) > 12
