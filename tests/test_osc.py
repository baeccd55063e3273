"""OSC through the machine's own loopback: what is obeyed, what is refused, what is sent back."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace

import mido
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.osc_packet import OscPacket
from pythonosc.udp_client import SimpleUDPClient

from live.config_file import PROJECT
from live.errors import UserError
from live.messages import TurnChanged
from live.osc.feedback import Feedback
from live.osc.link import osc
from live.osc.server import MAX_BYTES, MESSAGES_PER_S, OscServer
from live.osc.settings import LOOPBACK, OscSettings
from live.osc.words import obey
from live.present import PresentSettings
from live.session import Session
from live.settings import LIVE, load
from live.watching import SettingChanged, Told
from tests.jack import wait_for


class Steered:
    """Keeps what it is asked, and refuses as a session does."""

    def __init__(self):
        self.asked = []
        self.told = []
        self.threads = set()

    def change(self, name, value):
        self.asked.append((name, LIVE.find(name).read(value)))
        self.threads.add(threading.current_thread().name)

    def do(self, command):
        if command not in ("your_turn", "panic"):
            raise UserError(f'there is no command "{command}"')
        self.asked.append(command)

    def play(self, data):
        self.asked.append(data)

    def new_take(self):
        self.asked.append("take")


@pytest.fixture
def steered():
    return Steered()


@pytest.fixture
def server(steered):
    one = OscServer(OscSettings(), steered, LIVE, steered.told.append)
    yield one
    one.close()


@pytest.fixture
def client(server):
    return SimpleUDPClient(*server.address)


def send_raw(server, data):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(data, server.address)


def settled(steered, client, count=1):
    """Wait until everything before now was taken."""
    client.send_message("/do/panic", [])
    wait_for(lambda: steered.asked.count("panic") == count, "the server")
    return [each for each in steered.asked if each != "panic"]


def test_names_are_those_of_the_settings_and_commands(steered, client):
    for address, arguments in (
        ("/time/bpm", 96.5),
        ("/time/bpm", 100),
        ("/turns/mode", "duet"),
        ("/midi/thru", False),
        ("/midi/thru", 1.0),
        ("/sampling/temperature", "0.5"),
        ("/do/your_turn", []),
        ("/do/your_turn", 1.0),
        ("/do/your_turn", 0.0),  # a button that is let go
        ("/do/new_take", []),
        ("/play/note", [60, 80]),
        ("/play/note", [60.0, 0, 10]),
        ("/play/control", [64, 127, 16]),
    ):
        client.send_message(address, arguments)
    assert settled(steered, client) == [
        ("time.bpm", 96.5),
        ("time.bpm", 100.0),
        ("turns.mode", "duet"),
        ("midi.thru", False),
        ("midi.thru", True),
        ("sampling.temperature", 0.5),
        "your_turn",
        "your_turn",
        "take",
        bytes([0x90, 60, 80]),
        bytes([0x99, 60, 0]),
        bytes([0xBF, 64, 127]),
    ]
    assert steered.told == []
    assert steered.threads == {"osc"}


@pytest.mark.parametrize(
    ("address", "arguments", "says"),
    [
        ("/time/tempo", 100, "there is no setting"),
        ("/sampling/seed", 3, "cannot be changed while playing"),
        ("/time/bpm", 1000, "400"),
        ("/time/bpm", [], "one value"),
        ("/time/bpm", [1, 2], "one value"),
        ("/time/*", 100, "there is no setting"),
        ("/do/dance", [], "no command"),
        ("/play/drum", [60, 80], "note, control"),
        ("/play/note", [60], "whole numbers"),
        ("/play/note", [60.5, 80], "whole numbers"),
        ("/play/note", ["C4", 80], "whole numbers"),
        ("/play/note", [128, 80], "0 to 127"),
        ("/play/note", [60, 80, 17], "1 to 16"),
        ("/play/note", [float("inf"), 80], "whole numbers"),
        ("/sampling/model", "/etc/passwd", "name alone"),
        ("/" + "x" * 200, [], "too long"),
    ],
)
def test_what_means_nothing_is_one_line_and_changes_nothing(
    steered, client, address, arguments, says
):
    client.send_message(address, arguments)
    assert settled(steered, client) == []
    (line,) = steered.told
    assert says in line
    assert "OSC" in line
    assert "\n" not in line


ARGUMENT = st.one_of(
    st.floats(),
    st.integers(-(2**63), 2**63 - 1),
    st.text(max_size=300),
    st.binary(max_size=20),
    st.booleans(),
    st.none(),
    st.lists(st.integers(0, 9), max_size=3),
)
ADDRESS = st.one_of(
    st.text(max_size=120),
    st.sampled_from([f"/{s.section}/{s.key}" for s in LIVE]),
    st.sampled_from(["/do/", "/do/panic", "/play/note", "/play/control", "/refresh", "/", "//"]),
)


@given(ADDRESS, st.lists(ARGUMENT, max_size=4))
@hypothesis_settings(max_examples=150)
def test_whatever_comes_is_obeyed_or_refused_in_one_line(address, arguments):
    steered = Steered()
    present = PresentSettings(load(PROJECT / "config.toml", {}), LIVE)
    steered.change = present.change
    try:
        obey(steered, LIVE, lambda: None, address, arguments)
    except UserError as error:
        line = str(error)
    else:
        line = "OSC"
    assert line.startswith("OSC")
    assert "\n" not in line
    for data in steered.asked:
        if isinstance(data, bytes):
            assert len(mido.Message.from_bytes(data).bytes()) == 3


def test_garbage_and_datagrams_that_are_too_long_are_refused(steered, server, client):
    for number, data in enumerate(
        (b"\x00" * 7, b"/time/bpm\x00\x00\x00,f\x00\x00", b"#bundle\x00" + b"\xff" * 40, b"/a,i")
    ):
        server._complained_s = 0  # one line a second otherwise
        send_raw(server, data)
        settled(steered, client, number + 1)
    server._complained_s = 0
    builder = OscMessageBuilder("/turns/mode")
    builder.add_arg("x" * MAX_BYTES)
    send_raw(server, builder.build().dgram)
    assert settled(steered, client, 5) == []
    assert len(steered.told) == 5
    assert "no OSC" in steered.told[0]
    assert str(MAX_BYTES) in steered.told[-1]


def test_a_bundle_is_obeyed_at_once_whatever_its_time(steered, server, client):
    bundle = OscBundleBuilder(time.time() + 3600)
    for bpm in (90, 91):
        builder = OscMessageBuilder("/time/bpm")
        builder.add_arg(bpm)
        bundle.add_content(builder.build())
    send_raw(server, bundle.build().dgram)
    assert settled(steered, client) == [("time.bpm", 90.0), ("time.bpm", 91.0)]


def test_a_flood_is_cut_and_told_about_seldom(steered, server, client):
    began = time.monotonic()
    for number in range(4 * MESSAGES_PER_S):
        client.send_message("/time/bpm", 60 + number % 100)
        if number % 100 == 0:
            client.send_message("/nobody/knows", number)
            time.sleep(0.001)  # so that the system's own buffer does not do the cutting
    took = time.monotonic() - began
    time.sleep(0.1)
    assert 0 < len(steered.asked) <= MESSAGES_PER_S * (1 + took + 0.5)
    assert len(steered.asked) < 4 * MESSAGES_PER_S or took > 2
    assert 1 <= len(steered.told) <= took + 2


def test_a_port_that_is_taken_and_a_wrong_host_are_one_line(server):
    host, port = server.address
    with pytest.raises(UserError, match=f"OSC cannot listen on {host}:{port}"):
        OscServer(OscSettings(port=port), Steered(), LIVE, print)
    with pytest.raises(UserError, match="OSC cannot listen"):
        OscServer(OscSettings(host="192.0.2.1"), Steered(), LIVE, print)


def test_after_closing_nothing_is_obeyed(steered):
    server = OscServer(OscSettings(), steered, LIVE, print)
    client = SimpleUDPClient(*server.address)
    server.close()
    client.send_message("/time/bpm", 100)
    time.sleep(0.05)
    assert steered.asked == []


# -- feedback ------------------------------------------------------------------------------------


class Listening:
    """A client that hears."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((LOOPBACK, 0))
        self.where = f"{LOOPBACK}:{self.socket.getsockname()[1]}"
        self.heard = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                data = self.socket.recv(65536)
            except OSError:
                return
            for timed in OscPacket(data).messages:
                self.heard.append((timed.message.address, *timed.message.params))


