"""What several test files share."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import psutil
import pytest

from tests import jack

PROJECT = Path(__file__).resolve().parent.parent

# A busy machine is slow, and that is no failure.
hypothesis.settings.register_profile("continuo", deadline=None)
hypothesis.settings.load_profile("continuo")


@pytest.fixture(scope="session")
def jack_server() -> Iterator[str]:
    missing = jack.missing_programs()
    if missing:
        jack.skip(f"needs JACK ({', '.join(missing)}): apt-get install jackd2")
    with jack.server() as one:
        yield one.name


class Performer:
    """``python -m live`` as a user starts it, in a process of its own; the page if asked for."""

    def __init__(self, *arguments: str, folder: Path, within: tuple[str, ...] = ()) -> None:
        """``within`` is a command that runs another one."""
        page = () if "--page" in arguments else ("--no-page",)
        self.folder = folder
        self._log = (folder.parent / f"{folder.name}.log").open("w+")
        self.process = subprocess.Popen(
            [*within, sys.executable, "-m", "live", "--record", str(folder), *page, *arguments],
            cwd=PROJECT,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "COLUMNS": "200"},
        )

    @property
    def output(self) -> str:
        self._log.flush()
        return Path(self._log.name).read_text()

    def wait_ready(self) -> None:
        jack.wait_for(
            lambda: "ready in" in self.output or self.process.poll() is not None,
            "the performer",
            60,
        )
        assert self.process.poll() is None, self.output

    def page_address(self) -> str:
        """Return where its page is served, once it is."""
        jack.wait_for(lambda: re.search(r"page: \S+", self.output) is not None, "the page", 60)
        return re.findall(r"page: (\S+)", self.output)[-1]

    def child(self, name: str) -> psutil.Process:
        """Return one of its processes: "midi_io" or "improviser"."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return next(child for child in children if child.name() == name)

    def stop(self, signal_number: int) -> Path:
        """Send a signal, wait for the end, return the recording."""
        self.process.send_signal(signal_number)
        assert self.process.wait(20) == 0, self.output
        return self.recording()

    def recording(self) -> Path:
        files = sorted(self.folder.glob("*.mid"))
        assert files, self.output
        assert str(files[-1]) in self.output
        return files[-1]

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if not self._log.closed:
            print(self.output)  # pytest shows it where a test has failed
            self._log.close()


@pytest.fixture
def performer(tmp_path: Path) -> Iterator[object]:
    """Return a function that starts the performer with flags."""
    started: list[Performer] = []

    def start(*arguments: str, within: tuple[str, ...] = ()) -> Performer:
        folder = tmp_path / f"sessions{len(started)}"
        one = Performer(*arguments, folder=folder, within=within)
        started.append(one)
        return one

    yield start
    for one in started:
        one.close()


@pytest.fixture
def peer(jack_server: str) -> Iterator[jack.Peer]:
    one = jack.Peer()
    yield one
    one.close()
    time.sleep(0.05)
