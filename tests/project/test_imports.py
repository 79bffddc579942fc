"""What imports what: the core no framework, a backend only its own, and that only to run."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FRAMEWORKS = {"torch", "tensorflow", "keras", "onnx", "onnxruntime", "tf2onnx", "onnxscript"}
BACKENDS = {"nnspec_torch", "nnspec_keras", "nnspec_onnx"}
SPEC = str(ROOT / "specs" / "digits_cnn.yaml")


def loaded_by(code: str) -> set[str]:
    """Return the top-level modules that a fresh process has after running `code`."""
    script = f"import sys\n{code}\nprint('\\n'.join({{n.partition('.')[0] for n in sys.modules}}))"
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT / "tests"
    )
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())


def test_the_core_imports_no_framework_and_no_backend() -> None:
    code = """
import importlib, pkgutil, nnspec
for module in pkgutil.walk_packages(nnspec.__path__, "nnspec."):
    importlib.import_module(module.name)
"""
    assert not loaded_by(code) & (FRAMEWORKS | BACKENDS)


def test_the_core_knows_no_backend_by_its_name() -> None:
    names = {"torch", "keras", "onnx"}
    for path in (ROOT / "nnspec").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                first = node.value.partition("-")[0]
                is_name = node.value in names or (first in names and " " not in node.value)
                assert not is_name, f"{path}:{node.lineno} holds {node.value!r}"


def test_check_loads_little() -> None:
    code = f"from nnspec.cli import main\ntry: main(['check', {SPEC!r}])\nexcept SystemExit: pass"
    heavy = FRAMEWORKS | BACKENDS | {"numpy", "polars", "matplotlib", "rich", "safetensors"}
    assert not loaded_by(code) & heavy


def test_check_of_a_right_spec_reads_nothing_that_only_explains() -> None:
    code = f"""
from nnspec.cli import main
try: main(['check', {SPEC!r}])
except SystemExit: pass
idle = [name for name in sys.modules if name.startswith((
    "nnspec.show", "nnspec.layers.signatures", "nnspec.layers.words", "nnspec.language.words",
    "nnspec.language.writer", "nnspec.language.strict", "nnspec.network.display",
    "nnspec.support.html",
))]
assert not idle, idle
"""
    loaded_by(code)


def test_verify_loads_no_reader_of_tables() -> None:
    assert not loaded_by("import nnspec.api, nnspec.verification.suite") & {"polars", "matplotlib"}


@pytest.mark.parametrize("backend", ["torch", "keras", "onnx"])
def test_compile_needs_no_framework_and_no_other_backend(backend: str) -> None:
    code = f"""
for name in {sorted(FRAMEWORKS)!r}:
    sys.modules[name] = None
import nnspec
source = nnspec.compile({SPEC!r}, {backend!r}).source
assert "block2" in source
for name in {sorted(FRAMEWORKS)!r}:
    del sys.modules[name]
"""
    loaded = loaded_by(code)
    assert not loaded & FRAMEWORKS
    assert loaded & BACKENDS == {f"nnspec_{backend}"}


@pytest.mark.parametrize(
    ("backend", "missing", "extra"),
    [("torch", "torch", "torch"), ("keras", "keras", "keras"), ("onnx", "onnx", "onnx")],
)
def test_a_missing_framework_says_what_to_install(backend: str, missing: str, extra: str) -> None:
    code = f"""
sys.modules[{missing!r}] = None
import nnspec
try:
    nnspec.compile({SPEC!r}, {backend!r}).build()
except nnspec.MissingDependencyError as error:
    assert 'pip install "nnspec[{extra}]"' in str(error), error
else:
    raise AssertionError("it built without its framework")
