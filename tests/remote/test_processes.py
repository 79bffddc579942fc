"""Backends in processes of their own: what is sent, the same report, and a process that dies."""

from __future__ import annotations

import importlib
import io
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor, thread
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec.backend import Options, get_backend, onnx_backend
from nnspec.errors import DataError, MissingDependencyError, UnsupportedError
from nnspec.network.loader import load, loads
from nnspec.remote import forked, frames, processes, worker
from nnspec.remote.calls import asked_again
from nnspec.remote.processes import RemoteProgram, Worker, Workers
from nnspec.verification import engines
from nnspec.verification.call_checks import CALLS, first_other
from nnspec.verification.remote import RemoteDirect
from nnspec.verification.report import Report
from nnspec.weights.canonical import initial_weights
from nnspec_keras.options import KerasOptions

ROOT = Path(__file__).parents[2]
SPECS = [ROOT / "specs" / name for name in ("digits_cnn.yaml", "zoo/gpt2.yaml", "zoo/unet.yaml")]
SMALL = """
nnspec: 1
name: Small
inputs: {x: {shape: [3]}}
layers: [{name: d, type: dense, units: 2, activation: {type: elu, alpha: 0.3}}]
"""


def sent(value: object) -> Any:
    stream = io.BytesIO()
    frames.write(stream, value)
    stream.seek(0)
    return frames.read(stream)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_spec_that_is_sent_compiles_to_the_same(path: Path) -> None:
    spec = load(path)
    copy = sent({"spec": spec, "options": KerasOptions(stock=True)})
    assert copy["options"] == KerasOptions(stock=True)
    assert copy["spec"].sha256 == spec.sha256
    assert copy["spec"].path == path
    for name in ("torch", "keras", "onnx"):
        options = Options(training=spec.model.training is not None)
        backend = get_backend(name)
        expected = backend.compile(spec, options).source
        assert backend.compile(copy["spec"], options).source == expected


def test_a_spec_with_advice_that_has_a_mending_is_sent() -> None:
    spec = loads(
        "nnspec: 1\nname: Advised\ninputs: {x: {shape: [8]}}\nlayers:\n"
        "  - {type: dense, units: 4}\n  - {type: batch_normalization}\n"
        "  - {type: relu}\n  - {type: dense, units: 1}\n"
    )
    assert any(each.fix is not None for each in spec.advice)
    assert [each.message for each in sent(spec).advice] == [each.message for each in spec.advice]


def test_equal_bodies_stay_one_object() -> None:
    (block,) = [node for node in sent(load(SPECS[1])).graph.nodes if hasattr(node, "bodies")]
    assert len(block.bodies) == 12
    assert len(set(map(id, block.bodies))) == 1


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3).T,
        np.array(0.1, np.float32),
        np.zeros((0, 3), np.int64),
        np.array([True, False]),
        np.array([np.nan, -np.inf, -0.0]),
    ],
    ids=str,
)
def test_arrays_are_sent_to_the_last_bit(array: Any) -> None:
    given = sent([array, {"again": (array, float("inf"), None, {"$": 1, 2: "x"})}])
    for copy in (given[0], given[1]["again"][0]):
        assert (copy.dtype, copy.shape) == (array.dtype, array.shape)
        assert copy.tobytes() == np.asarray(array, order="C").tobytes()
    assert given[1]["again"][1:] == (float("inf"), None, {"$": 1, 2: "x"})


def test_bytes_are_sent_as_they_are() -> None:
    given = {"files": {"a.npz": bytes(range(256)), "empty": b""}}
    assert sent(given) == given


@pytest.mark.parametrize(
    "value",
    [object(), np.array([object()]), json.JSONDecoder()],
    ids=["object", "array", "decoder"],
)
def test_what_is_no_record_is_not_sent(value: object) -> None:
    with pytest.raises(TypeError, match="cannot be sent"):
        sent({"value": value})


@pytest.mark.parametrize("name", ["os:system", "nnspec.remote.frames:os", "builtins:eval"])
def test_a_message_makes_only_records_of_nnspec(name: str) -> None:
    text = json.dumps({"body": {"$": "record", "class": name, "fields": {}}, "arrays": []}).encode()
    with pytest.raises((TypeError, AttributeError)):
        frames.read(io.BytesIO(len(text).to_bytes(8, "little") + text))


