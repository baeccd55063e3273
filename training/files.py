"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from live.errors import UserError


def replace_file(path: Path, data: bytes) -> None:
    """Write ``data`` beside ``path``, then put it in its place in one step.

    Raises:
        UserError: it cannot be written; what was there is untouched.
    """
    try:
        handle, unfinished = tempfile.mkstemp(dir=path.parent, suffix=".unfinished")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(unfinished).chmod(0o644)
        Path(unfinished).replace(path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error
    finally:
        Path(unfinished).unlink(missing_ok=True)
