"""Models, sessions and configs are data; nothing listens on the network unless it is asked."""

from __future__ import annotations

import ast
import json
import os
import pickle
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import onnx
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from live.config_file import PROJECT
from live.errors import UserError
from live.events import alphabet
from live.model import METADATA_KEY, Model
from live.model_check import refers_to_files
from live.past_models import find
from live.past_take import ModelFile
from live.recording import cut_off, recover
from tests.models import write_model
from tests.watched import Watched


def complaint(path):
    with pytest.raises(UserError) as caught:
        Model(path)
    line = str(caught.value)
    assert "\n" not in line
    return line


def elsewhere(location):
    """Return a tensor whose numbers are in another file."""
    tensor = TensorProto(name="known", data_type=TensorProto.FLOAT, dims=[1])
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", "4")):
        tensor.external_data.add(key=key, value=value)
    return tensor


# -- a model file names no other file ------------------------------------------------------------


@pytest.fixture
def graph(tmp_path):
    """A good model, to be spoiled."""
    return onnx.load(write_model(tmp_path / "good.onnx"))


LOCATIONS = ["weights.bin", "../weights.bin", "/etc/passwd", "sub/weights.bin", ""]


def in_weights(model, tensor):
    model.graph.initializer.append(tensor)


def in_a_constant(model, tensor):
    model.graph.node.insert(0, helper.make_node("Constant", [], ["unused"], value=tensor))


def in_a_branch(model, tensor):
    then = helper.make_graph(
        [helper.make_node("Constant", [], ["inner"], value=tensor)],
        "then",
        [],
        [helper.make_tensor_value_info("inner", TensorProto.FLOAT, [1])],
    )
    branch = helper.make_node("If", ["free"], ["either"], then_branch=then, else_branch=then)
    model.graph.node.append(branch)


def in_a_function(model, tensor):
    inside = helper.make_node("Constant", [], ["y"], value=tensor)
    opset = [helper.make_opsetid("", 18)]
    model.functions.append(helper.make_function("own", "F", [], ["y"], [inside], opset))


def in_a_sparse_weight(model, tensor):
    sparse = model.graph.sparse_initializer.add()
    sparse.values.CopyFrom(tensor)


def in_training(model, tensor):
    model.training_info.add().initialization.initializer.append(tensor)


PLACES = [in_weights, in_a_constant, in_a_branch, in_a_function, in_a_sparse_weight, in_training]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_a_model_that_keeps_weights_in_another_file_is_refused(tmp_path, monkeypatch, graph, place):
    path = tmp_path / "elsewhere.onnx"
    (tmp_path / "weights.bin").write_bytes(bytes(4))
    monkeypatch.chdir(tmp_path)  # where onnxruntime would look
    place(graph, elsewhere("weights.bin"))
    onnx.save(graph, path)
    assert "another file" in complaint(path)


@pytest.mark.parametrize("location", LOCATIONS)
def test_wherever_it_points_to(tmp_path, graph, location):
    path = tmp_path / "elsewhere.onnx"
    graph.graph.initializer.append(elsewhere(location))
    path.write_bytes(graph.SerializeToString())
    assert "another file" in complaint(path)


def test_the_shipped_models_keep_everything_in_one_file():
    for path in (PROJECT / "exported_models").glob("*.onnx"):
        assert not refers_to_files(path.read_bytes())


@given(st.binary(max_size=200))
@settings(max_examples=300)
def test_any_bytes_are_a_model_or_are_not(data):
    with suppress(ValueError):
        assert refers_to_files(data) in (True, False)


def test_a_file_of_endless_small_parts_is_given_up():
    with pytest.raises(ValueError, match="more fields"):
        refers_to_files(b"\x08\x01" * 1_100_000)
    nested = b""
    for _ in range(100):
        for key in (b"\x32", b"\x2a", b"\x0a"):  # attribute.graph, node.attribute, graph.node
            nested = key + _length(nested) + nested
    with pytest.raises(ValueError, match="without end"):
        refers_to_files(b"\x3a" + _length(nested) + nested)


def _length(data):
    value, spelled = len(data), bytearray()
    while value > 0x7F:
        spelled.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*spelled, value])


