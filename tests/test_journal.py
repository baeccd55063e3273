"""The journal: what was written is read back, whatever became of the rest."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from live.journal import JOURNAL_VERSION, JournalWriter, read_header, read_lines
from live.journal_line import Line

anything = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "session.jsonl"


def written(path, count=20):
    writer = JournalWriter(path, {"bpm": 120.0})
    for number in range(count):
        writer.write("in", time.perf_counter(), bytes([0x90, number % 128, 80]), number)
    writer.close()
    return path.read_bytes()


# -- there and back ------------------------------------------------------------------------------


def test_lines_come_back_with_their_times_and_bytes(path):
    writer = JournalWriter(path, {"bpm": 90.0, "model": "a.onnx"})
    origin = read_header(path)["origin_s"]
    writer.write("in", origin + 1.25, bytes([0x90, 60, 80]))
    writer.write("out", origin + 1.5, bytes([0x80, 60, 0]), 7, origin + 1.499)
    writer.write("turn", origin + 2, "model")
    writer.close()
    header = read_header(path)
    assert header["journal"] == JOURNAL_VERSION
    assert header["bpm"] == 90.0
    assert header["model"] == "a.onnx"
    first, second, third, last = read_lines(path)
    assert first == Line("in", 1.25, ("903c50",))
    assert second.rest == ("803c00", 7, origin + 1.499)
    assert third == Line("turn", 2.0, ("model",))
    assert last.kind == "end"
    assert writer.lost_lines == 0


def test_threads_lose_nothing_and_keep_their_own_order(path):
    writer = JournalWriter(path, {})

    def write(thread):
        for number in range(500):
            writer.write("in", time.perf_counter(), thread, number)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    lines = [line for line in read_lines(path) if line.kind == "in"]
    for thread in range(6):
        assert [line.rest[1] for line in lines if line.rest[0] == thread] == list(range(500))


def test_line_is_on_the_way_to_the_disk_before_the_session_ends(path):
    writer = JournalWriter(path, {})
    writer.write("in", time.perf_counter(), b"\x90\x3c\x50")
    deadline = time.monotonic() + 5
    while not list(read_lines(path)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [line.rest for line in read_lines(path)] == [("903c50",)]
    writer.close()


def test_journal_that_cannot_be_opened_is_an_os_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="Not a directory"):
        JournalWriter(tmp_path / "file" / "session.jsonl", {})


# -- a disk that is full -------------------------------------------------------------------------

FULL_DISK = """
import resource, signal, sys, time
from pathlib import Path
from live.journal import RETRY_S, JournalWriter

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
writer = JournalWriter(Path(sys.argv[1]), {})
def limit(extra):
    size = Path(sys.argv[1]).stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + extra, resource.RLIM_INFINITY))
def write(text):
    writer.write("in", time.perf_counter(), text)
    time.sleep(0.2)
limit(10)  # room for the beginning of a line
write("cut off")
write("refused")
print(writer.lost_lines)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
time.sleep(RETRY_S + 0.3)
print(writer.lost_lines)
write("after")
limit(10)
write("never written")
writer.close()
print(writer.lost_lines)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_disk_that_was_full_for_a_while_costs_nothing(path):
    run = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, timeout=30
    )
    assert run.stdout.split() == ["2", "0", "2"], run.stderr  # the last: a line, and the end
    texts = [line.rest[0] for line in read_lines(path) if line.kind == "in"]
    assert texts == ["cut off", "refused", "after"]


# -- damage --------------------------------------------------------------------------------------


def test_line_that_was_cut_off_costs_only_itself(path):
    data = written(path)
    whole = list(read_lines(path))
    ends = [i + 1 for i, byte in enumerate(data) if byte == ord("\n")]
    for cut in range(ends[0], len(data), 7):
        path.write_bytes(data[:cut])
        # A line without its line feed is whole all the same.
        complete = sum(end <= cut + 1 for end in ends[1:])
        assert list(read_lines(path)) == whole[:complete]


