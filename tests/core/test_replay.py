"""The journal of a session is enough to get the same notes again: on a simulated clock."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from live import journal
from live.comparison import compare
from live.core.settings import PerformerSettings
from live.journal import MOMENTS_PER_S, moment, read_lines
from live.past_take import Take
from live.replay import replay
from tests.core.room import FlatNetwork, Room
from tests.core.studio import Studio


@pytest.fixture(autouse=True)
def short_sections(monkeypatch):
    """A tail of the journal is not all of it even where a session is short."""
    monkeypatch.setattr(journal, "SECTION_LINES", 30)


MODES = ["call", "continue", "duet", "solo", "listen"]
keys = st.tuples(st.sampled_from([0x90, 0x90, 0x80]), st.integers(48, 72), st.integers(0, 127)).map(
    bytes
)
pedals = st.sampled_from([bytes([0xB0, 64, 127]), bytes([0xB0, 64, 0])])
commands = st.sampled_from(["your_turn", "my_turn", "again", "keep", "panic"])
changes = st.one_of(
    st.fixed_dictionaries({"bpm": st.floats(40, 300)}),
    st.fixed_dictionaries({"temperature": st.floats(0.1, 2)}),
    st.fixed_dictionaries({"horizon_ms": st.floats(5, 300)}),
    st.fixed_dictionaries({"lowest_pitch": st.integers(20, 50), "min_p": st.floats(0, 1)}),
    st.fixed_dictionaries({"mode": st.sampled_from(MODES)}),
)
steps = st.lists(
    st.tuples(
        st.floats(0, 0.8),
        st.one_of(
            st.tuples(st.just("play"), keys | pedals),
            st.tuples(st.just("play"), keys),
            st.tuples(st.just("wake"), st.none()),
            st.tuples(st.just("do"), commands),
            st.tuples(st.just("change"), changes),
            st.tuples(st.just("die"), st.none()),
        ),
        st.floats(0, 0.02),  # how long after the moment the improviser wakes up
    ),
    max_size=30,
)
quick = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def perform(path, taken, mode="call", late_s=0.0):
    """Play a session whose improviser is as late as it happens; return the studio."""
    path.unlink(missing_ok=True)
    settings = PerformerSettings(mode=mode, seed=7, bpm=180, seed_window=8, model="flat.onnx")
    studio = Studio(path, settings)
    now = 0.0
    for gap, (what, how), delay in taken:
        _sleep_until(studio, now, now + gap, late_s)
        now += gap
        if what == "play":
            studio.play(now, how)
            studio.turn_to(now + delay)
            now += delay / 2  # the next message may be of a moment before the core was asked
        elif what == "wake":
            studio.turn_to(now)
        elif what == "die":
            studio.restart(now, now + 0.3)
            now += 0.3
        else:
            studio.turn_to(now, (what, how))
    _sleep_until(studio, now, now + 4, late_s)
    studio.close(now + 4)
    return studio


def _sleep_until(studio, now_s, time_s, late_s):
    for _ in range(2000):
        wake_s = studio.core.wake_at()
        if wake_s is None or wake_s - studio.origin_s + late_s >= time_s:
            return
        # Nobody wakes up before the moment, also when it is rounded.
        now_s = max(wake_s - studio.origin_s + late_s, now_s) + 2 / MOMENTS_PER_S
        studio.turn_to(now_s)
    raise AssertionError("the core wants to be asked without end")


def again(path, **how):
    return replay(Take.read(path), lambda begins: FlatNetwork(), **how)


@given(steps, st.sampled_from(MODES), st.sampled_from([0.0, 0.003, 0.2]))
@quick
def test_any_session_plays_the_same_notes_again_to_the_last_bit(tmp_path, taken, mode, late_s):
    studio = perform(tmp_path / "session.jsonl", taken, mode, late_s)
    replayed = again(studio.path)
    assert [given.note for given in replayed.given] == studio.given
    found = compare(Take.read(studio.path), replayed)
    assert found.alike, found
    assert found.recorded == len(studio.sent)


def some_session(path, late_s=0.0):
    melody = [(0.2, ("play", bytes([0x90, 60 + n, 80])), 0.001) for n in range(6)]
    melody += [(0.01, ("play", bytes([0x80, 60 + n, 0])), 0.001) for n in range(6)]
    return perform(path, [*melody, (5.0, ("wake", None), 0.0), *melody], "continue", late_s)


def test_a_session_of_another_seed_is_told_apart(tmp_path):
    studio = some_session(tmp_path / "session.jsonl")
    assert len(studio.sent) > 5
    lines = studio.path.read_text().splitlines()
    index = next(i for i, line in enumerate(lines) if line.startswith('["core"'))
    core = json.loads(lines[index])
    core[2]["performer"]["seed"] = 8
    lines[index] = json.dumps(core)
    studio.path.write_text("\n".join(lines))
    found = compare(Take.read(studio.path), again(studio.path))
    assert not found.alike
    assert found.same < found.recorded == len(studio.sent)
    assert found.first_difference_s is not None


def test_a_note_that_was_not_recorded_or_not_played_again_is_a_difference(tmp_path):
    studio = some_session(tmp_path / "session.jsonl")
    lines = studio.path.read_text().splitlines()
    onsets = [i for i, x in enumerate(lines) if x.startswith('["out"') and '"90' in x]
    fewer = [line for i, line in enumerate(lines) if i != onsets[2]]
    studio.path.write_text("\n".join(fewer))
    found = compare(Take.read(studio.path), again(studio.path))
    assert (found.recorded - found.same, found.more) == (0, 1)
    other = json.loads(lines[onsets[2]])
    other[2] = "9001" + other[2][4:]
    lines[onsets[2]] = json.dumps(other)
    studio.path.write_text("\n".join(lines))
    found = compare(Take.read(studio.path), again(studio.path))
    assert (found.recorded - found.same, found.more) == (1, 1)


def test_asked_when_it_wants_to_be_gives_what_a_session_that_was_never_late_gave(tmp_path):
    studio = some_session(tmp_path / "session.jsonl")
    replayed = again(studio.path, as_asked=False)
    assert [given.note for given in replayed.given if given.sounds] == studio.sent


def test_messages_that_the_disk_did_not_take_are_counted(tmp_path):
    studio = some_session(tmp_path / "session.jsonl")
    lines = studio.path.read_text().splitlines()
    played = [i for i, line in enumerate(lines) if line.startswith('["in"')]
    studio.path.write_text("\n".join(x for i, x in enumerate(lines) if i not in played[2:5]))
    assert Take.read(studio.path).missing == 3


@given(st.floats(0, 1e7, allow_nan=False), st.floats(-1e6, 1e9))
def test_a_moment_is_read_back_from_the_journal_exactly(time_s, origin_s):
    at_s = moment(origin_s + time_s)
    written = json.loads(json.dumps(round(at_s - origin_s, 6)))
    assert moment(origin_s + written) == at_s


extra_asks = st.lists(st.floats(0, 30), max_size=60)


@given(
    st.lists(st.tuples(st.floats(0, 1.2), keys | pedals), max_size=30),
    extra_asks,
    st.sampled_from(["call", "continue", "duet", "solo"]),
    st.sampled_from([5.0, 100.0, 700.0]),
    st.sampled_from([2, 8, 128]),
)
@settings(max_examples=100, deadline=None)
def test_being_asked_more_often_changes_no_note(played, asks, mode, horizon_ms, window):
    def notes(extra):
        room = Room(mode=mode, bpm=170, horizon_ms=horizon_ms, seed_window=window)
        now, timeline = 0.0, [(at, None) for at in extra]
        for gap, data in played:
            now += gap
            timeline.append((now, data))
        for at, data in sorted(timeline, key=lambda item: item[0]):
            if data is None:
                room.pass_until(at)
                room._take(room.core.advance(at))
            else:
                room.play([(at, data)])
        room.pass_until(30)
        return [(n.onset_s, n.release_s, n.pitch, n.velocity) for n in room.model]

    assert notes(asks) == notes([])


def test_a_journal_that_says_nothing_of_the_model_is_refused_in_one_line(tmp_path):
    from live.errors import UserError

    path = tmp_path / "old.jsonl"
    path.write_text('{"journal": 1, "origin_s": 1.0}\n["in", 0.5, "903c50"]\n')
    with pytest.raises(UserError, match="does not say what the model heard"):
        Take.read(path)
    path.write_text("nothing\n")
    with pytest.raises(UserError, match="not the journal of a session"):
        Take.read(path)
    with pytest.raises(UserError, match="cannot read"):
        Take.read(tmp_path / "none.mid")
    assert list(read_lines(path)) == []
