"""The stage page in a real browser: played on, steered, and looked at."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import threading
from functools import partial
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import mido
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from live.journal import read_lines
from live.settings import LIVE
from tests.browser import PROJECT, Performance, Tab, chromium, skip
from tests.jack import wait_for
from tests.page_controls import change, set_number, shown

pytestmark = pytest.mark.browser

PORTS = ("midi.input", "midi.output")
AXE = PROJECT / ".cache/npm/node_modules/axe-core/axe.min.js"


@pytest.fixture(scope="module")
def browser():
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def performance(tmp_path_factory, browser):
    folder = tmp_path_factory.mktemp("page")
    models = [folder / "one.onnx", folder / "two.onnx"]
    for model in models:
        shutil.copy(PROJECT / "exported_models" / "default.onnx", model)
    one = Performance(folder / "sessions", "--bpm", "100", "--model", str(models[0]))
    yield one
    one.close()


@pytest.fixture(scope="module")
def tab(browser, performance):
    """The page that most tests look at; nothing may ever be wrong in it."""
    one = Tab.open(browser, performance.address)
    yield one
    assert one.complaints == []
    assert one.hosts == {f"127.0.0.1:{performance.port}"}
    one.close()


@pytest.fixture(scope="module")
def other_tab(browser, performance):
    """Another page on the same session, of a phone."""
    one = Tab.open(browser, performance.address, width=390, height=844, has_touch=True)
    yield one
    assert one.complaints == []
    one.close()


def lines(performance, *kinds):
    return [line for line in read_lines(performance.journal) if line.kind in kinds]


def heard(performance):
    """Return the notes-on of the player's that are recorded: pitch and velocity."""
    messages = [line.message for line in lines(performance, "in")]
    return [tuple(m[1:]) for m in messages if m[0] & 0xF0 == 0x90]


def turn(tab):
    return tab.page.inner_text(".turn-name")


def settled(performance):
    """Return the lines of what was played once every key is up: none is still on its way."""

    def is_settled():
        kinds = [line.message[0] & 0xF0 for line in lines(performance, "in")]
        return kinds.count(0x90) == kinds.count(0x80)

    wait_for(is_settled, "the ends of all notes")
    return lines(performance, "in")


def play(tab, *codes, seconds=0.12):
    tab.page.evaluate("document.activeElement.blur()")  # a field would take the letters
    for code in codes:
        tab.page.keyboard.down(code)
        tab.page.wait_for_timeout(1000 * seconds)
        tab.page.keyboard.up(code)


def press(tab, command):
    tab.page.click(f".command-{command}")


def make_silent(tab):
    press(tab, "my-turn")
    tab.wait_for(lambda: turn(tab) == "Your turn", "the player's turn")


def is_blue(colour):
    return colour[2] > 200 > 150 > colour[0] and colour[1] > 120


def is_amber(colour):
    return colour[0] > 180 and 90 < colour[1] < 215 and colour[2] < 120


# -- playing -------------------------------------------------------------------------------------


def test_keys_of_the_computer_are_answered_seen_and_recorded(tab, performance):
    tab.page.keyboard.down("KeyA")
    tab.wait_for(lambda: any(map(is_blue, tab.colours(0.1, 0.1, 0.5, 0.9))), "a note in blue")
    tab.page.keyboard.up("KeyA")
    play(tab, "KeyD", "KeyG", "KeyK")
    tab.wait_for(lambda: tab.notes("player") == 4, "the notes on the roll")
    tab.wait_for(lambda: turn(tab) == "Model plays", "the model's turn")
    tab.wait_for(lambda: bool(lines(performance, "out")), "the answer in the recording")
    tab.wait_for(lambda: tab.notes("model") > 0, "the answer on the roll")
    assert [pitch for pitch, _ in heard(performance)] == [60, 64, 67, 72]
    press(tab, "your-turn")
    tab.wait_for(lambda: any(map(is_amber, tab.colours(0.1, 0.1, 0.6, 0.9))), "one in amber")
    tab.wait_for(lambda: turn(tab) == "Your turn", "the player's turn")


def test_octave_and_velocity_of_the_computers_keys_are_changed_with_keys(tab, performance):
    before = len(heard(performance))
    play(tab, "KeyX", "KeyV", "KeyA", "KeyZ", "KeyC", "KeyA", seconds=0.02)
    tab.wait_for(lambda: len(heard(performance)) == before + 2, "both notes")
    (high, loud), (low, soft) = heard(performance)[before:]
    assert high == low + 12
    assert loud == soft + 10
    make_silent(tab)


