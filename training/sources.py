"""Where music is from and under which licence, for the metadata and the card of a model.

``--about FILE`` is a TOML file with one table for each source, named like its folder::

    [mutopia]
    name = "Mutopia Project, keyboard solos"
    licence = "public domain, or CC BY per piece"
    url = "https://www.mutopiaproject.org"              # optional
    acknowledge = "Typeset by Erik Sjölund and others." # what the licence asks to be told
    notice = "COPYING"                                  # a file in the folder, to be kept in full

``training/sources.toml`` is such a file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from rich.console import Console

from live.config_file import read_config
from live.errors import UserError
from training.corpus import composer
from training.library import Corpus
from training.report import tell
from training.works import Split

CORPUS: Final = "music21 corpus, permitted core"
CORPUS_LICENCE: Final = (
    "out of copyright in the United States or licensed for use; encodings as music21's "
    "corpus/license.txt says"
)
OWN_MUSIC: Final = "own music"
"""What names of sources begin with that a model was adapted to."""
OWN_LICENCE: Final = "the user's own choice of files"
MAX_NOTICE_BYTES: Final = 200_000


class Source(BaseModel):
    """What is told of the music in one folder."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, str_strip_whitespace=True)

    name: str = Field(min_length=1)
    licence: str = Field(min_length=1)
    url: str = ""
    acknowledge: str = ""
    """What the licence asks to be told with whatever is made from the music."""
    notice: str = ""
    """Name of a file in the folder whose text the licence asks to be kept."""

    def told(self, folder: Path) -> dict[str, str]:
        """Return what goes into the metadata, without what is empty.

        Raises:
            UserError: the notice is not in the folder, or is no text.
        """
        told = {name: text for name, text in self.model_dump().items() if text}
        if self.notice:
            path = folder / self.notice
            try:
                if path.stat().st_size > MAX_NOTICE_BYTES:
                    raise UserError(f"the notice {path} is longer than {MAX_NOTICE_BYTES:,} bytes")
                told["notice"] = path.read_text(encoding="utf-8").strip()
            except (OSError, ValueError) as error:
                why = getattr(error, "strerror", None) or "it is no text"
                raise UserError(f"cannot read the notice {path}: {why}") from error
        return told


def read_sources(path: Path) -> dict[str, Source]:
    """Return what a file tells of sources, by the name of their folder.

    Raises:
        UserError: it cannot be read, or lacks something.
    """
    sources = {}
    for folder, told in read_config(path).items():
        try:
            sources[folder] = Source.model_validate(told)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, (folder, *first["loc"])))
            raise UserError(f"{path}: {where}: {first['msg']}") from error
    return sources


def sources_of(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what a file says of its music, without what makes no sense."""
    data = told.get("data")
    return [one for one in data if isinstance(one, dict)] if isinstance(data, list) else []


def is_same_music(told: Sequence[Mapping[str, Any]], corpus: Corpus) -> bool:
    """Return whether a library is, by its counts, the one that a model says it learnt from.

    The player's own music, which it may have been adapted to, is left out of account.

    Args:
        told: what the model says of its sources.
        corpus: the library.
    """
    others = [one for one in told if not str(one.get("name")).startswith(OWN_MUSIC)]
    counted = (len(corpus), len(corpus.columns))
    return any(
        tuple(sum(_number(one.get(what)) for one in some) for what in ("pieces", "notes"))
        == counted
        for some in (told, others)
    )


def _number(told: Any) -> int:
    return told if isinstance(told, int) else 0


def tell_of_other_music(
    model: str, told: Sequence[Mapping[str, Any]], corpus: Corpus, console: Console
) -> None:
    """Say in one line if works that are held out of a library may be known to a model.

    Which works are held out hangs on all editions of them, and so on what else is in the library.
    """
    if not is_same_music(told, corpus):
        tell(
            console,
            f"{model} was trained on other music than this, as far as it says: some of what is "
            "held out here it may have learnt from",
        )


def describe(
    data: Sequence[Path], corpus: Corpus, parts: Split, about: Path | None = None
) -> list[dict[str, Any]]:
    """Return what a model file says of the music it was trained on, source by source.

    Args:
        data: folders; none: the permitted core of music21's corpus.
        corpus: what was read of them.
        parts: how its pieces were divided.
        about: tells of every source; see above. None: a source is told by its folder's name.

    Raises:
        UserError: the file lacks a source, or cannot be read.
    """
    known = None if about is None else read_sources(about)
    learnt_from = set(parts.train)
    if not data:
        return [
            {
                "name": CORPUS,
                "licence": CORPUS_LICENCE,
                **_counts(corpus, range(len(corpus)), learnt_from),
                "composers": Counter(composer(Path(source)) for source in corpus.sources),
            }
        ]
    pieces: dict[Path, list[int]] = {}
    for number, path in enumerate(corpus.sources):
        pieces.setdefault(_source(Path(path), data, known or {}), []).append(number)
    return [
        {
            **_told(folder, known, about),
            **_counts(corpus, numbers, learnt_from),
        }
        for folder, numbers in pieces.items()
    ]


def _source(path: Path, data: Sequence[Path], known: Mapping[str, Source]) -> Path:
    """Return the folder that a file is told by: the nearest that is known, else that of --data."""
    top = max((d for d in data if path.is_relative_to(d)), key=lambda d: len(d.parts))
    folder = path.parent
    while folder != top and folder.name not in known:
        folder = folder.parent
    return folder


def _told(folder: Path, known: Mapping[str, Source] | None, about: Path | None) -> dict[str, str]:
    name = folder.resolve().name
    if known is None:
        return {"name": name, "licence": OWN_LICENCE}
    if name not in known:
        raise UserError(
            f"{about} does not tell where the music in {folder} is from; add a section [{name}] "
            "with its name and licence"
        )
    return known[name].told(folder)


def _counts(corpus: Corpus, pieces: Sequence[int], learnt_from: set[int]) -> dict[str, int]:
    return {
        "pieces": len(pieces),
        "notes": sum(len(corpus.notes(number)) for number in pieces),
        "held_out_pieces": sum(number not in learnt_from for number in pieces),
    }
