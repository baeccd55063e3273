"""From wire bytes to messages: whatever comes, only whole and valid messages leave."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from live.midi_io.parser import MAX_SYSEX_BYTES, MidiParser

REALTIME = (0xF8, 0xFA, 0xFB, 0xFC, 0xFE, 0xFF)
UNDEFINED_REALTIME = (0xF9, 0xFD)
UNDEFINED_COMMON = (0xF4, 0xF5)

seven_bits = st.integers(0, 127)


def channel_message(status):
    count = 1 if status & 0xF0 in (0xC0, 0xD0) else 2
    return st.lists(seven_bits, min_size=count, max_size=count).map(lambda d: bytes([status, *d]))


channel_messages = st.integers(0x80, 0xEF).flatmap(channel_message)
system_messages = st.one_of(
    st.lists(seven_bits, max_size=20).map(lambda d: bytes([0xF0, *d, 0xF7])),
    seven_bits.map(lambda d: bytes([0xF1, d])),
    st.tuples(seven_bits, seven_bits).map(lambda d: bytes([0xF2, *d])),
    seven_bits.map(lambda d: bytes([0xF3, d])),
    st.just(bytes([0xF6])),
    st.sampled_from(REALTIME).map(lambda b: bytes([b])),
)
messages = channel_messages | system_messages


def parse(*parts):
    parser = MidiParser()
    return [message for part in parts for message in parser.feed(part)]


# -- by example ----------------------------------------------------------------------------------


def test_running_status_repeats_the_last_status():
    assert parse([0x91, 60, 80, 64, 81, 60, 0]) == [
        bytes([0x91, 60, 80]),
        bytes([0x91, 64, 81]),
        bytes([0x91, 60, 0]),
    ]


def test_running_status_goes_on_in_the_next_packet():
    assert parse([0xC2, 5], [6], [7]) == [bytes([0xC2, n]) for n in (5, 6, 7)]


def test_note_on_with_velocity_0_stays_as_it_is():
    assert parse([0x90, 60, 0]) == [bytes([0x90, 60, 0])]


@pytest.mark.parametrize("realtime", REALTIME)
def test_realtime_byte_inside_a_message_harms_neither(realtime):
    assert parse([0x90, realtime, 60, realtime, 80, 61, realtime, 80]) == [
        bytes([realtime]),
        bytes([realtime]),
        bytes([0x90, 60, 80]),
        bytes([realtime]),
        bytes([0x90, 61, 80]),
    ]


def test_realtime_byte_inside_sysex_harms_neither():
    assert parse([0xF0, 1, 0xF8, 2, 0xFE, 3, 0xF7]) == [
        bytes([0xF8]),
        bytes([0xFE]),
        bytes([0xF0, 1, 2, 3, 0xF7]),
    ]


@pytest.mark.parametrize("undefined", UNDEFINED_REALTIME)
def test_undefined_realtime_byte_is_as_if_it_were_not_there(undefined):
    assert parse([0x90, 60, undefined, 80, undefined, 61, 80]) == parse([0x90, 60, 80, 61, 80])
    assert parse([0xF0, 1, undefined, 2, 0xF7]) == [bytes([0xF0, 1, 2, 0xF7])]


@pytest.mark.parametrize("undefined", UNDEFINED_COMMON)
def test_undefined_system_byte_and_its_data_are_dropped(undefined):
    assert parse([0x90, 60, 80, undefined, 61, 80]) == [bytes([0x90, 60, 80])]
    assert parse([undefined, 1, 2, 3, 0x80, 60, 0]) == [bytes([0x80, 60, 0])]


@pytest.mark.parametrize("common", [(0xF1, 5), (0xF2, 5, 6), (0xF3, 5), (0xF6,)])
def test_system_common_message_cancels_running_status(common):
    assert parse([0x90, 60, 80, *common, 61, 80]) == [bytes([0x90, 60, 80]), bytes(common)]


def test_sysex_cancels_running_status():
    assert parse([0x90, 60, 80, 0xF0, 1, 0xF7, 61, 80])[2:] == []


def test_sysex_may_come_in_pieces():
    assert parse([0xF0, 1], [2], [3, 0xF7]) == [bytes([0xF0, 1, 2, 3, 0xF7])]


def test_sysex_that_another_message_breaks_off_is_dropped():
    assert parse([0xF0, 1, 2, 0x90, 60, 80]) == [bytes([0x90, 60, 80])]


def test_endless_sysex_is_dropped_and_does_not_fill_the_memory():
    parser = MidiParser()
    tracemalloc.start()
    for _ in range(12):
        assert parser.feed([0xF0] + [1] * (MAX_SYSEX_BYTES // 4)) == []
        for _ in range(8):
            assert parser.feed([1] * (MAX_SYSEX_BYTES // 4)) == []
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 4 * MAX_SYSEX_BYTES
    # Its end is no message either, and what follows is heard as ever.
    assert parser.feed([0xF7, 0x90, 60, 80]) == [bytes([0x90, 60, 80])]


def test_longest_sysex_still_passes():
    body = [1] * (MAX_SYSEX_BYTES - 1)
    assert parse([0xF0, *body, 0xF7]) == [bytes([0xF0, *body, 0xF7])]
    assert parse([0xF0, *body, 1, 0xF7]) == []


def test_stray_data_bytes_and_ends_are_dropped():
    assert parse([1, 2, 3, 0xF7, 4, 0x90, 60, 80]) == [bytes([0x90, 60, 80])]


# -- whatever comes ------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=40)))
def test_any_bytes_give_only_whole_valid_messages(parts):
    for message in parse(*parts):
        assert mido.Message.from_bytes(message).bytes() == list(message)


@given(st.lists(messages), st.data())
def test_messages_come_out_as_they_went_in_wherever_they_are_split(sent, data):
    stream = b"".join(sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    edges = [0, *cuts, len(stream)]
    parts = [stream[a:b] for a, b in pairwise(edges)]
    assert parse(*parts) == sent


@given(st.lists(messages), st.data())
def test_running_status_loses_nothing(sent, data):
    stream, running = bytearray(), None
    for message in sent:
        leave_out = message[0] == running and data.draw(st.booleans())
        stream += message[1:] if leave_out else message
        if message[0] < 0xF0:
            running = message[0]
        elif message[0] < 0xF8:
            running = None  # a real-time message lets it run on
    assert parse(stream) == sent


@given(st.lists(channel_messages | st.binary(min_size=1, max_size=6)), st.data())
def test_realtime_bytes_anywhere_change_nothing_else(sent, data):
    stream = [byte for byte in b"".join(sent) if byte < 0xF8]
    plain = parse(stream)
    for _ in range(data.draw(st.integers(0, 5))):
        at = data.draw(st.integers(0, len(stream)))
        stream.insert(at, data.draw(st.sampled_from((*REALTIME, *UNDEFINED_REALTIME))))
    assert [m for m in parse(stream) if m[0] < 0xF8] == plain


@given(st.binary(max_size=60), channel_messages)
def test_message_after_any_garbage_is_heard(garbage, message):
    assert parse(garbage, message)[-1] == message
