"""From folders of music to a corpus: every file read once, works told apart, all on record."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from live.errors import UserError
from training.library import Corpus
from training.reading import SUFFIXES, UnreadableError, guard
from training.reading.isolated import Limits
from training.reading.many import Results, read_here, read_on_cluster
from training.report import Left, Report, printable, report_path, tell
from training.store import Store
from training.works import identity


def cache_folder() -> Path:
    """Return where notes that were read are kept; the environment may name another place."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "continuo"


def music_files(folders: Iterable[Path]) -> list[Path]:
    """Return the files of music in folders and the folders in them, in a fixed order.

    Raises:
        UserError: there is no such folder, or no music in any of them.
    """
    found: set[Path] = set()
    names = []
    for folder in folders:
        names.append(str(folder))
        if not folder.is_dir():
            raise UserError(f"there is no folder {folder}; name one of music files with --data")
        for base, _, files in os.walk(folder):
            found.update(Path(base, f) for f in files if Path(f).suffix.lower() in SUFFIXES)
    if not found:
        endings = " ".join(sorted(SUFFIXES))
        raise UserError(f"no music in {', '.join(names)}; its files would end in one of {endings}")
    return sorted(found)


def prepare(
    source: Path | Sequence[Path],
    cache: Path,
    *,
    jobs: int | None = None,
    cluster: str | None = None,
    limits: Limits | None = None,
    retry: bool = False,
    may_be_empty: bool = False,
    console: Console | None = None,
) -> tuple[Corpus, Report]:
    """Read music, each file once for all times, and tell its works apart.

    Args:
        source: a folder, or a list of folders and files.
        cache: folder where what was read is kept; made if missing. Interrupted at any moment,
            the next call goes on from there. The report is written into a folder within.
        jobs: processes that read; None: one for each core.
        cluster: address of a Dask scheduler whose workers read instead.
        limits: what one file may cost in time and memory.
        retry: read files again that were refused before.
        may_be_empty: return a corpus without pieces where none of the files can be read.
        console: shows a progress bar; None: silent.

    Raises:
        UserError: there is no music, none of it can be read, or the cache cannot be written.
    """
    began = time.monotonic()
    sources = [source] if isinstance(source, Path) else list(source)
    paths = {p for p in sources if p.suffix.lower() in SUFFIXES and not p.is_dir()}
    folders = [path for path in sources if path not in paths]
    paths.update(music_files(folders) if folders else ())
    report = Report(files=len(paths))
    by_key = _by_content(sorted(paths), report)
    with Store(cache, lambda line: tell(console or Console(quiet=True), line)) as store:
        known = store.known()
        reasons = {
            key: known[key]
            for key in by_key
            if key in known and not (retry and known[key] is not None)
        }
        report.kept = sum(reason is None for reason in reasons.values())
        unread = {path: key for key, path in by_key.items() if key not in reasons}
        for path, read in _read(list(unread), jobs, cluster, limits or Limits(), console):
            reasons[unread[path]] = read.reason
            if read.is_final:
                store.keep(unread[path], path.stem, read)
            report.read += read.reason is None
        report.skip(
            Left(str(path), reason)
            for key, path in by_key.items()
            if (reason := reasons[key]) is not None
        )
        corpus = _corpus(store, {k: p for k, p in by_key.items() if reasons[k] is None}, report)
    report.count(corpus)
    report.seconds = round(time.monotonic() - began, 2)
    report.keep(report_path(cache, sources))
    if not corpus and not may_be_empty:
        why = report.skipped[0]
        line = f"none of {report.files} files could be read; {why.path}: {why.reason}"
        raise UserError(printable(f"{line}; {report.whereabouts}"))
    return corpus, report


def _by_content(paths: Sequence[Path], report: Report) -> dict[bytes, Path]:
    """Return the first file of each content, with a key made of the content and its format."""
    by_key: dict[bytes, Path] = {}
    for path in paths:
        try:
            content = guard.file_bytes(path)
        except (UnreadableError, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            report.skipped.append(Left(str(path), reason or "it cannot be opened"))
            continue
        suffix = path.suffix.lower().encode()
        key = hashlib.blake2b(suffix + b"\0" + content, digest_size=16).digest()
        if key in by_key:
            report.duplicated.append(Left(str(path), f"the same file as {by_key[key]}"))
        else:
            by_key[key] = path
    return by_key


def _read(
    paths: Sequence[Path],
    jobs: int | None,
    cluster: str | None,
    limits: Limits,
    console: Console | None,
) -> Results:
    """Give what came of each file, under a progress bar."""
    if not paths:
        return
    # The longest first: none of them is left to be read alone at the end.
    paths = sorted(paths, key=lambda path: path.stat().st_size, reverse=True)
    if cluster is None:
        reading = read_here(paths, jobs or os.cpu_count() or 1, limits)
    else:
        reading = read_on_cluster(paths, cluster, limits)
    columns = (
        TextColumn("reading"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[skipped]} skipped"),
        TimeRemainingColumn(),
    )
    progress = Progress(*columns, console=console, disable=console is None)
    with progress, closing(reading):
        task = progress.add_task("reading", total=len(paths), skipped=0)
        skipped = 0
        for path, read in reading:
            skipped += read.reason is not None
            progress.update(task, advance=1, skipped=skipped)
            yield path, read


def _corpus(store: Store, files: dict[bytes, Path], report: Report) -> Corpus:
    """Return the pieces of all readable files; of those with the same notes, only the first."""
    names, sources, notes = [], [], []
    first: dict[bytes, str] = {}
    for key, suffix, columns in store.pieces(files):
        source = str(files[key])
        name = files[key].stem + suffix
        same = identity(columns)
        if same in first:
            report.duplicated.append(Left(source, f"{name} has the notes of {first[same]}"))
            continue
        first[same] = source
        names.append(name)
        sources.append(source)
        notes.append(columns)
    return Corpus.of(names, sources, notes)
