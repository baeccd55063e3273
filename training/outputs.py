"""Files that a command is to write: whether it can is told before time is spent."""

from __future__ import annotations

import tempfile
from pathlib import Path

from live.errors import UserError


def float32_path(path: Path) -> Path:
    """Return where the float32 form of a model file stands, whether it exists or not."""
    return path.with_suffix(".float32.onnx")


def check_writable(path: Path, *suffixes: str) -> None:
    """Make sure that a file can be written.

    Raises:
        UserError: it cannot, or its name does not end in one of the suffixes.
    """
    if path.suffix.lower() not in suffixes:
        raise UserError(f"{path}: its name must end in {' or '.join(suffixes)}")
    if path.is_dir():
        raise UserError(f"{path} is a folder; name a file")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; name another file") from error
