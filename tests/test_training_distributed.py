"""Two workers learn what one machine learns."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from live.errors import UserError
from tests.lessons import LESSON, SETTINGS
from training import runtime
from training.checkpoint import LAST
from training.fit import fit

PROJECT = Path(__file__).resolve().parent.parent
# Gradients are cut on each worker before they are added up: here, none is long enough.
SHARED = SETTINGS.model_copy(update={"epochs": 2, "clipnorm": 1e6})

WORKER = """
import json, pathlib, sys
from rich.console import Console
from training import runtime
runtime.load_tensorflow()
from tests.lessons import LESSON
from tests.test_training_distributed import SHARED
from training.fit import fit
folder = pathlib.Path(sys.argv[1])
outcome = fit(SHARED, LESSON, folder, Console(quiet=True))
weights = float(sum(abs(w).sum() for w in outcome.network.get_weights()))
print(json.dumps({"history": outcome.history, "bits": outcome.bits, "weights": weights}))
"""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def as_worker(index, ports):
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    return json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})


def test_two_workers_learn_what_one_machine_learns(tmp_path):
    ports = free_ports(2)
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path / "shared")],
            cwd=PROJECT,
            env={**os.environ, "TF_CONFIG": as_worker(index, ports)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for index in range(2)
    ]
    alone = fit(SHARED, LESSON, tmp_path / "alone", Console(quiet=True))
    try:
        told = [worker.communicate(timeout=300) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    for worker, (_, errors) in zip(workers, told, strict=True):
        assert worker.returncode == 0, errors[-3000:]
    found = [json.loads(output.splitlines()[-1]) for output, _ in told]
    assert (tmp_path / "shared" / LAST).exists()
    for one in found:
        assert one["weights"] == pytest.approx(
            sum(np.abs(w).sum() for w in alone.network.get_weights()), rel=1e-3
        )
        for epoch, expected in zip(one["history"], alone.history, strict=True):
            assert epoch["steps"] == expected["steps"]
            for name in ("trained", "held_out_sum"):
                assert epoch[name] == pytest.approx(expected[name], rel=2e-3)
        assert one["bits"]["sum"] == pytest.approx(alone.bits["sum"], rel=2e-3)


def test_this_process_alone_is_chief(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert runtime.is_chief()
    assert not runtime.several_workers()


def test_first_worker_is_chief(monkeypatch):
    for index in range(2):
        monkeypatch.setenv("TF_CONFIG", as_worker(index, [1, 2]))
        assert runtime.several_workers()
        assert runtime.is_chief() == (index == 0)


@pytest.mark.parametrize(
    "config",
    [
        "nonsense",
        "[]",
        '{"cluster": {}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 3}}',
    ],
)
def test_wrong_config_is_told_in_one_line(monkeypatch, config):
    monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(UserError, match="TF_CONFIG") as caught:
        runtime.several_workers()
    assert "\n" not in str(caught.value)


def test_minutes_are_refused_for_several_workers(monkeypatch, tmp_path):
    monkeypatch.setenv("TF_CONFIG", as_worker(0, [1, 2]))
    timed = SHARED.model_copy(update={"minutes": 1.0})
    with pytest.raises(UserError, match="--epochs"):
        fit(timed, LESSON, tmp_path, Console(quiet=True))
