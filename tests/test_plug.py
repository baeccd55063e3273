"""What a port is plugged into when others come and go."""

from __future__ import annotations

import pytest

from live.errors import UserError
from live.midi_io.plug import DOUBT_S, PATIENCE_S, Plug

KEYS, OTHER, PADS = "Keys 1:out", "Keys 2:out", "pads:out"


def look(plug, names, connected=(), new=(), at=0.0):
    """Look, and connect what is wanted; return what is connected then."""
    looked = plug.look(at, names, connected, new)
    for name in looked.wanted:
        plug.plugged(name)
    return looked


def plugged_in(setting="keys", names=(KEYS, PADS)):
    plug = Plug("input", setting)
    assert look(plug, names).wanted == (names[0],)
    assert look(plug, names, {names[0]}).wanted == ()
    return plug


def test_port_that_comes_back_is_taken_again():
    plug = plugged_in()
    assert look(plug, [PADS]).missing == (KEYS,)
    assert not plug.is_plugged
    assert look(plug, [PADS]) == look(plug, [PADS])  # told once
    assert look(plug, [KEYS, PADS], new={KEYS}).wanted == (KEYS,)
    assert plug.is_plugged


def test_port_that_was_gone_between_two_looks_is_taken_again():
    plug = plugged_in()
    looked = look(plug, [KEYS, PADS], new={KEYS})
    assert looked.lost == looked.missing == looked.wanted == (KEYS,)


def test_port_that_somebody_disconnected_is_left_alone_until_it_comes_back():
    plug = plugged_in()
    looked = look(plug, [KEYS, PADS])
    assert (looked.lost, looked.missing, looked.wanted) == ((KEYS,), (), ())
    assert look(plug, [KEYS, PADS], at=2 * DOUBT_S).wanted == ()
    assert look(plug, [KEYS, PADS], at=3 * DOUBT_S).wanted == ()
    look(plug, [PADS])
    assert look(plug, [KEYS, PADS], new={KEYS}).wanted == (KEYS,)


def test_port_that_loses_its_connection_before_it_goes_is_taken_again():
    plug = plugged_in()
    assert look(plug, [KEYS, PADS]).lost == (KEYS,)
    assert look(plug, [PADS], at=DOUBT_S / 2).missing == (KEYS,)
    assert look(plug, [KEYS, PADS], new={KEYS}, at=DOUBT_S).wanted == (KEYS,)


def test_new_device_that_matches_the_name_is_taken():
    plug = plugged_in()
    look(plug, [PADS])
    assert look(plug, [PADS, OTHER], new={OTHER}).wanted == (OTHER,)
    assert plug.name == OTHER
    # And when the first one is back as well, the new one stays.
    assert look(plug, [KEYS, PADS, OTHER], {OTHER}, new={KEYS}).wanted == ()


def test_auto_waits_a_moment_for_its_device_before_it_takes_another():
    plug = plugged_in("auto", ("Piano:Piano MIDI 1 20:0", PADS))
    assert look(plug, [PADS], at=10.0).wanted == ()
    assert look(plug, [PADS], at=10.1 + PATIENCE_S / 2).wanted == ()
    again = "Piano:Piano MIDI 1 24:0"  # ALSA may count it anew
    assert look(plug, [PADS, again], at=10.2 + PATIENCE_S / 2).wanted == (again,)
    look(plug, [PADS], at=20.0)
    assert look(plug, [PADS], at=20.1 + PATIENCE_S).wanted == (PADS,)


def test_what_was_connected_by_hand_to_a_virtual_port_is_connected_again():
    plug = Plug("output", "virtual")
    assert look(plug, [KEYS, PADS]).wanted == ()
    look(plug, [KEYS, PADS], {PADS})
    assert look(plug, [KEYS]).missing == (PADS,)
    assert look(plug, [KEYS, PADS], new={PADS}).wanted == (PADS,)
    look(plug, [KEYS, PADS], {PADS})
    assert look(plug, [KEYS, PADS]).wanted == ()  # by hand again
    assert look(plug, [KEYS, PADS], at=2 * DOUBT_S).wanted == ()


def test_what_a_predecessor_was_connected_to_is_connected():
    plug = Plug("output", "virtual", [PADS, "gone:in"])
    assert look(plug, [KEYS, PADS]).wanted == (PADS,)
    assert look(plug, [KEYS, PADS, "gone:in"], {PADS}).wanted == ("gone:in",)


def test_another_port_may_be_meant_and_an_unknown_one_changes_nothing():
    plug = plugged_in()
    with pytest.raises(UserError, match="organ"):
        plug.mean("organ", [KEYS, PADS])
    assert (plug.name, plug.setting) == (KEYS, "keys")
    plug.mean("pads", [KEYS, PADS])
    assert look(plug, [KEYS, PADS]).wanted == (PADS,)
    plug.mean("virtual", [KEYS, PADS])
    assert look(plug, [KEYS, PADS]).wanted == ()
    assert plug.is_plugged


def test_hand_made_connection_does_not_stand_in_for_the_device_that_is_meant():
    plug = plugged_in()
    look(plug, [KEYS, PADS], {KEYS, PADS})
    assert look(plug, [PADS], {PADS}).missing == (KEYS,)
    assert not plug.is_plugged
    assert look(plug, [PADS, OTHER], {PADS}, new={OTHER}).wanted == (OTHER,)