def test_a_mouse_glides_over_the_keys_and_leaves_none_behind(tab, performance):
    before = len(settled(performance))
    boxes = {p: tab.page.locator(f'.key[data-pitch="{p}"]').bounding_box() for p in (60, 62, 64)}

    def at(pitch, depth):
        box = boxes[pitch]
        return box["x"] + box["width"] / 2, box["y"] + box["height"] * depth

    tab.page.mouse.move(*at(60, 0.95))
    tab.page.mouse.down()
    tab.page.wait_for_selector('.key.by-player[data-pitch="60"]')
    tab.page.mouse.move(*at(62, 0.7))
    tab.page.mouse.move(*at(64, 0.7))
    tab.page.mouse.move(5, 5)
    tab.page.mouse.up()
    tab.wait_for(lambda: len(lines(performance, "in")) == before + 6, "three notes")
    messages = [line.message for line in lines(performance, "in")][before:]
    assert [(m[0], m[1]) for m in messages] == [
        (kind, pitch) for pitch in (60, 62, 64) for kind in (0x90, 0x80)
    ]
    assert messages[0][2] > messages[2][2]  # struck further down it is louder
    make_silent(tab)


def test_fingers_play_chords_on_a_phone(other_tab, performance):
    before = len(settled(performance))
    session = other_tab.context.new_cdp_session(other_tab.page)
    points = []
    other_tab.page.locator(".piano").scroll_into_view_if_needed()
    for number, pitch in enumerate((60, 64)):
        box = other_tab.page.locator(f'.key[data-pitch="{pitch}"]').bounding_box()
        point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + 0.9 * box["height"]}
        points.append({**point, "id": number})
    session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": points})
    other_tab.wait_for(lambda: len(lines(performance, "in")) == before + 2, "the chord")
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    other_tab.wait_for(lambda: len(lines(performance, "in")) == before + 4, "its end")
    make_silent(other_tab)


def test_a_page_that_goes_lets_go_of_its_keys(browser, tab, performance):
    before = len(settled(performance))
    leaving = Tab.open(browser, performance.address)
    leaving.page.keyboard.down("KeyA")
    leaving.wait_for(lambda: len(lines(performance, "in")) == before + 1, "the note")
    leaving.close()
    tab.wait_for(lambda: len(lines(performance, "in")) == before + 2, "its end")
    assert lines(performance, "in")[-1].message[:2] == bytes([0x80, 60])
    make_silent(tab)


MIDI_OF_THE_BROWSER = """
    window.keyboard = { id: "1", name: "Keys at the browser", onmidimessage: null };
    const inputs = new Map([["1", window.keyboard]]);
    navigator.requestMIDIAccess = async () => ({ inputs, onstatechange: null });
"""


def test_a_keyboard_that_the_browser_knows_is_heard_and_recorded(browser, performance):
    tab = Tab.open(browser, performance.address, init_script=MIDI_OF_THE_BROWSER)
    before = len(settled(performance))
    send = "(data) => window.keyboard.onmidimessage?.({ data: new Uint8Array(data) })"
    devices = tab.page.locator(".from-midi select")
    devices.select_option("ask")
    tab.wait_for(lambda: devices.input_value() == "1", "the device")
    assert devices.locator("option:checked").inner_text() == "Keys at the browser"
    played = [[0x90, 61, 99], [0xB0, 64, 127], [0x80, 61, 0], [0xB0, 64, 0]]
    for data in ([0xF8], *played, [0xFE]):  # clock and sensing are none of the player's
        tab.page.evaluate(send, data)
    tab.wait_for(lambda: len(lines(performance, "in")) >= before + 4, "what was played")
    tab.wait_for(lambda: tab.notes("player") > 0, "the note on the roll")
    devices.select_option("")
    tab.page.evaluate(send, [0x90, 62, 99])
    play(tab, "KeyA", seconds=0.02)
    tab.wait_for(lambda: len(lines(performance, "in")) >= before + 6, "a note of the page's")
    recorded = [list(line.message) for line in lines(performance, "in")][before:]
    assert recorded == [*played, [0x90, 60, 84], [0x80, 60, 0]]
    make_silent(tab)
    assert tab.complaints == []
    tab.close()


HEAR_ITSELF = """
    const connect = AudioNode.prototype.connect;
    AudioNode.prototype.connect = function (target, ...rest) {
        if (target instanceof AudioDestinationNode) {
            window.ear = new AnalyserNode(this.context, { fftSize: 2048 });
            connect.call(this, window.ear);
        }
        return connect.call(this, target, ...rest);
    };
"""


