"""``--set NAME=VALUE``: every setting of ``config.toml`` as a flag."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from typing import Any

from live.errors import UserError
from live.settings import Settings


def read_set_flags(given: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return flags by section and setting, as ``settings.load`` takes them.

    A value is read as the file would hold it. What is no TOML is text: no quotes are needed.

    Raises:
        UserError: one is spelled otherwise, or there is no such section.
    """
    flags: dict[str, dict[str, Any]] = {}
    for text in given:
        name, equals, value = text.partition("=")
        section, dot, key = name.strip().partition(".")
        if not (equals and dot and key):
            raise UserError(f'--set {text}: it must be as "time.bpm=120"')
        if section not in Settings.model_fields:
            known = ", ".join(Settings.model_fields)
            raise UserError(f'--set {text}: there is no section "{section}"; there are: {known}')
        flags.setdefault(section, {})[key] = _value(value.strip())
    return flags


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        return text
