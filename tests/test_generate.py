"""Writing music offline: the same seed gives the same file, and the file holds what was drawn."""

from collections import Counter

import numpy as np
import pytest
from typer.testing import CliRunner

from live.core.guard import ALLOWED_NOTES
from live.errors import UserError
from live.events import DRUMS, DURATION, PITCH, SHIFT, Note, encode_piece
from live.model import Model
from tests.models import write_model
from tests.music import musicxml, play, tune, xml_note
from training.cli import app
from training.continuing import Sampling
from training.generate import generate, prompt_from_file, prompt_from_pieces
from training.reading import read
from training.sheet import midi_bytes, score_of, sheet_bytes


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("model") / "wild.onnx")


@pytest.fixture(scope="module")
def prompt(tmp_path_factory):
    return play(tmp_path_factory.mktemp("prompt") / "tune.mid", tune(1, 40))


def run(*arguments):
    return CliRunner().invoke(app, ["generate", *map(str, arguments)])


def heard(notes):
    return [(n.onset_ticks, n.pitch, n.duration_ticks, n.instrument) for n in notes]


# -- the score -----------------------------------------------------------------------------------


def test_notes_that_sound_as_one_are_a_chord_and_others_stand_alone():
    notes = [Note(0, 60, 0, 24), Note(0, 64, 0, 24), Note(0, 67, 0, 48), Note(30, 70, 0, 5)]
    part = score_of(notes, 100, 96).parts[0]
    (chord,) = part.getElementsByClass("Chord")
    singles = list(part.getElementsByClass("Note"))
    assert [p.midi for p in chord.pitches] == [60, 64]
    assert [(n.pitch.midi, float(n.offset), float(n.quarterLength)) for n in singles] == [
        (67, 0.0, 2.0),
        (70, 1.25, pytest.approx(5 / 24)),
    ]


def test_a_midi_file_holds_every_note_of_every_instrument(tmp_path):
    notes = [
        *(Note(i * 24, 60 + i, 0, 24, 50 + 4 * i) for i in range(8)),
        *(Note(i * 48 + 8, 40 + i, 43, 40, 90) for i in range(4)),
        *(Note(i * 96, 36, DRUMS, 12, 102) for i in range(2)),
        *(Note(i * 96, p, 81, 90, 62) for i in range(2) for p in (50, 57)),
    ]
    path = tmp_path / "band.mid"
    path.write_bytes(midi_bytes(score_of(notes, 90, 96)))
    again = read(path).notes
    assert heard(again) == heard(sorted(notes, key=lambda n: n.sort_key))
    assert sorted(n.velocity for n in again) == sorted(n.velocity for n in notes)


@pytest.mark.parametrize(("bar", "signature"), [(96, "4/4"), (72, "3/4"), (36, "3/8"), (50, "4/4")])
def test_bars_become_a_time_signature(bar, signature):
    score = score_of([Note(0, 60, 0, 24)], 100, bar)
    assert score.parts[0].getTimeSignatures()[0].ratioString == signature


def test_sheet_music_is_readable_whatever_the_rhythm(tmp_path):
    random = np.random.default_rng(1)
    onsets = np.cumsum(random.integers(0, 30, 60))
    notes = [
        Note(int(o), int(p), 0, int(d))
        for o, p, d in zip(
            onsets, random.integers(30, 90, 60), random.integers(1, 150, 60), strict=True
        )
    ]
    path = tmp_path / "sheet.musicxml"
    path.write_bytes(sheet_bytes(notes, 100, 96, "A title"))
    assert b"A title" in path.read_bytes()
    assert b"encoding-date" not in path.read_bytes()
    assert {n.pitch for n in read(path).notes} == {n.pitch for n in notes}


# -- prompts -------------------------------------------------------------------------------------


def test_a_prompt_is_the_end_of_its_file(prompt):
    events = prompt_from_file(prompt, 10)
    assert len(events) == 10
    assert events[-1, 2] == 1 + tune(1, 40)[-1]
    whole = prompt_from_file(prompt, 40)
    np.testing.assert_array_equal(whole, encode_piece(read(prompt).notes)[:-1])


def test_prompts_come_from_anywhere_in_long_enough_pieces():
    pieces = [encode_piece(Note(i, 60, 0, 1) for i in range(n)) for n in (5, 30)]
    random = np.random.default_rng(1)
    numbers = {prompt_from_pieces(pieces, 10, random)[0] for _ in range(20)}
    assert numbers == {1}
    with pytest.raises(UserError, match="--seed-notes"):
        prompt_from_pieces(pieces, 40, random)


def test_time_begins_with_the_prompt_s_first_bar(model):
    notes = [Note(72 + i * 24, 60 + i, 0, 24, None, (72 + i * 24) % 96) for i in range(9)]
    events = encode_piece(notes)[1:-1]
    written = generate(Model(model), events, 20, Sampling(1.0, 0.0), np.random.default_rng(1))
    assert (len(written.prompt), len(written.continuation)) == (9, 20)
    assert written.bar_ticks == 96
    assert written.prompt[0].onset_ticks == 72
    assert all(n.bar_ticks == n.onset_ticks % 96 for n in written.continuation)


