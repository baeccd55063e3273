"""What is fuzzed: each target takes any bytes, and raises if something is wrong with the answer."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import mido
import onnx
import pytest
from onnx import helper

from live.config_file import PROJECT
from live.core.settings import PerformerSettings
from live.errors import UserError
from live.journal import read_header
from live.live_settings import LiveSetting
from live.model import METADATA_KEY, Model
from live.model_check import refers_to_files
from live.past_take import Take
from live.recording import write_midi_file
from live.replay import replay
from live.settings import LIVE, load
from live.tail import what_stands
from tests.core.room import FlatNetwork
from tests.fuzz.mutation import mutated
from tests.models import write_model
from tests.stage import Stage

LONGEST_S = 600.0
"""A journal whose times go beyond this is not played again here: it would only take long."""


class MidiInput:
    """Bytes of the keyboard: through parser, thru, ledger, journal and core, to a synth.

    The synth raises if a key is struck twice, or released while it does not sound.
    """

    def __init__(self) -> None:
        self._patch = pytest.MonkeyPatch()
        self._stage = Stage(self._patch, keep_lines=False, echo=True, bpm=200, seed_window=4)
        self._count = 0

    @property
    def strikes(self) -> int:
        """How many note-ons the synth has heard."""
        return self._stage.synth.strikes

    def __call__(self, data: bytes) -> None:
        half = len(data) // 2
        self._stage.play(data[:half])
        self._stage.play(data[half:])
        self._count += 1
        if self._count % 4 == 0:
            self._stage.wake()
            self._stage.pass_until(self._stage.now_s + 0.05 * (data[0] % 16 if data else 1))
        if self._count % 64 == 0:
            self.settle()

    def settle(self) -> None:
        """All keys are let go of: then nothing of the player's sounds, and at the end nothing."""
        stage = self._stage
        stage.play(b"\xf7")  # whatever message was begun is broken off
        stage.wake(command="my_turn")
        for _ in range(3):  # what is taken for an echo is one no longer a while later
            stage.now_s += 1.0
            for channel, pitch in sorted(stage.synth.sounding):
                stage.play(bytes([0x80 | channel, pitch, 0]))
        stage.wake(command="my_turn")
        assert stage.synth.sounding == set(), "a note hangs"
        stage.end()
        assert stage.synth.pedals == set(), "a pedal hangs"

    def close(self) -> None:
        self.settle()
        self._patch.undo()


class Journal:
    """A journal as it was found on the disk."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._path = Path(self._folder.name) / "session.jsonl"

    def __call__(self, data: bytes) -> None:
        target = self._path.with_suffix(".mid")
        target.unlink(missing_ok=True)
        self._path.write_bytes(data)
        standing = what_stands(self._path)
        for keys in (standing.down("in"), standing.down("out")):
            assert all(0 <= channel < 16 and 0 <= pitch < 128 for channel, pitch in keys)
        assert standing.number >= 0
        if read_header(self._path):
            write_midi_file(self._path, target)
            _check_balance(mido.MidiFile(target))
        with suppress(UserError):
            take = Take.read(self._path)
            if take.length_s < LONGEST_S:
                replay(take, lambda file: FlatNetwork())
                replay(take, lambda file: FlatNetwork(), as_asked=False)

    def close(self) -> None:
        self._folder.cleanup()


def _check_balance(file: mido.MidiFile) -> None:
    for track in file.tracks:
        down = set()
        for message in track:
            if message.type not in ("note_on", "note_off"):
                continue
            key = (message.channel, message.note)
            if message.type == "note_on" and message.velocity > 0:
                assert key not in down, "struck twice"
                down.add(key)
            else:
                assert key in down, "released twice"
                down.remove(key)
        assert down == set(), "a note without an end"


class Config:
    """A settings file, and values that other programs send for live settings."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._path = Path(self._folder.name) / "config.toml"
        self._live: list[LiveSetting] = list(LIVE)

    def __call__(self, data: bytes) -> None:
        self._path.write_bytes(data)
        with suppress(UserError):
            chosen = load(self._path, {})
            assert chosen.performer.conflict() is None
        text = data[1:].decode("utf-8", "replace")
        setting = self._live[data[0] % len(self._live)] if data else self._live[0]
        with suppress(UserError):
            value = setting.read(text)
            if setting.low is not None:
                assert setting.low <= value <= setting.high

    def close(self) -> None:
        self._folder.cleanup()


class ModelFile:
    """A model file's bytes and its metadata; the bytes are only looked through, not run."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._path = write_model(Path(self._folder.name) / "model.onnx")
        self._model = onnx.load(self._path)

    def __call__(self, data: bytes) -> None:
        with suppress(ValueError):
            refers_to_files(data)
        helper.set_model_props(self._model, {METADATA_KEY: data.decode("utf-8", "replace")})
        self._path.write_bytes(self._model.SerializeToString())
        with suppress(UserError):
            Model(self._path)

    def close(self) -> None:
        self._folder.cleanup()


TARGETS: dict[str, Callable[[], MidiInput | Journal | Config | ModelFile]] = {
    "midi": MidiInput,
    "journal": Journal,
    "config": Config,
    "model": ModelFile,
}

_PERFORMER = asdict(PerformerSettings(model="m.onnx", clock="midi", bpm=120.0, seed_window=4))
_CORE = {"model": "m.onnx", "sha256": "0", "performer": _PERFORMER, "since": 0, "lines": 0}
_SUM = {
    "id": 1,
    "number": 2,
    "down": {"in": [[0, 61]], "out": []},
    "pedals": {"in": [[0, 64]]},
    "played": [["in", 0.2, "903c50", 1]],
    "held": [["in", 0.3, "b0407f", 2]],
    "latest": [["turn", 1.0, "model"], ["beat", 1.0, 24.0, 0.02, 0, 96]],
    "clock": ["running", 0],
    "sound_s": 1.6,
}
_JOURNAL = [
    {"journal": 1, "bpm": 120.0, "origin_s": 5.0},
    ["core", 0.1, _CORE | {"heard": 0}],
    ["in", 0.2, "903c50", 1],
    ["step", 0.2, 1],
    ["in", 0.5, "803c00", 2],
    ["change", 0.6, {"bpm": 90.0, "mode": "continue"}],
    ["do", 0.7, "your_turn"],
    ["step", 1.5, 2],
    ["out", 1.6, "903e40", 1, 6.6],
    ["gone", 2.0],
    ["sum", 2.0, _SUM],
    ["clock", 2.1, "f8", 3],
    ["core", 2.1, _CORE | {"since": 1, "lines": 1, "heard": 3}],
    ["clock", 2.2, "f8", 4],
    ["step", 2.2, 4],
    ["end", 2.5],
]


def seeds(target: str) -> list[bytes]:
    """Return inputs to begin with."""
    if target == "midi":
        chance = random.Random(1)
        return [mutated(chance) for _ in range(50)]
    if target == "journal":
        return ["\n".join(map(json.dumps, _JOURNAL)).encode()]
    if target == "config":
        return [(PROJECT / "config.toml").read_bytes()]
    return [
        b'{"alphabet": {"version": 1}}',
        (PROJECT / "exported_models" / "default.onnx").read_bytes()[:99],
    ]
