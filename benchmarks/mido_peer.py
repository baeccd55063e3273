"""mido's own thru and ``MidiFile.play``, in a process as Continuo's MIDI process is: to compare.

python -m benchmarks.mido_peer thru             hand on what comes in, until standard input ends
python -m benchmarks.mido_peer play FILE        play a file, and print when it began
"""

from __future__ import annotations

import sys
import time

import mido

IN, OUT = "mido in", "mido out"


def main() -> None:
    """Do what the arguments say; ports are virtual ones of JACK."""
    backend = mido.Backend("mido.backends.rtmidi/UNIX_JACK")
    output = backend.open_output(OUT, virtual=True, client_name="mido")
    if sys.argv[1] == "thru":
        backend.open_input(IN, virtual=True, callback=output.send, client_name="mido")
        print("ready", flush=True)
        sys.stdin.read()
        return
    file = mido.MidiFile(sys.argv[2])
    print("ready", flush=True)
    sys.stdin.readline()  # whoever listens is connected now
    print(time.perf_counter(), flush=True)
    for message in file.play():
        output.send(message)


if __name__ == "__main__":
    main()