@given(st.lists(st.binary(max_size=40).filter(lambda b: b"\n" not in b), max_size=8), st.data())
@anything
def test_garbage_between_lines_is_passed_over(tmp_path, garbage, data):
    path = tmp_path / "garbage.jsonl"
    lines = [json.dumps(["in", n / 10, "903c50", n]).encode() for n in range(5)]
    for junk in garbage:
        lines.insert(data.draw(st.integers(0, len(lines))), junk)
    path.write_bytes(b'{"journal": 1}\n' + b"\n".join(lines))
    found = [line.rest[1] for line in read_lines(path) if len(line.rest) == 2]
    assert found == list(range(5))


@given(st.binary(max_size=300))
@anything
def test_any_bytes_can_be_read(tmp_path, data):
    path = tmp_path / "bytes.jsonl"
    path.write_bytes(data)
    assert isinstance(read_header(path), dict)
    for line in read_lines(path):
        assert isinstance(line.kind, str)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(st.lists(json_values, max_size=10))
@anything
def test_any_json_can_be_read_and_times_make_sense(tmp_path, values):
    path = tmp_path / "json.jsonl"
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    assert isinstance(read_header(path), dict)
    for line in read_lines(path):
        assert -60 <= line.time_s < 1e8


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '["in", 1e999, "903c50"]',
        '["in", NaN, "903c50"]',
        '["in", -1, "903c50"]',
        '["in", 1' + "0" * 400 + ', "903c50"]',
        '["in", ' + "1" * 5000 + "]",
        '["in"]',
        '["in", "soon", "903c50"]',
        '[3, 1.0, "903c50"]',
    ],
    ids=lambda text: text[:16],
)
def test_line_that_makes_no_sense_costs_only_itself(path, text):
    path.write_text(f'{text}\n{text}\n["in", 1.0, "903c50"]\n')
    assert read_header(path) == {}
    assert list(read_lines(path)) == [Line("in", 1.0, ("903c50",))]


def test_core_may_have_begun_before_the_journal_and_its_line_is_kept(path):
    path.write_text('{"journal": 1}\n["core", -0.9, {"model": "m"}]\n["core", -1e9, {}]\n')
    assert [(line.kind, line.time_s) for line in read_lines(path)] == [("core", -0.9)]


@pytest.mark.parametrize("kind", ["in", "control", "hush", "clock", "link"])
@pytest.mark.parametrize("data", ["", "f8f8", "90", "zz", None, 7])
def test_message_that_is_not_whole_was_not_told(kind, data):
    line = Line(kind, 1.0, (data, 3))
    assert line.number == 3
    assert line.told is None
    assert line.message is None


def test_missing_journal_is_an_os_error(path):
    with pytest.raises(FileNotFoundError):
        read_header(path)
    with pytest.raises(FileNotFoundError):
        list(read_lines(path))


# -- a process that is killed --------------------------------------------------------------------

ENDLESS = """
import os, sys, time
from pathlib import Path
from live.journal import JournalWriter

writer = JournalWriter(Path(sys.argv[1]), {})
for number in range(10**6):
    now = time.perf_counter()
    writer.write("in", now, number)
    os.write(1, b"%d %.6f\\n" % (number, now))
    time.sleep(0.001)
"""


def test_killed_process_loses_a_tenth_of_a_second_at_most(path):
    with subprocess.Popen(
        [sys.executable, "-c", ENDLESS, str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for text in process.stdout:
            if int(text.split()[0]) >= 1500:  # well past the first time the disk is waited for
                process.kill()
                break
        said = [text, *process.stdout]
    last_s = float([text for text in said if text.endswith("\n")][-1].split()[1])
    origin_s = read_header(path)["origin_s"]
    numbers = [line.rest[0] for line in read_lines(path)]
    assert numbers == list(range(len(numbers)))
    last_kept_s = origin_s + list(read_lines(path))[-1].time_s
    assert last_s - last_kept_s < 0.1
