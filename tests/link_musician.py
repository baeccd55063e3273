"""Another peer of a Link session, in a process of its own that is told what to do line by line.

tempo 132     let the session have this tempo
play, stop    start or stop for all peers
ask           print tempo, beat, the moment of that beat, whether it plays, and the other peers
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import aalink


async def main():
    link = aalink.Link(100)
    link.quantum = 4
    link.start_stop_sync_enabled = True
    link.enabled = True
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        word, _, value = line.strip().partition(" ")
        if word == "tempo":
            link.tempo = float(value)
        elif word in ("play", "stop"):
            link.playing = word == "play"
        before = time.perf_counter()
        beat = link.beat
        at_s = (before + time.perf_counter()) / 2
        print(json.dumps([link.tempo, beat, at_s, link.playing, link.num_peers]), flush=True)


asyncio.run(main())
