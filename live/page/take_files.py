"""Files of takes for download: MIDI, and sheet music where the school's libraries are installed."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.responses import FileResponse, PlainTextResponse, Response

from live.page.takes import NoSuchTakeError, journal_of
from live.recording import write_midi_file

WRITING_TIMEOUT_S: Final = 120.0
_NAMED: Final = {"cache-control": "no-store"}


def sheet_music_is_possible() -> bool:
    """Return whether MusicXML can be written here: music21 belongs to the school."""
    return find_spec("music21") is not None and find_spec("training") is not None


def serve_takes(application: FastAPI, folder: Path) -> None:
    """Serve the files of a folder's takes, and of no other."""
    writing = asyncio.Semaphore(1)  # music21 takes a whole core

    @application.get("/takes/{name}.mid")
    def midi_file(name: str) -> Response:
        try:
            journal = journal_of(folder, name)
        except NoSuchTakeError:
            return _missing()
        path = journal.with_suffix(".mid")
        if path.is_file():
            return FileResponse(path, media_type="audio/midi", filename=path.name, headers=_NAMED)
        with tempfile.TemporaryDirectory() as scratch:  # it is still being recorded
            target = Path(scratch) / path.name
            write_midi_file(journal, target)
            return _download(target.read_bytes(), "audio/midi", path.name)

    @application.get("/takes/{name}.musicxml")
    async def sheet(name: str) -> Response:
        if not sheet_music_is_possible():
            return PlainTextResponse("pip install 'continuo[training]' gets sheet music.", 404)
        try:
            journal = journal_of(folder, name)
        except NoSuchTakeError:
            return _missing()
        with tempfile.TemporaryDirectory() as scratch:
            target = Path(scratch) / f"{name}.musicxml"
            async with writing:
                problem = await _write_sheet(journal, target)
            if problem is not None:
                return PlainTextResponse(problem, 500)
            kind = "application/vnd.recordare.musicxml+xml"
            return _download(target.read_bytes(), kind, target.name)


async def _write_sheet(journal: Path, target: Path) -> str | None:
    """Have the school write sheet music, in a process of its own; return what is wrong."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "training.session_sheet",
        str(journal),
        str(target),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(WRITING_TIMEOUT_S):
            _, errors = await process.communicate()
    except TimeoutError:
        process.kill()
        return "The sheet music took too long."
    if process.returncode != 0 or not target.is_file():
        lines = errors.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "The sheet music could not be written."
    return None


def _download(data: bytes, kind: str, name: str) -> Response:
    headers = {**_NAMED, "content-disposition": f'attachment; filename="{name}"'}
    return Response(data, media_type=kind, headers=headers)


def _missing() -> Response:
    return PlainTextResponse("There is no such take.", 404)