# -- a model file runs no code -------------------------------------------------------------------


class Bomb:
    def __init__(self, witness):
        self._witness = witness

    def __reduce__(self):
        return os.mkdir, (str(self._witness),)


def test_a_pickle_is_no_model_and_is_not_unpickled(tmp_path):
    witness = tmp_path / "ran"
    path = tmp_path / "bomb.onnx"
    path.write_bytes(pickle.dumps(Bomb(witness)))
    complaint(path)
    path.with_suffix(".npz").write_bytes(path.read_bytes())
    complaint(path.with_suffix(".npz"))
    assert not witness.exists()


def test_nothing_of_the_performer_unpickles_files_or_loads_code():
    """What reads pickles, or libraries of operators, is called nowhere."""
    forbidden = {"pickle", "cPickle", "marshal", "shelve", "dill", "joblib", "eval", "exec"}
    forbidden |= {"register_custom_ops_library", "CDLL", "import_module", "allow_pickle"}
    for path in sorted((PROJECT / "live").rglob("*.py")):
        names = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Name):
                names.add(node.id)
            elif isinstance(node, ast.Attribute):
                names.add(node.attr)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                names |= {alias.name for alias in node.names} | {getattr(node, "module", "")}
            elif isinstance(node, ast.keyword):
                names.add(node.arg)
        assert not names & forbidden, path


def test_an_operator_that_is_not_onnxruntimes_own_is_refused(tmp_path, graph):
    path = tmp_path / "custom.onnx"
    graph.graph.node.append(helper.make_node("Run", ["two"], ["ran"], domain="evil.custom"))
    graph.opset_import.append(helper.make_opsetid("evil.custom", 1))
    onnx.save(graph, path)
    assert "not a complete ONNX model" in complaint(path)


# -- a model file has its measure ----------------------------------------------------------------