"""
    loaded_by(code)


def test_every_optimizer_can_be_followed_by_its_formula() -> None:
    from nnspec.language.optimizers import OPTIMIZERS

    for kind, optimizer in OPTIMIZERS.items():
        assert optimizer(type=kind).steps() is not None


@pytest.mark.parametrize("what", ["losses", "optimizers", "schedules", "initializers"])
def test_what_trains_stands_in_one_table_of_each_backend_that_trains(what: str) -> None:
    from nnspec.backend import Can, get_backend
    from nnspec.language.losses import LOSSES
    from nnspec.language.optimizers import OPTIMIZERS
    from nnspec.language.schedules import SCHEDULES
    from nnspec.layers.initializers import INITIALIZERS

    known = {
        "losses": LOSSES, "optimizers": OPTIMIZERS, "schedules": SCHEDULES,
        "initializers": INITIALIZERS,
    }  # fmt: skip
    able = [get_backend(name) for name in ("torch", "keras", "onnx")]
    able = [backend for backend in able if Can.TRAINING in backend.can]
    assert len(able) >= 2
    for backend in able:
        support = getattr(backend, what)
        assert not set(support.lowerings) & set(support.unsupported)
        assert {*support.lowerings, *support.unsupported} == set(known[what].values())  # type: ignore[attr-defined]


def test_every_layer_stands_in_one_table_of_each_backend() -> None:
    from nnspec.backend import get_backend
    from nnspec.layers import LAYERS
    from nnspec.layers.activity import ActivityRegularization
    from nnspec.layers.rows import ROWS

    for name in ("torch", "keras", "onnx"):
        backend = get_backend(name)
        # What activations add to a loss is of the sources that train alone.
        trained = set() if name == "onnx" else {ActivityRegularization}
        lowered, refused = set(backend.layers.lowerings), set(backend.layers.unsupported)
        assert not lowered & refused
        assert lowered | refused == {*LAYERS.values(), *ROWS.values(), *trained}


def test_the_file_of_a_family_has_the_row_of_each_of_its_layers() -> None:
    """A table that has met one layer alone finds it: it reads no other file."""
    from nnspec.backend import get_backend
    from nnspec.backend.rows import FamilyRows
    from nnspec.layers import LAYERS

    for name in ("torch", "keras", "onnx"):
        whole = get_backend(name).layers.lowerings
        assert isinstance(whole, FamilyRows)
        for layer in set(LAYERS.values()):
            fresh = FamilyRows[object](whole.package, whole.files)
            assert fresh[layer] is whole[layer]
        assert len(fresh) == len(whole)
        with pytest.raises(KeyError):
            fresh[type("Foreign", (LAYERS["relu"],), {"__module__": "foreign"})]


def test_every_layer_of_a_family_stands_in_the_table() -> None:
    from importlib import import_module

    from nnspec.layers import FAMILIES
    from nnspec.layers.base import Layer

    for family, layers in FAMILIES.items():
        module = import_module(f"nnspec.layers.{family}")
        defined = {
            cls.model_fields["type"].default: name
            for name, cls in vars(module).items()
            if isinstance(cls, type)
            and issubclass(cls, Layer)
            and cls.__module__ == module.__name__
        }
        # A base class has no type of its own.
        assert {kind: name for kind, name in defined.items() if isinstance(kind, str)} == layers


ROOMS = (
    "errors",
    "support",
    "layers",
    "language",
    "library",
    "network",
    "show",
    "weights",
    "data",
    "backend",
    "training",
    "emit",
    "remote",
    "verification",
    "judge",
    "deploy",
    "certificate",
    "api",
    "cli",
)
"""What lies in nnspec/, each importing none that follow it: as docs/architecture.md draws them."""


def imported(path: Path) -> set[str]:
    """Return the modules of nnspec that a file imports anywhere, for types too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
    return {name for name in found if name.startswith("nnspec")}


def test_rooms_import_one_way() -> None:
    files = (ROOT / "nnspec").rglob("*.py")
    rooms = {path.relative_to(ROOT / "nnspec").parts[0].removesuffix(".py") for path in files}
    assert rooms - {"__init__", "__main__"} == set(ROOMS)
    for i, room in enumerate(ROOMS):
        above = ROOMS[i + 1 :]
        for path in [
            *(ROOT / "nnspec").glob(f"{room}.py"),
            *(ROOT / "nnspec" / room).rglob("*.py"),
        ]:
            taken = {name.split(".")[1] for name in imported(path) if name.startswith("nnspec.")}
            assert not taken.intersection(above), f"{path} imports a room above its own"


def test_few_things_lie_in_the_hall() -> None:
    hidden = ("__pycache__", ".ruff_cache")
    entries = [path for path in (ROOT / "nnspec").iterdir() if path.name not in hidden]
    assert len(entries) <= 25


PACKAGES = {
    "nnspec": ROOT / "nnspec",
    **{name: ROOT / "backends" / name for name in sorted(BACKENDS)},
}


def modules() -> dict[str, Path]:
    """Return every file of the packages by the name of its module."""
    found = {}
    for package, folder in PACKAGES.items():
        for path in folder.rglob("*.py"):
            parts = path.relative_to(folder).with_suffix("").parts
            found[".".join((package, *parts)).removesuffix(".__init__")] = path
    return found


def test_no_files_import_each_other_in_a_circle() -> None:
    known = modules()
    graph: dict[str, set[str]] = {}
    for name, path in known.items():
        # `from a import b` takes the module a.b, or what the module a holds.
        taken = {each if each in known else each.rpartition(".")[0] for each in imported(path)}
        graph[name] = taken & known.keys() - {name}
    list(graphlib.TopologicalSorter(graph).static_order())