def loudness(tab):
    """Return the peak of the latest 2048 samples that the page gives to the loudspeaker."""
    return tab.page.evaluate("""() => {
        const wave = new Float32Array(2048);
        window.ear?.getFloatTimeDomainData(wave);
        return Math.max(...wave.map(Math.abs));
    }""")


def test_the_page_sounds_what_both_play_and_nothing_when_sound_is_off(browser, performance):
    loud, silent = 0.01, 0.0001
    tab = Tab.open(browser, performance.address, init_script=HEAR_ITSELF)
    switch = tab.page.locator(".sound-switch")
    make_silent(tab)
    switch.check()
    tab.wait_for(lambda: tab.page.evaluate("window.ear?.context.state") == "running", "audio")
    assert loudness(tab) < silent
    tab.page.evaluate("document.activeElement.blur()")
    tab.page.keyboard.down("KeyA")
    tab.wait_for(lambda: loudness(tab) > loud, "the player's note")
    tab.page.keyboard.up("KeyA")
    make_silent(tab)
    tab.wait_for(lambda: loudness(tab) < silent, "its end")
    mode = LIVE.find("turns.mode")
    before = shown(tab, mode.name)
    change(tab, mode, before, back_to="continue")
    press(tab, "your-turn")
    tab.wait_for(lambda: loudness(tab) > loud, "the model's notes")
    assert turn(tab) == "Model plays"
    switch.uncheck()
    tab.wait_for(lambda: loudness(tab) < silent, "silence")
    played = len(lines(performance, "out"))
    tab.wait_for(lambda: len(lines(performance, "out")) > played + 4, "more of the model's notes")
    assert loudness(tab) < silent
    change(tab, mode, "continue", back_to=before)
    make_silent(tab)
    assert tab.complaints == []
    tab.close()


# -- steering ------------------------------------------------------------------------------------


def test_commands_are_obeyed(tab, performance):
    done = len(lines(performance, "do"))
    press(tab, "your-turn")
    tab.wait_for(lambda: turn(tab) == "Model plays", "the model's turn")
    press(tab, "my-turn")
    tab.wait_for(lambda: turn(tab) == "Your turn", "the player's turn")
    press(tab, "again")
    press(tab, "keep")
    tab.wait_for(lambda: bool(lines(performance, "mark")), "the mark")
    tab.page.mouse.click(5, 5)
    tab.page.keyboard.press("Escape")
    tab.wait_for(lambda: len(lines(performance, "do")) == done + 5, "all commands")
    asked = [line.rest[0] for line in lines(performance, "do")][done:]
    assert asked == ["your_turn", "my_turn", "again", "keep", "panic"]
    tab.wait_for(lambda: turn(tab) == "Your turn", "silence")


def test_panic_ends_what_the_model_and_the_player_sound(tab, performance):
    tab.page.keyboard.down("KeyA")
    tab.wait_for(lambda: tab.notes("player") > 0, "the note")
    press(tab, "your-turn")
    tab.wait_for(lambda: turn(tab) == "Model plays", "the model's turn")
    press(tab, "panic")
    tab.wait_for(lambda: turn(tab) == "Your turn", "silence")
    tab.page.keyboard.up("KeyA")
    sounding = set()
    for line in lines(performance, "out"):
        change = sounding.add if line.message[0] & 0xF0 == 0x90 else sounding.discard
        change(line.message[1])
    assert sounding == set()


def test_tempo_is_tapped(tab, performance):
    tap = tab.page.locator(".command-tap")
    for _ in range(5):
        tap.dispatch_event("pointerdown")
        tab.page.wait_for_timeout(400)
    tab.wait_for(lambda: 110 < float(tab.page.inner_text(".tempo-value")) < 175, "about 150 BPM")
    set_number(tab, "time.bpm", "100")
    tab.wait_for(lambda: tab.page.inner_text(".tempo-value") == "100", "the tempo")