@pytest.fixture
def listening():
    one = Listening()
    yield one
    one.socket.close()


def test_a_client_is_told_what_changes_but_not_every_step_of_it(listening):
    feedback = Feedback(listening.where)
    for number in range(5000):
        feedback.take(SettingChanged("time.bpm", number / 10))
    feedback.take(SettingChanged("midi.thru", True))
    feedback.take(TurnChanged(1.0, "model", 0))
    for line in ("a line", "another"):
        feedback.take(Told(line))
    expected = [("/midi/thru", 1), ("/turn", "model"), ("/told", "a line"), ("/told", "another")]
    wait_for(lambda: set(expected) <= set(listening.heard), "the news")
    feedback.close()
    tempos = [value for address, value in listening.heard if address == "/time/bpm"]
    assert tempos[-1] == pytest.approx(499.9)
    assert len(tempos) < 100


def test_a_client_that_does_not_listen_harms_nobody():
    feedback = Feedback(f"{LOOPBACK}:9")
    for number in range(10):
        feedback.take(SettingChanged("time.bpm", float(number)))
        time.sleep(0.02)
    feedback.close()


# -- a whole session -----------------------------------------------------------------------------


def test_a_session_is_steered_and_answers(tmp_path, monkeypatch, listening):
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "continuo-nobody-runs-this")
    long = {"answer": "bars", "answer_bars": 64}  # its turn is not over before it is told about
    flags = {"recording": {"folder": str(tmp_path)}, "turns": long}
    chosen = load(PROJECT / "config.toml", flags)
    demo = replace(chosen.midi, demo=((3600.0, b"\x90\x3c\x50"),), api="jack")
    lines = []
    session = Session(replace(chosen, midi=demo), lines.append)
    session.start()
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind((LOOPBACK, 0))
            port = free.getsockname()[1]
        with osc(OscSettings(port=port, feedback=listening.where), session):
            assert lines[-1] == f"OSC on {LOOPBACK}, port {port}"

            def heard(*message):
                deadline = time.monotonic() + 20
                while message not in listening.heard:
                    assert time.monotonic() < deadline, (message, listening.heard, lines)
                    session.run(0.02)

            heard("/time/bpm", 120.0)  # what holds is sent at the beginning
            heard("/sampling/model", "default.onnx")
            client = SimpleUDPClient(LOOPBACK, port)
            client.send_message("/time/bpm", 400.0)
            heard("/time/bpm", 400.0)
            client.send_message("/play/note", [60, 80])
            client.send_message("/play/note", [60, 0])
            client.send_message("/do/your_turn", 1)
            heard("/turn", "model")
            client.send_message("/sampling/model", "none")
            heard(
                "/told",
                'OSC /sampling/model: there is no model "none"; beside the one that plays '
                "there are: default.onnx",
            )
            listening.heard.clear()
            client.send_message("/refresh", [])
            heard("/turns/mode", "call")
    finally:
        session.close()


def test_it_is_off_unless_a_port_is_named():
    chosen = load(PROJECT / "config.toml", {})
    assert chosen.osc.port == 0
    assert chosen.osc.host == LOOPBACK
    with osc(chosen.osc, None):  # it does not even look at the session
        pass


def test_without_python_osc_it_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "pythonosc.osc_message", None)
    monkeypatch.delitem(sys.modules, "live.osc.server")
    with pytest.raises(UserError, match=r"continuo\[osc\]"), osc(OscSettings(port=1), None):
        pass


def test_the_performer_does_not_load_it_unless_it_is_asked_to():
    code = "import sys, live.cli; print([m for m in sys.modules if 'pythonosc' in m])"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
