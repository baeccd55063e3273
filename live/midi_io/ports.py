"""MIDI ports through python-rtmidi: finding them by name, opening them, sending and receiving."""

from __future__ import annotations

import ctypes
import os
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any, Final, Literal, Protocol

import rtmidi

from live.errors import NoMidiError, UserError
from live.midi_io.names import AUTO, CLIENT_NAME, INPUT_NAME, OUTPUT_NAME, VIRTUAL, Side, choose
from live.quiet import quiet

APIS: Final = {
    "alsa": rtmidi.API_LINUX_ALSA,
    "jack": rtmidi.API_UNIX_JACK,
    "coremidi": rtmidi.API_MACOSX_CORE,
    "winmm": rtmidi.API_WINDOWS_MM,
}

POLL_S: Final = 0.0005
"""So often is looked for what came in."""
QUEUE_LENGTH: Final = 2**14
"""So many messages may wait: fifteen seconds of a full MIDI cable."""
CATCH_UP_S: Final = 1.0
"""Where more and more comes in, what waits is waited for no longer."""
OnInput = Callable[[list[int]], None]
SendError = rtmidi.RtMidiError
State = Literal["well", "stuck", "gone"]
"""How a MIDI system is; "stuck": it does not move."""


class InputPort(Protocol):
    """Where the player's messages come from."""

    name: str

    def catch_up(self) -> None:
        """Wait until what has come in was taken."""
        ...

    def close(self) -> None:
        """Stop listening; no callback comes after this."""
        ...


class Sender(Protocol):
    """Takes messages that are to leave."""

    def send(self, data: bytes) -> None:
        """Send one whole message."""
        ...


class OutputPort(Sender, Protocol):
    """Where messages go to."""

    name: str

    def close(self) -> None:
        """Close the port; what was sent has left by then."""
        ...

    def abandon(self) -> None:
        """Leave a port whose MIDI system is gone as it is."""
        ...


class RtMidiInput:
    """An input port; each message goes to a callback, on a thread of its own.

    RtMidi could call by itself, on the thread of the MIDI system, where each call waits for
    Python's lock. When it waited for longer than a period of JACK's, what was left of that period's
    messages is gone, and the one before is read in their place; and a port that is closed while a
    call waits is closed never. So RtMidi puts messages into a queue of its own, which needs no
    lock, and they are fetched from there.
    """

    def __init__(self, port: Any, name: str, on_input: OnInput) -> None:
        self._port = port
        self.name = name
        self._on_input = on_input
        self._closing = threading.Event()
        self._emptied = 0
        """So often nothing more waited."""
        port.ignore_types(sysex=False, timing=False, active_sense=False)
        self._thread = threading.Thread(target=self._listen, name=f"input {name}", daemon=True)
        self._thread.start()

    def catch_up(self) -> None:
        """Wait until what has come in was taken."""
        # The look that is under way may have found nothing just before.
        enough, latest_s = self._emptied + 2, time.monotonic() + CATCH_UP_S
        while self._emptied < enough and time.monotonic() < latest_s:
            time.sleep(POLL_S)

    def close(self) -> None:
        """Stop listening, also while messages come."""
        self._closing.set()
        self._thread.join()
        self._port.close_port()
        self._port.delete()

    def _listen(self) -> None:
        while not self._closing.is_set():
            event = self._port.get_message()
            if event is None:
                self._emptied += 1
                time.sleep(POLL_S)
                continue
            try:
                self._on_input(event[0])
            except Exception:
                traceback.print_exc()  # and go on: the next message is not to be lost as well


class RtMidiOutput:
    """An output port."""

    def __init__(self, port: Any, name: str) -> None:
        self._port = port
        self.name = name

    def send(self, data: bytes) -> None:
        """Send one whole message."""
        self._port.send_message(data)

    def close(self) -> None:
        """Close the port; RtMidi waits until its buffer has been sent."""
        self._port.close_port()
        self._port.delete()

    def abandon(self) -> None:
        """Leave the port open for good: its server is gone.

        To close it, RtMidi would wait a second for that server, with Python's lock held, and once
        another server has been asked for, close what JACK has freed already.
        """
        never_free(self._port)