def test_states_beyond_all_measure_are_refused_before_they_are_made(tmp_path, graph):
    path = tmp_path / "vast.onnx"
    for value in (*graph.graph.input, *graph.graph.output):
        if value.name in ("states", "next_states"):
            for dim, size in zip(value.type.tensor_type.shape.dim[1:], (2**20, 2**20), strict=True):
                dim.dim_value = size
    path.write_bytes(graph.SerializeToString())
    complaint(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no such files")
def test_what_is_no_file_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.onnx")
    assert "no end" in complaint(tmp_path / "pipe.onnx")
    if Path("/dev/zero").exists():
        assert "no end" in complaint(Path("/dev/zero"))


HUNGRY = """
import sys
from pathlib import Path
from live.errors import UserError
from live.model import Model
from live.processes import limit_memory

limit_memory()
try:
    Model(Path(sys.argv[1]))
except UserError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on memory")
@pytest.mark.parametrize(("gib", "lines"), [(10, 1), (0, 0)])
def test_a_model_that_asks_for_all_memory_is_refused(tmp_path, graph, gib, lines):
    path = tmp_path / "hungry.onnx"
    vast = helper.make_tensor("vast", TensorProto.INT64, [1], [max(1, gib * 2**30 // 4)])
    graph.graph.initializer.append(vast)
    last = next(node for node in graph.graph.node if list(node.output) == ["logits"])
    last.output[0] = "modest"
    graph.graph.node.insert(0, helper.make_node("ConstantOfShape", ["vast"], ["all"]))
    graph.graph.node.insert(1, helper.make_node("ReduceSum", ["all"], ["sum"], keepdims=0))
    graph.graph.node.append(helper.make_node("Add", ["modest", "sum"], ["logits"]))
    path.write_bytes(graph.SerializeToString())
    run = subprocess.run(
        [sys.executable, "-c", HUNGRY, str(path)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    assert [str(path) in line for line in run.stdout.splitlines()] == [True] * lines


@pytest.mark.parametrize("name", ["events", "noise", "temperature", "states"])
def test_inputs_of_another_type_are_found_out_before_anybody_plays(tmp_path, graph, name):
    path = tmp_path / "types.onnx"
    for value in graph.graph.input:
        if value.name == name:
            value.type.tensor_type.elem_type = TensorProto.INT64
    path.write_bytes(graph.SerializeToString())
    complaint(path)


def test_tokens_that_no_field_has_break_nothing(tmp_path, graph):
    path = tmp_path / "mad.onnx"
    last = next(node for node in graph.graph.node if list(node.output) == ["event"])
    last.output[0] = "sane"
    graph.graph.node.append(helper.make_node("Mul", ["sane", "many"], ["event"]))
    graph.graph.initializer.append(helper.make_tensor("many", TensorProto.INT32, [], [-99999]))
    path.write_bytes(graph.SerializeToString())
    model = Model(path)
    event = model.run(np.zeros((1, 7), dtype=np.int32), model.zero_states()).event
    assert (event >= 0).all()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(
    st.one_of(
        st.text(max_size=60),
        json_values.map(json.dumps),
        st.dictionaries(
            st.sampled_from(["precision", "licence", "training", "held_out", "sources", "name"]),
            json_values,
        ).map(lambda extra: json.dumps({"alphabet": alphabet(), **extra})),
    )
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_the_metadata_say_it_is_a_model_or_one_line(tmp_path, metadata):
    path = tmp_path / "metadata.onnx"
    if not path.with_suffix(".base").exists():
        write_model(path).rename(path.with_suffix(".base"))
    model = onnx.load(path.with_suffix(".base"))
    helper.set_model_props(model, {METADATA_KEY: metadata})
    path.write_bytes(model.SerializeToString())
    try:
        assert Model(path).metadata["alphabet"] == alphabet()
    except UserError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either will do


# -- sessions and configs stay where they belong --------------------------------------------------


@pytest.mark.parametrize("name", ["../secret.onnx", "/{}/secret.onnx", "..", "", "a/../../x.onnx"])
def test_a_journal_names_a_model_of_the_models_folders_only(tmp_path, name):
    folder = tmp_path / "models"
    folder.mkdir()
    write_model(tmp_path / "secret.onnx")
    wanted = ModelFile(name.format(tmp_path), "0" * 64)
    with pytest.raises(UserError, match="is not in"):
        find([wanted], [folder])


def test_recovering_writes_beside_the_journals_and_nowhere_else(tmp_path):
    folder = tmp_path / "sessions"
    folder.mkdir()
    line = '["mark", 0.1, "../../outside"]'
    header = {"journal": 1, "origin_s": 0.0, "model": "../../m", "started": "/etc/x"}
    (folder / "one.jsonl").write_text(f"{json.dumps(header)}\n{line}\n")
    (tmp_path / "outside.jsonl").write_text(json.dumps(header))
    assert cut_off(folder) == [folder / "one.jsonl"]
    assert recover(folder / "one.jsonl") == folder / "one.mid"
    assert sorted(p.name for p in tmp_path.rglob("*")) == [
        "one.jsonl",
        "one.mid",
        "outside.jsonl",
        "sessions",
    ]


# -- the network ---------------------------------------------------------------------------------


def listening(process):
    """Return the addresses on which a process and its children wait for others."""
    found = []
    for each in [process, *process.children(recursive=True)]:
        for connection in each.net_connections(kind="inet"):
            if connection.status == psutil.CONN_LISTEN or connection.type == socket.SOCK_DGRAM:
                found.append((each.name(), connection.laddr))
    return found


def test_a_session_waits_for_nobody_on_the_network_and_writes_for_its_user(tmp_path, monkeypatch):
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "continuo-nobody-runs-this")
    before = listening(psutil.Process())
    one = Watched(tmp_path / "sessions")
    try:
        one.session.run(0.3)
        assert listening(psutil.Process()) == before
    finally:
        one.close()
    for path in (tmp_path / "sessions").iterdir():
        assert path.stat().st_mode & 0o022 == 0, path


def test_what_the_command_starts_is_reached_from_this_machine_alone(performer):
    session = performer("--demo", "--seconds", "60")
    session.wait_ready()
    time.sleep(1.0)
    found = listening(psutil.Process(session.process.pid))
    assert {address.ip for _, address in found} <= {"127.0.0.1", "::1"}, found
