"""Reads many files at once, on this machine or on a cluster."""

from __future__ import annotations

import queue
import tempfile
import threading
from collections.abc import Generator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

from live.errors import UserError
from training.reading.isolated import FileRead, Limits, Reader

BATCH: Final = 16
"""Files per task of a cluster: each task starts a reader of its own, which takes a second."""
ANSWER_S: Final = 10
"""How long a scheduler may take to answer."""

Results = Generator[tuple[Path, FileRead], None, None]
"""What came of each file, as it comes."""


def read_here(paths: Sequence[Path], jobs: int, limits: Limits) -> Results:
    """Give what came of each file as it is read, by ``jobs`` processes, in no fixed order.

    Ends all processes when it is closed before the last file.
    """
    waiting: queue.SimpleQueue[Path] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[Path, FileRead] | BaseException] = queue.SimpleQueue()
    for path in paths:
        waiting.put(path)
    readers = [Reader(limits) for _ in range(min(jobs, len(paths)))]
    stopping = threading.Event()

    def work(reader: Reader) -> None:
        try:
            while not stopping.is_set():
                path = waiting.get_nowait()
                done.put((path, reader.read(path)))
        except queue.Empty:
            return
        except BaseException as error:
            done.put(error)

    threads = [threading.Thread(target=work, args=(r,), daemon=True) for r in readers]
    try:
        for thread in threads:
            thread.start()
        for _ in paths:
            result = done.get()
            if isinstance(result, BaseException):
                raise result
            yield result
    finally:
        stopping.set()
        for reader in readers:
            reader.close()


def read_on_cluster(paths: Sequence[Path], address: str, limits: Limits) -> Results:
    """Give what came of each file as it is read by the workers of a Dask cluster.

    The files' contents are sent along: workers need this package, but not the same folders.

    Args:
        paths: files on this machine.
        address: of the scheduler, such as ``tcp://host:8786``.
        limits: for each file.

    Raises:
        UserError: Dask is not installed, or nobody answers at the address.
    """
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise UserError(
            "reading on a cluster needs Dask: pip install 'continuo[cluster]'"
        ) from error
    try:
        client = Client(address, timeout=ANSWER_S)
    except (OSError, ValueError) as error:
        raise UserError(f"no Dask scheduler answers at {address} ({error})") from error
    with client:
        batches = [list(paths[i : i + BATCH]) for i in range(0, len(paths), BATCH)]
        coming = iter(batches)
        # Only as many files as the workers have threads are on their way: a large library does
        # not have to fit into the scheduler's memory.
        ahead = 2 * max(sum(client.nthreads().values()), 1)
        sent = {_send(client, batch, limits): batch for batch in islice(coming, ahead)}
        finished = as_completed(list(sent))
        for future in finished:
            batch = sent.pop(future)
            following = next(coming, None)
            if following is not None:
                new = _send(client, following, limits)
                sent[new] = following
                finished.add(new)
            yield from zip(batch, _result(future, len(batch)), strict=True)


def _send(client: Any, batch: list[Path], limits: Limits) -> Any:
    contents: list[tuple[str, bytes | str]] = []
    for path in batch:
        try:
            contents.append((path.name, path.read_bytes()))
        except OSError as error:
            contents.append((path.name, error.strerror or str(error)))
    return client.submit(read_contents, contents, limits, pure=False)


def _result(future: Any, count: int) -> list[FileRead]:
    if future.status == "finished":
        return list(future.result())
    trouble = " ".join(str(future.exception()).split())[:160]
    return [FileRead(reason=f"the cluster failed ({trouble})", is_final=False)] * count


def read_contents(contents: list[tuple[str, bytes | str]], limits: Limits) -> list[FileRead]:
    """Return what came of each file; runs on a worker of a cluster.

    Args:
        contents: name and content of each file, or name and why it could not be opened.
        limits: for each file.
    """
    results = []
    with Reader(limits) as reader, tempfile.TemporaryDirectory() as folder:
        for name, content in contents:
            if isinstance(content, str):
                results.append(FileRead(reason=f"cannot be opened: {content}", is_final=False))
                continue
            path = Path(folder) / name
            path.write_bytes(content)
            results.append(reader.read(path))
            path.unlink()
    return results
