"""The documents about settings and controls say what the code says."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from live.config_file import PROJECT
from live.control_settings import COMMANDS, Controls, read_controls
from live.errors import UserError
from live.set_flag import read_set_flags
from live.settings import LIVE, load
from live.settings_cli import settings_table

PAGES = ("controls", "daw", "page", "settings", "synth", "together")
SETTINGS = (PROJECT / "docs" / "settings.md").read_text()
CONTROLS = (PROJECT / "docs" / "controls.md").read_text()


def test_the_table_is_that_of_the_code():
    assert settings_table() in SETTINGS, (
        "docs/settings.md is out of date: replace its table by that of python -m live settings"
    )


def test_every_command_is_explained():
    for command in COMMANDS:
        assert f"| `{command}` |" in SETTINGS, command


def test_every_binding_that_is_shown_can_be_written_so():
    shown = re.findall(r'^    ([a-z][\w.]+) = (".*?"|\[.*?\])(?:\s+#.*)?$', CONTROLS, re.M)
    assert len(shown) >= 8
    for name, given in shown:
        texts = re.findall(r'"(.*?)"', given)
        section = Controls.model_validate({name: texts if given.startswith("[") else texts[0]})
        try:
            controls = read_controls(section, {}, LIVE, lambda name: name)
        except UserError as error:
            pytest.fail(f"{name} = {given}: {error}")
        assert len(controls) == len(texts)


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{p}.md" for p in PAGES)])
def test_every_flag_that_is_shown_is_taken(page):
    text = (PROJECT / page).read_text()
    shown = re.findall(r'--set (?:"([^"]+)"|([^\s`"]+="[^"]*"|[^\s`"]+))', text)
    for quoted, plain in shown:
        given = quoted or plain.replace('"', "")
        if given != "NAME=VALUE":
            load(PROJECT / "config.toml", read_set_flags([given]))


def test_the_command_prints_the_table_and_the_commands():
    done = subprocess.run(
        [sys.executable, "-m", "live", "settings"], cwd=PROJECT, capture_output=True, text=True
    )
    assert done.returncode == 0
    assert settings_table() in done.stdout
    assert all(f"`{command}`" in done.stdout for command in COMMANDS)
