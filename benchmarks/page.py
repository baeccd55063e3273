"""Show that the music does not wait for the page, and how smoothly the page shows the music.

    python -m benchmarks.page [--model FILE] [--seconds 60] [--pages 10]

One session plays on by itself. By turns nobody looks at its page, and ten do: each loads the page,
as a browser does, follows what it is told, and loads it anew every few seconds. They are programs
and no browsers, since ten browsers on the machine that plays would measure the browsers. Then one
page is opened in Chromium without a screen, and the frames are counted that its roll is drawn in.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from contextlib import suppress
from datetime import date
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import numpy as np
import psutil
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from benchmarks.performer import PROJECT, Row, machine, print_table, sent_notes
from live.journal import read_header
from tests import jack
from tests.browser import CHROMIUM, Tab, chromium

TURNS = 3
"""Of each of the two states, one after the other: what the machine does meanwhile meets both."""
RELOAD_S = 3.0
BPM = 240
FRAMES_S = 20
NOTE_FRAMES = """
    // Of each frame: when it was, how long its scripts took, and whether the roll was drawn.
    window.frames = [];
    const ask = window.requestAnimationFrame.bind(window);
    let drawn = false;
    window.requestAnimationFrame = (call) => ask((at) => {
        const began = performance.now();
        call(at);
        const took = performance.now() - began;
        const latest = window.frames.at(-1);
        if (latest?.[0] === at) {
            latest[1] += took;
            latest[2] ||= drawn;
        } else window.frames.push([at, took, drawn]);
        drawn = false;
    });
    const place = CanvasRenderingContext2D.prototype.setTransform; // the first thing of a drawing
    CanvasRenderingContext2D.prototype.setTransform = function (...matrix) {
        drawn ||= this.canvas.closest(".roll") !== null;
        return place.apply(this, matrix);
    };
"""


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=PROJECT / "exported_models" / "default.onnx")
    parser.add_argument("--seconds", type=float, default=60, help="of each of the two states")
    parser.add_argument("--pages", type=int, default=10)
    arguments = parser.parse_args()
    missing = jack.missing_programs()
    if missing:
        sys.exit(f"this needs JACK ({', '.join(missing)})")
    with jack.server():
        rows = session_rows(arguments.model, arguments.seconds, arguments.pages)
    print_table(rows, f"Measured on {date.today()} on {machine()}.")


def session_rows(model: Path, seconds: float, pages: int) -> list[Row]:
    """Run a session whose page nobody and somebody looks at by turns."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "live", "--virtual", "--mode", "continue", "--seed", "1"]
        command += ["--bpm", str(BPM), "--model", str(model), "--record", folder]
        process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        address = next(
            found[1] for line in process.stdout if (found := re.search(r"page: (\S+)", line))
        )
        threading.Thread(target=process.stdout.read, daemon=True).start()
        peer = jack.Peer()
        peer.connect()
        peer.play([(i * 0.1, i * 0.1 + 0.09, 60 + i) for i in range(8)])
        journal = next(Path(folder).glob("*.jsonl"))
        origin_s = read_header(journal)["origin_s"]
        page = next(c for c in psutil.Process(process.pid).children() if c.name() == "page")
        time.sleep(3)
        spans: dict[str, list[tuple[float, float]]] = {"none": [], "pages": []}
        readers = [Reader(address) for _ in range(pages)]
        busy = {"none": 0.0, "pages": 0.0}
        for _ in range(TURNS):
            for state, turn in spans.items():
                if state == "pages":
                    for reader in readers:
                        reader.start()
                    time.sleep(1)
                began_s, used_s = time.perf_counter(), sum(page.cpu_times()[:2])
                time.sleep(seconds / TURNS)
                turn.append((began_s - origin_s, time.perf_counter() - origin_s))
                busy[state] += sum(page.cpu_times()[:2]) - used_s
                for reader in readers:
                    reader.stop()
        frames = frame_rows(address)
        process.terminate()
        process.wait(20)
        peer.close()
        late = {state: lateness_between(journal, turns) for state, turns in spans.items()}
    loads = sum(reader.loads for reader in readers)
    told = sum(reader.messages for reader in readers)
    names = {
        "none": "lateness of {} notes, nobody looks at the page",
        "pages": f"lateness of {{}} notes, {pages} pages open ({loads} times loaded, {told} "
        "messages read)",
    }
    rows: list[Row] = []
    for state, name in names.items():
        p50, p99, p999 = np.percentile(late[state], [50, 99, 99.9])
        worst = max(late[state])
        measured = f"p50 {p50:.2f} ms, p99 {p99:.2f} ms, p99.9 {p999:.2f} ms, worst {worst:.2f} ms"
        target = "p99 at most 2 ms" if state == "none" else "as with none"
        rows.append((name.format(len(late[state])), target, measured))
    share = ", ".join(f"{name} {busy[name] / seconds:.0%}" for name in busy)
    rows.append(("processor time of the page's process", "", share))
    return rows + frames