def test_every_setting_is_changed_in_the_engine_and_on_every_page(tab, other_tab, performance):
    settings = [s for s in LIVE if s.name not in PORTS]  # there are none: see the test on JACK
    before = {s.name: shown(tab, s.name) for s in settings}
    wanted = {s.name: change(tab, s, before[s.name]) for s in settings}
    assert wanted["sampling.model"] == "two"
    for setting in settings:
        name = setting.name
        other_tab.wait_for(lambda n=name: shown(other_tab, n) == wanted[n], f"{name} there")
        tab.wait_for(lambda s=setting: s.field in changed_fields(performance), f"{name} changed")
    for setting in settings:  # and back, from the other page
        change(other_tab, setting, wanted[setting.name], back_to=before[setting.name])
    for setting in settings:
        tab.wait_for(lambda n=setting.name: shown(tab, n) == before[n], f"{setting.name} as it was")


def changed_fields(performance):
    """Return the settings that the engine has told its journal of, as it calls them."""
    changes = lines(performance, "set", "model")
    return {line.rest[0] if line.kind == "set" else "model" for line in changes}


def test_a_value_that_cannot_be_is_refused_in_words_and_taken_back(tab):
    set_number(tab, "time.bpm", "9999")
    tab.page.wait_for_selector("text=time.bpm = ")
    tab.wait_for(lambda: shown(tab, "time.bpm") == "100", "the value that holds")


def test_a_slider_is_moved_with_arrows(tab, performance):
    slider = tab.page.locator('[data-setting="sampling.temperature"] [type=range]')
    before = float(shown(tab, "sampling.temperature"))
    slider.focus()
    slider.press("ArrowRight")
    tab.wait_for(lambda: float(shown(tab, "sampling.temperature")) > before, "a higher value")
    tab.wait_for(lambda: lines(performance, "set")[-1].rest[0] == "temperature", "the engine")
    set_number(tab, "sampling.temperature", "1")


# -- takes ---------------------------------------------------------------------------------------


def test_takes_are_begun_listed_played_back_downloaded_and_deleted(tab, performance):
    first = performance.journal
    play(tab, "KeyA", "KeyD", "KeyG", "KeyK", seconds=0.05)
    press(tab, "your-turn")
    tab.wait_for(lambda: bool(lines(performance, "out")), "an answer")
    press(tab, "take")
    tab.wait_for(lambda: first.with_suffix(".mid").exists(), "the recording of the first take")
    assert performance.journal != first
    tab.page.click("text=Sessions")
    rows = tab.page.locator(".take-row")
    tab.wait_for(lambda: rows.count() == 2, "both takes")
    row = rows.nth(1)
    assert rows.nth(0).locator(".take-recording").count() == 1
    with tab.page.expect_download() as download:
        row.locator("text=MIDI").click()
    played = [m for m in mido.MidiFile(download.value.path()) if m.type == "note_on"]
    assert len(played) >= 4
    with tab.page.expect_download() as download:
        row.locator("text=MusicXML").click()
    sheet = Path(download.value.path()).read_text()
    assert "<part-name>Player</part-name>" in sheet
    assert "<part-name>Model</part-name>" in sheet
    row.locator("button", has_text="Replay with").click()
    tab.page.click(".q-menu .q-item:has-text('two')")
    tab.page.wait_for_selector(".take-name:has-text('with two')")
    tab.wait_for(lambda: tab.notes("model") > 0, "the other model's answers")
    tab.page.click("text=Back to now")
    tab.page.click("text=Sessions")
    rows.nth(1).locator("button", has_text="Play").first.click()
    tab.page.wait_for_selector(".take")
    tab.wait_for(lambda: tab.notes("player") >= 4, "the take on the roll")
    tab.page.fill(".take input", "1")
    tab.page.click("text=Back to now")
    tab.page.click("text=Sessions")
    rows.nth(1).locator("button", has_text="Delete").click()
    tab.page.click(".danger")
    tab.wait_for(lambda: rows.count() == 1, "one take")
    assert not first.exists()
    assert not first.with_suffix(".mid").exists()
    tab.page.click("text=Close")
    tab.page.locator(".q-dialog").first.wait_for(state="hidden")


def test_files_outside_the_folder_are_not_served(performance):
    (performance.folder.parent / "secret.jsonl").write_text('{"journal": 1}\n')
    (performance.folder.parent / "secret.mid").write_bytes(b"MThd")
    for name in ("../secret", "..%2Fsecret", "%2e%2e/secret", "..%5csecret", "nothing"):
        for kind in ("mid", "musicxml"):
            with pytest.raises(HTTPError) as caught:
                urlopen(f"{performance.address}takes/{name}.{kind}")
            assert caught.value.code in (404, 400)


# -- who may do it -------------------------------------------------------------------------------


def socket_address(performance):
    path = "_nicegui_ws/socket.io/?EIO=4&transport=websocket"
    return f"ws://127.0.0.1:{performance.port}/{path}"


