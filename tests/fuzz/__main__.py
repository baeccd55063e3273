"""Fuzz a target, guided by coverage: ``python -m tests.fuzz midi -runs=100000``.

What stands after the target goes to libFuzzer (https://llvm.org/docs/LibFuzzer.html#options). A
crash leaves its input in a file ``crash-...``; ``python -m tests.fuzz midi FILE`` tries it again.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["live"]):
    from tests.fuzz.targets import TARGETS, seeds


def main() -> None:
    """Fuzz until libFuzzer is content, or something is wrong."""
    name = sys.argv.pop(1)
    target = TARGETS[name]()
    with tempfile.TemporaryDirectory() as corpus:
        for number, data in enumerate(seeds(name)):
            (Path(corpus) / str(number)).write_bytes(data)
        atheris.Setup([*sys.argv, corpus], target)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
