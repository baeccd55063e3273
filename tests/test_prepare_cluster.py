"""Reading on a Dask cluster gives what reading here gives."""

from __future__ import annotations

import subprocess
import sys

import pytest
from distributed import LocalCluster

from live.errors import UserError
from tests.music import library, same
from training.prepare import prepare


@pytest.fixture
def music(tmp_path):
    return library(tmp_path / "music")


@pytest.fixture
def cluster():
    # Workers are daemons, as those of a real cluster are: they may not start processes of
    # multiprocessing, and reading needs processes.
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as started:
        yield started.scheduler_address


def test_two_workers_of_a_cluster_read_what_one_machine_reads(music, tmp_path, cluster):
    here, _ = prepare(music, tmp_path / "here", jobs=2)
    there, report = prepare(music, tmp_path / "there", cluster=cluster)
    assert same(here, there)
    assert (report.read, len(report.skipped)) == (12, 1)
    again, report = prepare(music, tmp_path / "there", cluster=cluster)
    assert same(here, again)
    assert report.read == 0


def test_an_address_where_nobody_answers_is_refused_in_one_line(music, tmp_path, monkeypatch):
    monkeypatch.setattr("training.reading.many.ANSWER_S", 1)
    with pytest.raises(UserError, match=r"no Dask scheduler answers at tcp://127.0.0.1:1"):
        prepare(music, tmp_path / "cache", cluster="tcp://127.0.0.1:1")


def test_preparing_here_needs_no_cluster_library():
    heavy = "{'distributed', 'tensorflow', 'music21'}"
    code = f"import sys, training.prepare; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