def test_a_page_of_another_site_can_neither_read_nor_steer(browser, performance, tmp_path):
    (tmp_path / "index.html").write_text("<title>another site</title>")
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{server.server_port}/index.html")
    outcome = page.evaluate(
        """async ([socket, address]) => [
            await new Promise((done) => {
                const one = new WebSocket(socket);
                one.onopen = () => done("open");
                one.onerror = () => done("refused");
            }),
            await fetch(address).then(() => "read", () => "refused"),
            await fetch(address, { method: "POST", mode: "no-cors" }).then((a) => a.type),
            await new Promise((done) => {
                const frame = document.createElement("iframe");
                frame.onload = () => {
                    try { done(frame.contentDocument === null ? "closed" : "seen"); }
                    catch { done("closed"); }
                };
                frame.src = address;
                document.body.append(frame);
            }),
        ]""",
        [socket_address(performance), performance.address],
    )
    assert outcome == ["refused", "refused", "opaque", "closed"]
    page.close()
    server.shutdown()
    request = Request(performance.address, headers={"Host": "evil.example"})
    with pytest.raises(HTTPError) as caught:
        urlopen(request)
    assert caught.value.code == 421


def test_a_message_that_is_too_long_ends_only_its_own_connection(tab, performance):
    origin = f"http://127.0.0.1:{performance.port}"
    with connect(socket_address(performance), origin=origin) as socket:
        assert socket.recv().startswith("0{")
        socket.send("4" + "x" * 100_000)
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=20)
    before = len(settled(performance))
    play(tab, "KeyA", seconds=0.02)
    tab.wait_for(lambda: len(lines(performance, "in")) == before + 2, "a note")


def test_nonsense_from_a_page_that_is_allowed_harms_nobody(tab, performance):
    before = len(settled(performance))
    for nonsense in (5, "x", None, [[1, 2, 3]], [[0x90, 60]], [["a", "b", "c"]], [[240, 1, 2]]):
        tab.page.evaluate(
            """(args) => {
                const id = Number(document.querySelector('.keys-holder').id.slice(1));
                for (const event of mounted_app.elements[id].events)
                    window.socket.emit("event", { id, client_id: window.clientId,
                        listener_id: event.listener_id, args: JSON.stringify(args) });
            }""",
            nonsense,
        )
    play(tab, "KeyA", seconds=0.02)
    tab.wait_for(lambda: len(lines(performance, "in")) == before + 2, "a note")


# -- how it looks --------------------------------------------------------------------------------


def test_nothing_on_a_phone_is_wider_than_the_phone(other_tab):
    assert other_tab.page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize(("width", "height", "least_px"), [(1280, 800, 22), (1180, 820, 28)])
def test_what_is_read_from_afar_is_large_and_whole(browser, performance, width, height, least_px):
    """On a screen with 0.2 mm a pixel, 22 px are capitals of 3 mm: 5 minutes of arc from 2 m."""
    tab = Tab.open(browser, performance.address, width=width, height=height)
    sizes, cut = tab.page.evaluate("""() => {
        const values = [...document.querySelectorAll(".cell-value, .tempo-value, .turn-name")];
        return [
            values.map((value) => parseFloat(getComputedStyle(value).fontSize)),
            values.filter((v) => v.scrollWidth > v.clientWidth + 1).map((v) => v.textContent),
        ];
    }""")
    tab.close()
    assert min(sizes) >= least_px
    assert cut == []


@pytest.mark.parametrize("where", ["tab", "other_tab"])
def test_axe_finds_nothing_serious(where, request):
    if not AXE.exists():
        skip(f"needs axe-core: make {AXE.relative_to(PROJECT)}")
    tab = request.getfixturevalue(where)
    tab.page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
    assert serious_faults(tab) == []
    tab.page.click("text=Sessions")
    tab.page.wait_for_selector(".take-row")
    assert serious_faults(tab) == []
    tab.page.click("text=Close")
    tab.page.locator(".q-dialog").first.wait_for(state="hidden")


def serious_faults(tab):
    tab.page.evaluate(AXE.read_text() + "; 0")
    found = tab.page.evaluate("async () => (await axe.run()).violations")
    return [
        (fault["id"], node["html"][:160], node["failureSummary"])
        for fault in found
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]


