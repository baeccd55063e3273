"""Keeps hostile and broken files from the parsers behind it."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final
from xml.etree import ElementTree
from xml.parsers import expat

from training.reading.errors import UnreadableError

MAX_FILE_BYTES: Final = 50_000_000
"""Longer files are not read. The longest score of a symphony known to us has a tenth of this."""
MAX_XML_BYTES: Final = 200_000_000
"""The most that a compressed score may hold, uncompressed."""
MAX_ENTRIES: Final = 1_000
"""The most files that a compressed score may hold."""
_CONTAINER: Final = "META-INF/container.xml"
_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")


def file_bytes(path: Path) -> bytes:
    """Return what a file holds.

    Raises:
        UnreadableError: it is empty or too long.
        OSError: it cannot be opened.
    """
    size = path.stat().st_size
    if size == 0:
        raise UnreadableError("the file is empty")
    if size > MAX_FILE_BYTES:
        raise UnreadableError(
            f"{size / 1e6:,.0f} MB are more than the {MAX_FILE_BYTES // 10**6} read"
        )
    return path.read_bytes()


def text_of(data: bytes) -> str:
    """Return a text file's text, whether it is Unicode or of an older age."""
    try:
        return data.decode("utf-16" if data[:2] in _UTF16_MARKS else "utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def unzipped_score(path: Path) -> bytes:
    """Return the MusicXML in a compressed score (``.mxl``).

    The sizes that the archive declares are checked, and no more than declared is unpacked: one that
    lies about them turns out to be damaged.

    Raises:
        UnreadableError: it is no such archive, or too large inside.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_ENTRIES or sum(e.file_size for e in entries) > MAX_XML_BYTES:
                raise UnreadableError("the archive is too large inside to be a score")
            return _entry(archive, _score_name(archive))
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError) as error:
        raise UnreadableError(f"not a readable .mxl archive ({error})") from error
    except (EOFError, OSError, KeyError, ValueError) as error:
        if isinstance(error, UnreadableError):
            raise
        raise UnreadableError(f"the .mxl archive is damaged ({error})") from error


def _entry(archive: zipfile.ZipFile, name: str) -> bytes:
    # Asked for all, zipfile unpacks all before it cuts at the declared size.
    with archive.open(name) as stream:
        return stream.read(archive.getinfo(name).file_size)


def _score_name(archive: zipfile.ZipFile) -> str:
    """Return the name of the score in an archive: what its container says, or its first XML."""
    names = archive.namelist()
    if _CONTAINER in names:
        container = _entry(archive, _CONTAINER)
        check_xml(container)
        for element in ElementTree.fromstring(container).iter():
            if element.tag.endswith("rootfile") and element.get("full-path") in names:
                return str(element.get("full-path"))
    for name in names:
        if name.endswith((".xml", ".musicxml")) and not name.startswith(("META-INF", "__MACOSX")):
            return name
    raise UnreadableError("the .mxl archive holds no score")


def check_xml(data: bytes) -> str:
    """Return the name of the outermost element of well-formed XML that defines no entities.

    MusicXML has no use for entities of its own; those that grow without bound or point to other
    files are refused at their declaration, before anything is expanded. A DOCTYPE that only names
    the standard's DTD is let pass: no parser here fetches it.

    Raises:
        UnreadableError: it declares entities or is not well-formed.
    """
    root: list[str] = []

    def begin(name: str, _attributes: dict[str, str]) -> None:
        root.append(name)
        parser.StartElementHandler = None

    def declares(name: str, *_rest: object) -> None:
        raise UnreadableError(f"its XML declares an entity ({name[:40]}), which no score needs")

    parser = expat.ParserCreate()
    parser.StartElementHandler = begin
    parser.EntityDeclHandler = declares
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise UnreadableError(f"not well-formed XML ({error})") from error
    return root[0]