# -- the command ---------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_files_and_another_other_ones(model, prompt, tmp_path):
    files = []
    for name, seed in (("one", 1), ("same", 1), ("other", 2)):
        out = [tmp_path / f"{name}{suffix}" for suffix in (".mid", ".musicxml", ".png")]
        common = ("--model", model, "--prompt", prompt, "--notes", 30, "--seed", seed)
        result = run(*common, "--out", out[0], "--musicxml", out[1], "--png", out[2])
        assert result.exit_code == 0, result.output
        files.append([path.read_bytes() for path in out])
    assert files[0] == files[1]
    for one, other in zip(files[0], files[2], strict=True):
        assert one != other
    assert files[0][2].startswith(b"\x89PNG")


def test_the_file_holds_the_prompt_and_as_many_notes_as_were_asked_for(model, prompt, tmp_path):
    out = tmp_path / "out.mid"
    common = ("--model", model, "--prompt", prompt, "--seed-notes", 20, "--bpm", 96, "--out", out)
    result = run(*common, "--notes", 50)
    assert result.exit_code == 0, result.output
    notes = read(out).notes
    assert len(notes) == 70
    assert [n.pitch for n in notes[:20]] == tune(1, 40)[20:]
    assert b"\xff\x51\x03" + (60_000_000 // 96).to_bytes(3, "big") in out.read_bytes()


def only(field, likely):
    """Return the probabilities of a field: of these values, and of no others."""
    found = np.zeros(field.size)
    for value, probability in likely.items():
        found[field.encode(value)] = probability
    return found


def test_temperature_and_min_p_are_heard_of(prompt, tmp_path):
    """A model of which each draw is one of three pitches: 60 with 0.6, 64 with 0.3, 67 with 0.1."""
    model = write_model(
        tmp_path / "three.onnx",
        {
            "shift": only(SHIFT, {24: 1.0}),
            "pitch": only(PITCH, {60: 0.6, 64: 0.3, 67: 0.1}),
            "duration": only(DURATION, {24: 1.0}),
        },
    )

    def drawn(temperature, min_p, count=100):
        out = tmp_path / f"{temperature} {min_p}.mid"
        flags = ("--notes", count, "--temperature", temperature, "--min-p", min_p, "--out", out)
        result = run("--model", model, "--prompt", prompt, *flags)
        assert result.exit_code == 0, result.output
        return out.read_bytes(), Counter(n.pitch for n in read(out).notes[-count:])

    as_learned, pitches = drawn(1, 0)
    assert pitches.keys() == {60, 64, 67}
    assert pitches[60] > pitches[64] > pitches[67]
    same, _ = drawn(1, 0.1)  # the least likely is a sixth as likely as the likeliest
    assert same == as_learned
    _, of_two = drawn(1, 0.4, ALLOWED_NOTES)  # more of the same, and the guard against loops heats
    assert of_two.keys() == {60, 64}
    likeliest, of_one = drawn(1, 1, ALLOWED_NOTES)
    assert of_one.keys() == {60}
    cold, _ = drawn(0.05, 0, ALLOWED_NOTES)
    assert cold == likeliest
    _, warm = drawn(2, 0.1)
    assert warm.keys() == {60, 64, 67}
    assert warm[60] < pitches[60]


def test_without_a_prompt_it_goes_on_from_a_held_out_piece(model, tmp_path):
    for number in range(5):
        play(tmp_path / "music" / f"{number}.mid", tune(number, 60))
    out = tmp_path / "out.mid"
    common = ("--model", model, "--data", tmp_path / "music", "--cache", tmp_path / "cache")
    result = run(*common, "--seed-notes", 30, "--notes", 20, "--out", out)
    assert result.exit_code == 0, result.output
    assert len(read(out).notes) == 50


def test_sheet_music_can_be_a_prompt(model, tmp_path):
    score = tmp_path / "score.musicxml"
    steps = "CDEFGAB"
    score.write_text(musicxml(*("".join(xml_note(s, 4, 1) for s in steps[:4]) for _ in range(3))))
    out = tmp_path / "out.mid"
    result = run("--model", model, "--prompt", score, "--notes", 10, "--out", out)
    assert result.exit_code == 0, result.output
    assert len(read(out).notes) == 22


@pytest.mark.parametrize(
    "wrong", ["missing", "garbage", "short", "folder", "suffix", "model", "bpm", "min_p", "xml"]
)
def test_what_a_user_can_mend_is_one_line(wrong, model, prompt, tmp_path):
    out, more = tmp_path / "out.mid", []
    if wrong == "missing":
        prompt = tmp_path / "none.mid"
    elif wrong == "garbage":
        prompt = tmp_path / "bad.mid"
        prompt.write_bytes(b"MThd nothing")
    elif wrong == "short":
        prompt = play(tmp_path / "short.mid", [60, 62])
    elif wrong == "folder":
        out = tmp_path / "nowhere" / "out.mid"
    elif wrong == "suffix":
        out = tmp_path / "out.wav"
    elif wrong == "model":
        model = tmp_path / "none.onnx"
    elif wrong == "bpm":
        more = ["--bpm", 1]
    elif wrong == "min_p":
        more = ["--min-p", 2]
    else:
        more = ["--musicxml", tmp_path / "sheet.pdf"]
    result = run("--model", model, "--prompt", prompt, "--notes", 5, "--out", out, *more)
    assert isinstance(result.exception, UserError)
    assert "\n" not in str(result.exception)
    assert not out.exists()
