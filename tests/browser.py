"""Debian's Chromium without a screen, and a session whose page it looks at."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

PROJECT = Path(__file__).resolve().parent.parent
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
BROWSER_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]


def skip(reason: str) -> None:
    """Skip for want of a program, but fail where all tests have to run."""
    if os.environ.get("CONTINUO_REQUIRE_BROWSER"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser."""
    if CHROMIUM is None:
        skip("needs Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=BROWSER_FLAGS)
        yield browser
        browser.close()


@dataclass
class Tab:
    """A page in a browser of its own, and all that went wrong in it."""

    page: Page
    context: BrowserContext
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    @classmethod
    def open(
        cls, browser: Browser, address: str, *, width=1280, height=800, init_script="", **options
    ) -> Tab:
        """``init_script`` is run before the page's own; other options are Playwright's."""
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        context.add_init_script(init_script)
        tab = cls(context.new_page(), context)
        tab.page.set_default_timeout(60_000)
        tab.page.on("console", tab._on_console)
        tab.page.on("pageerror", lambda error: tab.complaints.append(f"error: {error}"))
        tab.page.on("request", lambda request: tab.hosts.add(request.url.split("/")[2]))
        tab.page.on("websocket", lambda ws: tab.hosts.add(ws.url.split("/")[2]))
        tab.page.goto(address)
        tab.page.wait_for_selector(".piano .key")
        tab.page.wait_for_function(  # until it is told of the session
            "Number(document.querySelector('.roll canvas')?.dataset.number) > 0"
        )
        return tab

    def _on_console(self, message) -> None:
        ours = "willReadFrequently" in message.text  # ``colours`` below reads what was drawn
        if message.type in ("error", "warning") and not ours:
            self.complaints.append(f"{message.type}: {message.text}")

    def notes(self, who: str) -> int:
        """Return how many notes are on the roll: of "player" or "model", or "planned"."""
        return int(self.page.get_attribute(".roll canvas", f"data-{who}") or 0)

    def colours(self, x: float, y: float, width: float, height: float) -> set[tuple[int, int, int]]:
        """Return the colours of a part of the roll, given in shares of it, as (r, g, b)."""
        script = """([x, y, w, h]) => {
            const canvas = document.querySelector('.roll canvas');
            const [cw, ch] = [canvas.width, canvas.height];
            const data = canvas.getContext('2d').getImageData(
                x * cw, y * ch, Math.max(1, w * cw), Math.max(1, h * ch)).data;
            const found = new Set();
            for (let i = 0; i < data.length; i += 4)
                found.add(data[i] + ',' + data[i + 1] + ',' + data[i + 2]);
            return [...found];
        }"""
        found = self.page.evaluate(script, [x, y, width, height])
        return {tuple(map(int, text.split(","))) for text in found}

    def wait_for(self, condition: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
        """Wait while the browser goes on."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"{what} did not come within {seconds} s"
            self.page.wait_for_timeout(30)

    def close(self) -> None:
        self.context.close()


class Performance:
    """``python -m live`` without MIDI, played from its page."""

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        port: int | None = None,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.port = port or free_port()
        self._log = folder.parent / f"{folder.name}.log"
        flags = ["--or-page", "--seed", "7", "--record", str(folder), "--port", str(self.port)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "live", *flags, *arguments],
            cwd=PROJECT,
            stdout=self._log.open("a"),
            stderr=subprocess.STDOUT,
            env={
                **_no_screen(),
                "JACK_DEFAULT_SERVER": "continuo-nobody-runs-this",
                **(environment or {}),
            },
        )
        deadline = time.monotonic() + 120
        while not re.search(r"page: \S+", self.output):
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.05)
        self.address = re.findall(r"page: (\S+)", self.output)[-1]

    @property
    def output(self) -> str:
        return self._log.read_text()

    @property
    def journal(self) -> Path:
        """Return the journal of the present take."""
        return max(self.folder.glob("*.jsonl"), key=lambda path: path.stem)

    def child(self, name: str) -> psutil.Process:
        children = psutil.Process(self.process.pid).children(recursive=True)
        return next(child for child in children if child.name() == name)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _no_screen() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
