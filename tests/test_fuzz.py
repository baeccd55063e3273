"""Strange bytes at every way in: nothing crashes, nothing hangs, no note is left sounding.

What is tried is in ``tests.fuzz``; atheris tries the same, guided by coverage.
"""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

from live.config_file import PROJECT
from tests.fuzz.mutation import damaged, mutated
from tests.fuzz.targets import TARGETS, MidiInput, seeds


def fuzz_midi(count, seed):
    target, chance = MidiInput(), random.Random(seed)
    try:
        for _ in range(count):
            target(mutated(chance))
    finally:
        target.close()
    return target


def fuzz_others(name, count, seed):
    target, chance = TARGETS[name](), random.Random(seed)
    good = seeds(name)
    try:
        for each in good:
            target(each)
        for _ in range(count):
            target(damaged(chance, chance.choice(good)))
    finally:
        target.close()


def test_thousands_of_strange_byte_strings_leave_no_note_sounding():
    target = fuzz_midi(4000, seed=1)
    assert target.strikes > 2000  # it is not that nothing was heard


@pytest.mark.parametrize(("name", "count"), [("journal", 200), ("config", 200), ("model", 60)])
def test_damaged_files_are_read_or_told_about(name, count):
    fuzz_others(name, count, seed=2)


@pytest.mark.slow
def test_a_million_strange_byte_strings_leave_no_note_sounding():
    for part in range(100):  # each from a fresh start
        assert fuzz_midi(10_000, seed=100 + part).strikes > 5000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "count"), [("journal", 30_000), ("config", 30_000), ("model", 2000)]
)
def test_many_damaged_files_are_read_or_told_about(name, count):
    fuzz_others(name, count, seed=3)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(TARGETS))
def test_what_coverage_leads_to_breaks_nothing(name, tmp_path):
    pytest.importorskip("atheris", reason="has wheels for Linux on x86-64 only")
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.fuzz",
            name,
            "-max_total_time=120",
            f"-artifact_prefix={tmp_path}/",
        ],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert run.returncode == 0, run.stderr[-3000:]