def test_with_less_motion_the_paper_stands_still(browser, performance):
    calm = Tab.open(browser, performance.address, reduced_motion="reduce")
    moved = [looks_alike(calm) for _ in range(4)]
    calm.close()
    lively = Tab.open(browser, performance.address, reduced_motion="no-preference")
    assert sum(moved) >= 3  # a page may have been turned in between
    assert not any(looks_alike(lively) for _ in range(4))
    lively.close()


COUNT_FRAMES = """
    window.counted = { frames: 0, drawn: 0 };
    const count = () => {
        window.counted.frames += 1;
        requestAnimationFrame(count);
    };
    requestAnimationFrame(count);
    const place = CanvasRenderingContext2D.prototype.setTransform; // the first thing of a drawing
    CanvasRenderingContext2D.prototype.setTransform = function (...matrix) {
        if (this.canvas.closest(".roll")) window.counted.drawn += 1;
        return place.apply(this, matrix);
    };
"""


def test_the_roll_is_drawn_once_in_every_frame_of_the_screen(browser, performance):
    """How many frames there are in a second is the machine's; benchmarks/page.py has a figure."""
    tab = Tab.open(browser, performance.address, init_script=COUNT_FRAMES)
    counted = tab.page.evaluate("""async () => {
        const before = { ...window.counted };
        await new Promise((done) => setTimeout(done, 2000));
        return [window.counted.frames - before.frames, window.counted.drawn - before.drawn];
    }""")
    tab.close()
    frames, drawn = counted
    assert frames > 10
    assert abs(drawn - frames) <= 2


def looks_alike(tab):
    """Whether the left half of the roll's lowest line is the same a quarter of a second later."""
    script = """() => {
        const canvas = document.querySelector('.roll canvas');
        const data = canvas.getContext('2d').getImageData(
            canvas.width * 0.08, canvas.height - 2, canvas.width * 0.1, 1).data;
        return [...data].join();
    }"""
    first = tab.page.evaluate(script)
    tab.page.wait_for_timeout(250)
    return tab.page.evaluate(script) == first


# -- what breaks ---------------------------------------------------------------------------------


def test_after_any_process_has_died_the_same_page_plays_on(browser, tmp_path):
    performance = Performance(tmp_path / "sessions")
    tab = Tab.open(browser, performance.address)
    try:
        performance.child("improviser").kill()
        tab.page.wait_for_selector(".cell.warn:has-text('restarts'):has-text('1')", timeout=40_000)
        for name in ("page", "midi_io"):
            tab.page.keyboard.down("KeyA")
            tab.wait_for(lambda: tab.notes("player") > 0, "a note")
            tab.page.evaluate("window.before = true")
            performance.child(name).kill()
            said = "the page is back" if name == "page" else "midi_io is back"
            tab.wait_for(lambda said=said: said in performance.output, said, 40)
            tab.page.keyboard.up("KeyA")
            if name == "page":  # the browser loads it anew by itself
                tab.page.wait_for_function("window.before === undefined", timeout=40_000)
                down = lines(performance, "in")[-1].message
                assert down[:2] == bytes([0x80, 60])  # let go of, though the page was gone
                tab.page.wait_for_selector(".piano .key", timeout=40_000)
        tab.wait_for(lambda: "improviser is back" in performance.output, "the improviser", 40)
        before = len(heard(performance))
        play(tab, "KeyD")
        tab.wait_for(lambda: len(heard(performance)) == before + 1, "a note", 40)
    finally:
        tab.close()
        performance.close()


def test_a_page_finds_an_engine_that_was_started_anew(browser, tmp_path):
    first = Performance(tmp_path / "first")
    tab = Tab.open(browser, first.address)
    tab.page.evaluate("window.before = true")
    first.close()
    second = Performance(tmp_path / "second", port=first.port)
    try:
        assert second.port == first.port
        tab.page.wait_for_function("window.before === undefined", timeout=40_000)
        tab.page.wait_for_selector(".piano .key")
        play(tab, "KeyA")
        tab.wait_for(lambda: heard(second) == [(60, 84)], "the note")
    finally:
        second.close()
        tab.close()


def test_without_the_extra_it_plays_and_says_how_to_get_the_page(tmp_path):
    import subprocess
    import sys

    script = "import sys; sys.modules['nicegui'] = None; from live.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, "--demo", "--seconds", "0.5", "--record", str(tmp_path)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        env={**os.environ, "JACK_DEFAULT_SERVER": "continuo-nobody-runs-this"},
        check=True,
    )
    assert "no page: pip install 'continuo[page]' gets what serves it\n" in done.stdout
    assert json.dumps(done.stdout).count("recorded") == 1
