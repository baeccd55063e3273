"""``[training]`` of config.toml: what is right is taken, what is wrong is told in one line."""

import subprocess
import sys
import tomllib

import pytest

from live.config_file import DEFAULT_CONFIG, PROJECT
from live.errors import UserError
from training.fit_cli import parse
from training.settings import SECTION, SIZES, Training, load


@pytest.fixture
def config(tmp_path):
    def write_and_load(text, flags=None):
        path = tmp_path / "my.toml"
        path.write_text(text)
        return load(path, flags or {})

    return write_and_load


def test_projects_config_holds_every_setting_with_its_default():
    with (PROJECT / DEFAULT_CONFIG).open("rb") as file:
        assert tomllib.load(file)[SECTION] == Training().model_dump()


@pytest.mark.parametrize("size", SIZES)
def test_size_names_a_shape_and_single_numbers_win(config, size):
    text = f'[training]\nsize = "{size}"\n'
    named = {**SIZES[size], "lookback": False, "attention": 256}
    assert config(text).shape == named
    assert config(text + "units = 48\nlookback = true\nattention = 0\n").shape == (
        named | {"units": 48, "lookback": True, "attention": 0}
    )


def test_flags_win_over_the_file_and_the_file_over_the_defaults(config):
    text = "[training]\nbatch = 7\nseed = 8\n"
    chosen = config(text, {"batch": 9, "epochs": None})
    assert (chosen.batch, chosen.seed, chosen.epochs) == (9, 8, Training().epochs)


def test_minutes_as_a_flag_are_not_cut_short_by_epochs_that_no_flag_asks_for(config):
    text = "[training]\nepochs = 3\nminutes = 1.0\n"
    assert config(text).epochs == 3
    assert config(text, {"minutes": 9.0}).epochs == 0
    assert config(text, {"minutes": 9.0, "epochs": 4}).epochs == 4


def test_variation_is_that_of_the_settings(config):
    assert config("[training]\nstretch = 0.25\ntranspose = 3\n").variation.stretch == 0.25


def test_section_may_be_missing_and_the_performers_sections_are_passed_over(config):
    assert config("[time]\nbpm = 90\n") == Training()


WRONG = [
    ("[training]\nbach = 1\n", '"training.bach"', "batch"),
    ("training = 1\n", "training = 1", "section: [training]"),
    ('[training]\nsize = "xl"\n', "training.size = 'xl'", "'s', 'm' or 'l'"),
    ("[training]\nbatch = 0\n", "training.batch = 0", "1"),
    ("[training]\nbatch = 1.5\n", "training.batch = 1.5", "integer"),
    ("[training]\ndropout = 1.0\n", "training.dropout = 1.0", "less than 1"),
    ("[training]\nlearning_rate = nan\n", "training.learning_rate = nan", "finite"),
    ("[training]\noptimizer = 'sgd'\n", "training.optimizer = 'sgd'", "'adam' or 'rmsprop'"),
    ("[training]\nprecision = 'float16'\n", "training.precision", "'bfloat16'"),
    ("[training]\ncheckpoint_minutes = 11\n", "training.checkpoint_minutes = 11", "10"),
    ("[training\n", "my.toml", "TOML"),
]


@pytest.mark.parametrize(("text", "named", "said"), WRONG)
def test_what_is_wrong_is_told_in_one_line(config, text, named, said):
    with pytest.raises(UserError) as caught:
        config(text)
    line = str(caught.value)
    assert named in line
    assert said in line
    assert "\n" not in line


def test_settings_on_the_command_line_are_written_as_in_the_file():
    assert parse(["dropout = 0.2", "optimizer=rmsprop", 'size = "s"', "batch=16"]) == {
        "dropout": 0.2,
        "optimizer": "rmsprop",
        "size": "s",
        "batch": 16,
    }
    with pytest.raises(UserError, match="--set batch"):
        parse(["batch"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["fit", "--size", "xl"],
        ["fit", "--set", "bach = 1"],
        ["--units", "-3"],
        ["fit", "--config", "nowhere.toml"],
        ["finetune", "--from", "nowhere.onnx", "--data", "."],
    ],
)
def test_wrong_command_ends_with_one_line_and_exit_code_2(tmp_path, arguments):
    result = subprocess.run(
        [sys.executable, "-m", "training", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    assert not (tmp_path / "runs").exists()
