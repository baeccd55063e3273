"""Take the pictures of the page that the README shows: ``python -m docs.screenshots``.

A session is played from its page, in Debian's Chromium without a screen.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Final

from tests.browser import Performance, Tab, chromium

IMAGES: Final = Path(__file__).parent / "images"
PHRASE: Final = (
    # A key of the computer, and its length in beats: a song in C, with its bass.
    *(("KeyG", 1), ("KeyH", 0.5), ("KeyG", 0.5), ("KeyF", 0.5), ("KeyD", 0.5)),
    *(("KeyA", 1), ("KeyS", 0.5), ("KeyD", 0.5), ("KeyF", 0.5), ("KeyS", 0.5), ("KeyD", 1.5)),
)
CHORDS: Final = {0: ("KeyA", "KeyD"), 5: ("KeyF",), 10: ("KeyA", "KeyG")}
"""Keys that are struck with the phrase's note of that number."""
BPM: Final = 96


def main() -> None:
    """Play, and take the pictures while the model answers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=4)
    seed = parser.parse_args().seed
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        flags = ("--bpm", str(BPM), "--seed", str(seed))
        performance = Performance(Path(folder) / "sessions", *flags)
        try:
            desktop = Tab.open(browser, performance.address, width=1440, height=900)
            phone = Tab.open(browser, performance.address, width=390, height=844, has_touch=True)
            play(desktop)
            desktop.page.wait_for_selector(".turn-model")
            desktop.page.wait_for_timeout(3200)
            desktop.page.screenshot(path=IMAGES / "page.png")
            phone.page.screenshot(path=IMAGES / "page-phone.png")
        finally:
            performance.close()


def play(tab: Tab) -> None:
    """Play the phrase on the computer's keys."""
    beat_ms = 60_000 / BPM
    for number, (key, beats) in enumerate(PHRASE):
        keys = (key, *(k for k in CHORDS.get(number, ()) if k != key))
        for each in keys:
            tab.page.keyboard.down(each)
        tab.page.wait_for_timeout(0.85 * beats * beat_ms)
        for each in keys:
            tab.page.keyboard.up(each)
        tab.page.wait_for_timeout(0.15 * beats * beat_ms)


if __name__ == "__main__":
    main()
