"""Dialogs with a name, for those who do not see what they are about."""

from __future__ import annotations

from nicegui import ui


def named_dialog(name: str, *, is_open: bool = False) -> ui.dialog:
    """Make a dialog; use it in a ``with`` block."""
    dialog = ui.dialog(value=is_open)
    dialog.props["aria-label"] = name
    return dialog