def never_free(holder: Any) -> None:
    """Keep an object of a C library to the end of the process, and beyond Python's tidying up."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(holder))


def find_api(name: str) -> int:
    """Return RtMidi's number of a MIDI system by its name in the settings.

    Args:
        name: a key of ``APIS``, or "auto" for the first one that works here.

    Raises:
        NoMidiError: it does not work here.
    """
    # Asking whether JACK is there must not start a server.
    os.environ.setdefault("JACK_NO_START_SERVER", "1")
    compiled = rtmidi.get_compiled_api()
    wanted = [api for api in compiled if api in APIS.values()] if name == AUTO else [APIS[name]]
    for api in wanted:
        if api in compiled and _works(api):
            return int(api)
    known = {number: key for key, number in APIS.items()}
    tried = " or ".join(known[api].upper() for api in wanted if api in known) or "MIDI"
    raise NoMidiError(
        f"this machine has no MIDI system that answers (tried {tried}). "
        "Start JACK or ALSA's sequencer, or hear a session without MIDI: python -m live --demo"
    )


def input_names(api: int) -> list[str]:
    """Return the names of the ports that can be listened to."""
    return _names(rtmidi.MidiIn, api)


def output_names(api: int) -> list[str]:
    """Return the names of the ports that can be played to."""
    return _names(rtmidi.MidiOut, api)


def open_input(api: int, wanted: str, on_input: OnInput, own_name: str = INPUT_NAME) -> InputPort:
    """Open the input port of a name, "auto" or "virtual"; ours is called ``own_name``.

    Raises:
        NoMidiError: there is none.
        UserError: none has that name, or it is taken.
    """
    port, name = _open(_new_input, api, wanted, own_name, "input")
    return RtMidiInput(port, name, on_input)


def open_output(api: int, wanted: str, own_name: str = OUTPUT_NAME) -> OutputPort:
    """Open the output port of a name, "auto" or "virtual"; ours is called ``own_name``.

    Raises:
        NoMidiError: there is none.
        UserError: none has that name, or it is taken.
    """
    port, name = _open(rtmidi.MidiOut, api, wanted, own_name, "output")
    return RtMidiOutput(port, name)


def _new_input(api: int, name: str) -> Any:
    return rtmidi.MidiIn(api, name=name, queue_size_limit=QUEUE_LENGTH)


def _names(kind: Any, api: int) -> list[str]:
    with quiet():
        port = kind(api, name=f"{CLIENT_NAME} look-up")
        names = [str(name) for name in port.get_ports()]
        port.delete()
    return names


def _open(kind: Any, api: int, wanted: str, port_name: str, word: Side) -> tuple[Any, str]:
    with quiet():
        port = kind(api, name=CLIENT_NAME)
        name = wanted
        try:
            if wanted == VIRTUAL:
                port.open_virtual_port(port_name)
                return port, port_name
            names = [str(name) for name in port.get_ports()]
            index = choose(names, wanted, word)
            name = names[index]
            port.open_port(index, port_name)
        except (rtmidi.RtMidiError, NotImplementedError) as error:
            port.delete()
            if wanted == VIRTUAL:
                raise NoMidiError(
                    f"this system has no virtual MIDI ports ({error}); create a loop-back port "
                    "(loopMIDI on Windows) and name it with --input and --output",
                    missing=word,
                ) from error
            raise UserError(
                f'MIDI {word} port "{name}" cannot be opened ({error}); '
                "close the program that has it, or name another"
            ) from error
        except UserError:
            port.delete()
            raise
    return port, name


def _works(api: int) -> bool:
    with quiet():
        try:
            rtmidi.MidiIn(api, name=f"{CLIENT_NAME} look-up").delete()
        except rtmidi.RtMidiError:
            return False
    return True