def frame_rows(address: str) -> list[Row]:
    """Look at the page in a browser while the model plays; return how often its roll is drawn."""
    if CHROMIUM is None:
        return [("the roll drawn", "60 a second", "not measured: apt-get install chromium")]
    with chromium() as browser:
        tab = Tab.open(browser, address, init_script=NOTE_FRAMES)
        tab.page.wait_for_timeout(2000)
        frames = tab.page.evaluate(
            """async (seconds) => {
                window.frames.length = 0;
                await new Promise((done) => setTimeout(done, 1000 * seconds));
                return window.frames;
            }""",
            FRAMES_S,
        )
        tab.close()
    drawn_ms = np.array([at_ms for at_ms, _, drawn in frames if drawn])
    gaps_ms, scripts_ms = np.diff(drawn_ms), np.array([took_ms for _, took_ms, _ in frames])
    measured = (
        f"{1000 / gaps_ms.mean():.1f} a second; from one to the next p50 "
        f"{np.median(gaps_ms):.1f} ms, p99 {np.percentile(gaps_ms, 99):.1f} ms"
    )
    script = f"p50 {np.median(scripts_ms):.2f} ms, p99 {np.percentile(scripts_ms, 99):.2f} ms"
    return [
        (f"the roll drawn, {len(drawn_ms)} times in {FRAMES_S} s", "60 a second", measured),
        ("of a frame, what the page's own script takes", "under 16 ms", script),
    ]


def lateness_between(journal: Path, spans: list[tuple[float, float]]) -> list[float]:
    """Return how late the notes that were sent in spans of the session were."""
    return [
        late
        for at_s, late in sent_notes(journal)
        if any(begin <= at_s < end for begin, end in spans)
    ]


class Reader:
    """A page as its server sees it."""

    def __init__(self, address: str) -> None:
        """Get ready; ``address`` is that of the page."""
        self._address = address
        self._stopping = threading.Event()
        self._thread = threading.Thread()
        self.loads = 0
        self.messages = 0

    def start(self) -> None:
        """Look at the page until ``stop``."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the page."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _look(self) -> None:
        while not self._stopping.is_set():
            with suppress(OSError, WebSocketException), urlopen(self._address) as answer:
                self._follow(answer.read().decode())

    def _follow(self, html: str) -> None:
        found = re.search(r"""['"]client_id['"]:\s*['"]([0-9a-f-]+)""", html)
        assert found is not None, "the page names no client"
        self.loads += 1
        query = {
            "client_id": found[1],
            "document_id": str(uuid.uuid4()),
            "tab_id": str(uuid.uuid4()),
            "next_message_id": 0,
            "implicit_handshake": "true",
            "EIO": 4,
            "transport": "websocket",
        }
        host = self._address.removeprefix("http://").rstrip("/")
        path = f"_nicegui_ws/socket.io/?{urlencode(query)}"
        until_s = time.monotonic() + RELOAD_S
        with connect(f"ws://{host}/{path}", origin=f"http://{host}", max_size=None) as socket:
            socket.send("40")
            while time.monotonic() < until_s and not self._stopping.is_set():
                with suppress(TimeoutError):
                    message = socket.recv(timeout=0.2)
                    self.messages += 1
                    if message == "2":  # ping
                        socket.send("3")


if __name__ == "__main__":
    main()
