"""The command ``export``: the two files of a model, from whatever its weights stand in."""

import pytest
from rich.console import Console

from live.errors import UserError
from live.model import Model
from tests.lessons import LESSON, SETTINGS
from tests.music import play, tune
from training.export import export
from training.export_cli import export_command
from training.fit import fit

QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run that is over, and the network that it came to."""
    folder = tmp_path_factory.mktemp("run")
    return folder, fit(SETTINGS, LESSON, folder, QUIET).network


def test_run_becomes_a_file_to_play_and_one_to_train_on(run, tmp_path):
    export_command(source=run[0], out=tmp_path / "m.onnx")
    assert {path.name for path in tmp_path.iterdir()} == {"m.onnx", "m.float32.onnx"}
    assert Model(tmp_path / "m.onnx").metadata["precision"] == "int8"
    assert Model(tmp_path / "m.float32.onnx").metadata["precision"] == "float32"


def test_what_a_model_says_of_itself_goes_on_with_it_and_the_cost_is_told(run, tmp_path, capsys):
    about = {
        "data": [{"name": "scales", "licence": "ours"}],
        "training": {"events": 7},
        "held_out_bits_per_note": {"sum": 3.5},
    }
    export(run[1], tmp_path / "trained.onnx", about)
    for number in range(30):
        play(tmp_path / "music" / f"{number}.mid", tune(number, 60))
    export_command(
        source=tmp_path / "trained.onnx",
        out=tmp_path / "m.onnx",
        data=[tmp_path / "music"],
        cache=tmp_path / "cache",
    )
    told = Model(tmp_path / "m.onnx").metadata
    assert {name: told[name] for name in about} == about
    cost = f"{100 * told['int8_cost']:+.2f}% bits per note"
    assert cost in " ".join(capsys.readouterr().out.split())


def test_folder_as_target_is_refused(run, tmp_path):
    (tmp_path / "m.onnx").mkdir()
    with pytest.raises(UserError, match="--out"):
        export_command(source=run[0], out=tmp_path / "m.onnx")
