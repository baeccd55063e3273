"""``[controls]`` and ``[models]``: how a control is spelled, and what is refused."""

from __future__ import annotations

import pytest

from live.config_file import PROJECT
from live.core.controls import Control, Controls
from live.core.knob import Scale
from live.errors import UserError
from live.settings import LIVE, load


@pytest.fixture
def config(tmp_path):
    def write_and_load(text):
        path = tmp_path / "my.toml"
        path.write_text(text)
        return load(path, {})

    return write_and_load


def only(loaded) -> Control:
    (control,) = loaded.performer.controls
    assert loaded.midi.controls == loaded.performer.controls
    return control


@pytest.mark.parametrize("name", ["bpm", "time.bpm", '"time.bpm"', '"/time/bpm"'])
def test_setting_is_named_in_full_or_short(config, name):
    control = only(config(f'[controls]\n{name} = "CC 20  channel 3"\n'))
    assert (control.target, control.does, control.owner) == ("bpm", "turn", "improviser")
    assert (control.binding.number, control.binding.channel) == (20, 2)
    assert (control.scale.low, control.scale.high, control.scale.log) == (40, 240, True)


USES = [
    ('bpm = "cc 20: 60 to 180"', "turn", Scale(low=60.0, high=180.0, log=True)),
    ('bpm = "cc 20: 180 to 60"', "turn", Scale(low=180.0, high=60.0, log=True)),
    ('bpm = "note 36: 96"', "put", Scale((96.0,))),
    ('beats_per_bar = "cc 20: 2 to 5"', "turn", Scale((2, 3, 4, 5))),
    ('mode = "cc 20"', "turn", Scale(("call", "continue", "duet", "solo", "listen"))),
    ('mode = "note 36"', "next", Scale(("call", "continue", "duet", "solo", "listen"))),
    ('mode = "program 3: duet"', "put", Scale(("duet",))),
    ('handover = "cc 20: next"', "next", Scale(("tick", "beat", "bar"))),
    ('thru = "cc 20"', "turn", Scale((False, True))),
    ('thru = "note 36: off"', "put", Scale((False,))),
    ('output_channel = "note 36: 16"', "put", Scale((15,))),
    ('input_channel = "cc 20"', "turn", Scale((None, *range(16)))),
    ('panic = "program 9"', "command", Scale()),
]


@pytest.mark.parametrize(("line", "does", "scale"), USES, ids=[use[0] for use in USES])
def test_what_a_control_does(config, line, does, scale):
    control = only(config(f"[controls]\n{line}\n"))
    assert (control.does, control.scale) == (does, scale)


def test_every_live_setting_can_be_bound(config):
    for setting in LIVE:
        value = f": {setting.default or 'none'}" if setting.kind == "text" else ""
        control = only(config(f'[controls]\n{setting.name} = "cc 20{value}"\n'))
        assert control.target == setting.field
        assert control.owner == setting.owner
        if value and setting.spelling != "model":
            assert control.scale.values == (setting.to_core(setting.default),)
        for position in range(128) if not value else ():  # none leads out of what is allowed
            given = setting.to_file(control.scale.value(position))
            assert setting.read(given) == given


def test_several_controls_may_be_for_one_thing(config):
    modes = 'turns.mode = ["note 36: duet", "note 37: call"]'
    loaded = config(f'[controls]\n{modes}\npanic = "cc 20"\n')
    assert [c.target for c in loaded.performer.controls] == ["panic", "mode", "mode"]


def test_models_are_files_beside_the_config_and_take_every_program_change(config, tmp_path):
    loaded = config('[models]\n5 = "a.onnx"\n[controls]\nagain = "program 9"\n')
    again, five, others = loaded.performer.controls
    assert five.scale.values == (str(tmp_path / "a.onnx"),)
    assert again.binding.number == 9
    assert others.does == "refuse"
    assert Controls(loaded.midi.controls).consumes(b"\xc0\x63")
    assert not Controls(config("").midi.controls).consumes(b"\xc0\x63")


def test_jump_is_for_all_knobs(config):
    assert only(config('[controls]\nbpm = "cc 20"\n')).soft
    assert not only(config('[controls]\ntakeover = "jump"\nbpm = "cc 20"\n')).soft


WRONG = [
    ('[controls]\nbpm = "cc 20"\nmin_p = "cc 20"\n', "controls.bpm and controls.min_p"),
    ('[controls]\nbpm = "cc 20"\npanic = "cc 20 channel 3"\n', "same control (cc 20"),
    ('[controls]\nbpm = ["note 1: 60", "note 1: 70"]\n', "controls.bpm are bound"),
    ('[models]\n5 = "a.onnx"\n[controls]\nagain = "program 5"\n', "models.5"),
    ('[controls]\nvolume = "cc 20"\n', 'no setting "volume"'),
    ('[controls]\nvolume = "cc 20"\n', "your_turn"),
    ('[controls]\nsampling.seed = "cc 20"\n', "cannot be changed"),
    ('[controls]\nbpm = "cc 128"\n', 'such as "cc 67"'),
    ('[controls]\nbpm = "pitchbend"\n', 'such as "cc 67"'),
    ("[controls]\nbpm = 20\n", 'such as "cc 67"'),
    ("[controls]\nbpm = [20]\n", 'such as "cc 67"'),
    ('[controls]\nyour_turn = "cc 200"\n', 'such as "cc 67"'),
    ('[controls]\nyour_turn = "cc 20: 5"\n', "a command takes no value"),
    ('[controls]\nbpm = "cc 20: 60 to 1000"\n', "400"),
    ('[controls]\nbpm = "cc 20: 60 to 60"\n', "two ends"),
    ('[controls]\nbpm = "cc 20: fast"\n', "number"),
    ('[controls]\nbpm = "note 36"\n', '"note 36: VALUE"'),
    ('[controls]\nbpm = "note 36: 60 to 90"\n', "knob"),
    ('[controls]\nbpm = "note 36: next"\n', "next"),
    ('[controls]\nmode = "note 36: dance"\n', "'duet'"),
    ('[controls]\nmodel = "cc 20"\n', "VALUE"),
    ('[controls]\ntakeover = "hard"\n', "'soft' or 'jump'"),
    ('[models]\n128 = "a.onnx"\n', "0 to 127"),
    ('[models]\njazz = "a.onnx"\n', "0 to 127"),
    ("[models]\n1 = 2\n", "string"),
]


@pytest.mark.parametrize(("text", "says"), WRONG, ids=[wrong[0] for wrong in WRONG])
def test_wrong_control_is_one_line(config, text, says):
    with pytest.raises(UserError) as caught:
        config(text)
    line = str(caught.value)
    assert "my.toml" in line
    assert says in line
    assert "\n" not in line


def test_projects_config_binds_nothing():
    assert load(PROJECT / "config.toml", {}).performer.controls == ()