@pytest.mark.parametrize(
    "error",
    [
        UnsupportedError("no such layer"),
        DataError('"x" is NaN'),
        MissingDependencyError("keras", "keras"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_of_ours_stays_what_it_is(error: Exception) -> None:
    class Session:
        def fail(self) -> None:
            raise error

    told = sent(worker.answer(Session(), {"do": "fail", "with": {}}))  # type: ignore[arg-type]
    again = processes._error(told["error"])
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_what_begins_at_a_later_call_is_found_by_one_message() -> None:
    class Counting:
        calls = 0

        def forward(self, inputs: dict[str, Any]) -> dict[str, Any]:
            self.calls += 1
            return {"y": inputs["x"] * (2 if self.calls == 40 else 1)}

    x = np.ones((1, 3))
    session = worker.Session("onnx", None)
    session.programs[0] = program = Counting()
    arguments = [{"x": x}, CALLS - 1, 10.0]
    asked = {"number": 0, "name": "forward", "arguments": arguments}
    answers = sent(worker.answer(session, {"do": "again", "with": asked}))["result"]
    assert program.calls == CALLS - 1
    assert [number for number, _ in answers] == [1, 40, 41, CALLS - 1]
    # The first call is not among those made again.
    assert first_other(answers, {"y": x}, 1e-9) == (41, 1.0)
    assert first_other(answers[:1], {"y": x}, 1e-9) == (2, 0.0)


def test_many_calls_end_in_time_and_hold_their_answers() -> None:
    buffer = np.zeros(1)

    def ask(inputs: dict[str, Any]) -> dict[str, Any]:
        buffer[:] += 1  # as a runtime that gives out its own memory
        return {"y": buffer}

    found = [float(outputs["y"][0]) for _, outputs in asked_again(ask, {}, 3, 10.0)]
    assert found == [1.0, 2.0, 3.0]
    assert len(asked_again(ask, {}, 1000, 0.0)) == 1


def test_a_program_is_forgotten_wherever_garbage_is_collected() -> None:
    with Workers() as workers:
        worker_of_onnx = workers.of("onnx")
        program = RemoteProgram(worker_of_onnx, "collect")
        with thread._global_shutdown_lock:  # as where a queue is just taking a request
            program.__del__()
        assert program._number in worker_of_onnx._forgotten
        worker_of_onnx.ask("collect").result()
        assert not worker_of_onnx._forgotten


def verified(*, in_processes: bool, **options: Any) -> Report:
    spec = loads(SMALL)
    return nnspec.verify(
        spec, backends=("torch", "onnx"), steps=1, batch=2, processes=in_processes, **options
    )


def test_the_report_is_the_same_from_processes_of_their_own() -> None:
    ours, theirs = (
        verified(in_processes=in_processes, exporters=False) for in_processes in (False, True)
    )
    assert theirs.passed
    shown = [
        [(check.kind, check.pair, check.dtype, check.tolerance) for check in report.checks]
        for report in (ours, theirs)
    ]
    assert shown[0] == shown[1]


def evaluated(program: Any) -> tuple[Any, Any, Any, Any]:
    inputs = {"x": np.linspace(-1, 1, 6).reshape(2, 3)}
    return (
        program.operators(),
        program.disagreements(inputs),
        program.moved_by_float32(inputs, 1),
        program.in_runtime().forward(inputs),
    )


def test_what_an_evaluator_is_asked_is_answered_in_its_process_too() -> None:
    # ONNX Runtime has no elu in double precision.
    spec = loads(SMALL.replace("{type: elu, alpha: 0.3}", "tanh"))
    weights = dict(initial_weights(spec.graph, 0))
    ours = get_backend("onnx").compile(spec).build(weights, dtype="float64")
    with Workers() as workers:
        theirs = RemoteDirect(onnx_backend(), workers).build(spec, weights, "float64")
        for first, second in zip(evaluated(ours), evaluated(theirs), strict=True):
            if isinstance(first, dict):
                assert list(first) == list(second)
                for name in first:
                    np.testing.assert_array_equal(first[name], second[name])
            else:
                assert first == second


def test_a_process_that_dies_is_a_failed_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Worker.exchange

    def exchange(self: Worker, do: str, arguments: Any) -> Any:
        if self.name == "onnx" and do == "build" and arguments["dtype"] == "float32":
            os.kill(self.start().pid, signal.SIGSEGV)
        return real(self, do, arguments)

    monkeypatch.setattr(Worker, "exchange", exchange)
    report = verified(in_processes=True, exporters=False)
    failed = report.failures()
    assert [check.pair[0] for check in failed] == ["onnx", "onnx, optimized"]
    for check in failed:
        assert "the process of onnx died (SIGSEGV" in check.detail
    # What had run there before goes on in a new process.
    assert any(check.kind == "dynamic_shape" and "onnx" in check.pair[0] for check in report.checks)


FORKED = """
import os, signal, sys
from nnspec.support.causes import Told
from nnspec.remote.processes import Workers

with Workers(1) as workers:
    worker, other = workers.of("torch"), workers.of("keras")
    first, second = worker._process, other._process
    print(type(first).__name__, type(second).__name__, "numpy" in sys.modules)
    os.kill(second.pid, signal.SIGKILL)  # before it has imported its framework
    print(worker.ask("collect").result(), worker.generation)
    os.kill(first.pid, signal.SIGSEGV)
    try:
        worker.ask("collect").result()
    except Told as error:
        print(error)
    print(worker.ask("collect").result(), worker.generation, type(worker._process).__name__)
print(worker._process.returncode, second.returncode)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="forks where threads can be counted")
def test_a_process_with_one_thread_forks_those_of_the_backends() -> None:
    run = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True)
    assert run.stdout.splitlines() == [
        "Forked Forked False",
        "None 1",
        "the process of torch died (SIGSEGV, Segmentation fault)",
        "None 2 Popen",
        "-9 -9",
    ], run.stderr


def test_a_process_with_threads_or_a_framework_forks_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()
        assert not forked.is_safe([])
    monkeypatch.setattr(forked, "_TASKS", Path(__file__).parent / "cases" / "missing")
    assert not forked.is_safe([])
    assert not forked.is_safe(["sys"])


def test_an_interrupt_ends_the_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    real = Worker.__init__

    def init(self: Worker, *arguments: Any) -> None:
        real(self, *arguments)
        started.append(self)

    monkeypatch.setattr(Worker, "__init__", init)

    def interrupt(what: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verified(in_processes=True, progress=interrupt)
    assert [each.name for each in started] == ["torch", "onnx"]
    for each in started:
        assert each._process is None or each._process.returncode is not None


def test_a_program_that_was_trained_is_not_built_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stub:
        name = "torch"
        generation = 1

        def queue(self, requests: Any, *arguments: Any) -> Any:
            result: Future[Any] = Future()
            try:
                result.set_result(requests(*arguments))
            except RuntimeError as error:
                result.set_exception(error)
            return result

        def start(self) -> None:
            pass

        def exchange(self, do: str, arguments: Any) -> Any:
            return ["forward", "train_step"] if do == "build" else None

        def forget(self, number: int) -> None:
            pass

    stub: Any = Stub()
    program: Any = RemoteProgram(stub, "build", weights={})
    program.ready().forward({})
    stub.generation = 2
    program.forward({})
    program.train_step({}, 0)
    stub.generation = 3
    with pytest.raises(RuntimeError, match="in which it was trained, has died"):
        program.forward({})


def test_what_is_derived_is_built_anew_after_its_source() -> None:
    built: list[tuple[str, int]] = []

    class Stub:
        name = "onnx"
        generation = 1

        def queue(self, requests: Any, *arguments: Any) -> Any:
            result: Future[Any] = Future()
            result.set_result(requests(*arguments))
            return result

        def start(self) -> None:
            pass

        def exchange(self, do: str, arguments: Any) -> Any:
            if do in ("build", "derive"):
                built.append((do, self.generation))
            return ["forward", "in_runtime"] if do == "build" else ["forward"]

        def forget(self, number: int) -> None:
            pass

    stub: Any = Stub()
    source: Any = RemoteProgram(stub, "build", weights={}).ready()
    derived = source.in_runtime()
    stub.generation = 2
    derived.forward({})
    assert built == [("build", 1), ("derive", 1), ("build", 2), ("derive", 2)]


def test_an_exporter_writes_one_float32_model_for_both_sessions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = []
    real = engines.ExportedOnnx._export

    def export(self: Any, spec: Any, weights: Any, dtype: str) -> Any:
        written.append(dtype)
        return real(self, spec, weights, dtype)  # type: ignore[arg-type]

    monkeypatch.setattr(engines.ExportedOnnx, "_export", export)
    report = verified(in_processes=False)
    assert report.passed
    assert written == ["float64", "float32"]


def test_the_exporter_of_torch_lists_its_operators_without_reading_them() -> None:
    from onnxscript.function_libs.torch_lib.registration import default_registry
    from onnxscript.values import TracedOnnxFunction

    from nnspec_torch.exporter import operators_unread

    importlib.import_module("onnxscript.function_libs.torch_lib.ops")  # fills the registry
    operators = [
        operator
        for overloads in default_registry._registry.values()
        for operator in overloads.overloads
        if isinstance(operator, TracedOnnxFunction)
    ][::100]
    read = TracedOnnxFunction.function_ir
    expected = [operator.function_ir for operator in operators]
    with operators_unread():
        given = [operator.function_ir for operator in operators]
        assert not any(type(each) is type(expected[0]) for each in given)
        assert [each.domain for each in given] == [each.domain for each in expected]
        assert [each.name for each in given] == [each.name for each in expected]
    assert TracedOnnxFunction.function_ir is read
    assert len(operators) > 3


def test_what_a_framework_is_spared_can_be_imported_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The metrics of an emitted source may be of a package that the framework does without."""

    class Backend:
        spared = ("spared_here", "json")
        imports = ("spared_here",)

    monkeypatch.setattr("nnspec.remote.worker.get_backend", lambda name: Backend())
    session = worker.Session("any", None)
    session.prepare()
    assert "spared_here" not in sys.modules
    assert sys.modules["json"] is not None
