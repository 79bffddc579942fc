"""Cuts a part out of a Keras network, as a script that computes it alone."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import keras
import numpy as np
from safetensors.numpy import save

from nnspec.backend.foreign import Cut
from nnspec.backend.python_files import defined, in_docstring, quoted
from nnspec_keras.following import Followed, Follower
from nnspec_keras.units import Ref

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnspec.backend import Array
    from nnspec_keras.units import Call

NEEDS = ("keras", "numpy")
_SAVED = """\
part = keras.saving.load_model(HERE / "{file}", compile=False)
result = part({call}, training=False)
return {result}"""
_MADE = """\
keras.config.set_floatx("{dtype}")
keras.config.set_dtype_policy("{dtype}")
taken = {{name: keras.ops.convert_to_tensor(array) for name, array in given.items()}}
part = {part}
part({call})  # which makes its weights, if they are not there yet
weights = load_file(HERE / "{file}")
for variable, name in zip(part.weights, sorted(weights), strict=True):
    variable.assign(weights[name])
result = part({call})
return {result}"""


class Parted(Followed, Protocol):
    """A network that is cut: see `KerasForeign`."""

    making: Callable[[str], tuple[str, dict[str, bytes]]] | None

    @property
    def dtype(self) -> str:
        """The dtype in which it computes."""
        ...

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the outputs as at inference."""
        ...

    def _taken(self, inputs: Mapping[str, Array]) -> dict[str, Any]: ...

    def _called(self, inputs: Mapping[str, Any]) -> list[tuple[str, Any]]: ...


def cuts(
    foreign: Parted, inputs: Mapping[str, Array], taken: Sequence[int], given: int | None,
    name: str, *, of_units: bool,
) -> list[Cut]:  # fmt: skip
    """Return the parts of a network that make one value of others, the smallest first."""
    model = foreign.model
    if given is None:
        outputs = foreign.run(inputs)
        found = _saved(foreign, model, [*inputs.values()], outputs, name, "")
        call = ", ".join(f"taken[{quoted(key)}]" for key in inputs)
        if getattr(model, "inputs", None):
            call = f"[{call}], training=False" if len(inputs) > 1 else f"{call}, training=False"
        return found + _made(foreign, model, "", call, dict(inputs), outputs, name, "")
    tensors = foreign._taken(inputs)
    follower = Follower(foreign, tensors, has_leaves=of_units)
    with follower.following():
        foreign._called(tensors)
    if given not in follower.values:
        return []
    value = {"value": follower.values[given]}
    found = _between(foreign, follower, taken, given, value, name)
    layers = {id(each): i for i, each in enumerate(_layers(model))}
    for step in follower.steps:
        made = follower.calls[step.number]
        if given not in step.outputs or not set(step.inputs) <= set(taken):
            continue
        if made is None or id(made.operation) not in layers or len(step.outputs) != 1:
            continue
        arrays: dict[str, Array] = {}
        try:
            text = _call_of(made, follower.values, arrays)
        except (TypeError, KeyError):
            continue  # it takes what no script can write
        part = f"[*network()._flatten_layers()][{layers[id(made.operation)]}]"
        told = f"{step.place} ({step.kind})"
        found += _made(foreign, made.operation, part, text, arrays, value, name, told)
    return found


def _layers(model: Any) -> list[Any]:
    return [*model._flatten_layers()]


def _between(
    foreign: Parted, follower: Follower, taken: Sequence[int], given: int,
    value: Mapping[str, Array], name: str,
) -> list[Cut]:  # fmt: skip
    """Return the network between values of a functional one, as a file of its own."""
    if not getattr(foreign.model, "inputs", None):
        return []
    steps = [each for each in follower.steps if follower.calls[each.number] is not None]
    made = {n: step for step in reversed(steps) for n in step.outputs}
    used: list[int] = []
    open_, met = [given], {given}
    while open_:
        number = open_.pop()
        if number != given and (number in taken or number not in made):
            used.append(number)
            continue
        if number not in made:
            return []
        new = [n for n in made[number].inputs if n not in met]
        met.update(new)
        open_ += new
    at = dict(zip(follower.given.values(), foreign.model.inputs, strict=False))

    def tensor(number: int) -> Any:
        if number in at:
            return at[number]
        step = made[number]
        operation = follower.call(step.number).operation
        before = [
            each for each in follower.calls[: step.number]
            if each is not None and each.operation is operation
        ]  # fmt: skip
        return operation._inbound_nodes[len(before)].output_tensors[step.outputs.index(number)]

    try:
        part = keras.Model([tensor(number) for number in used], tensor(given))
    except Exception:  # whatever Keras says of tensors that are not of one graph
        return []
    step = made[given]
    told = f"{step.place} ({step.kind})"
    arrays = [follower.values[number] for number in used]
    return _saved(foreign, part, arrays, value, name, told)


def _saved(
    foreign: Parted, part: Any, arrays: Sequence[Array], outputs: Mapping[str, Array],
    name: str, told: str,
) -> list[Cut]:  # fmt: skip
    """Return a network as a .keras file, if all that it is made of is Keras's own."""
    if not getattr(part, "inputs", None):
        return []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.keras"
        try:
            part.save(path)
            keras.saving.load_model(path, compile=False, safe_mode=True)
        except Exception:  # of a class that Keras does not know
            return []
        content = path.read_bytes()
    keys = [f"x{i}" for i in range(len(arrays))]
    call = ", ".join(f'given["{key}"]' for key in keys)
    body = _SAVED.format(
        file=path.name, result=_result(outputs),
        call=f"[{call}]" if len(keys) > 1 else call,
    )  # fmt: skip
    source = "import keras\nimport numpy as np\n\n\n" + _computed(told, body)
    files = {path.name: content}
    return [Cut(told, NEEDS, source, dict(zip(keys, arrays, strict=True)), dict(outputs), files)]


def _made(
    foreign: Parted, layer: Any, part: str, call: str, arrays: Mapping[str, Array],
    outputs: Mapping[str, Array], name: str, told: str,
) -> list[Cut]:  # fmt: skip
    """Return a layer of the network that the file makes, in float64 and in float32."""
    if foreign.making is None:
        return []
    network, files = foreign.making(name)
    file = f"{name}.safetensors"
    found = []
    for dtype in dict.fromkeys([foreign.dtype, "float32"]):

        def cast(array: Array, dtype: str = dtype) -> Array:
            return np.ascontiguousarray(array.astype(dtype) if array.dtype.kind == "f" else array)

        weights = {
            f"{i:04} {each.path}": cast(np.array(each)) for i, each in enumerate(layer.weights)
        }
        body = _MADE.format(
            part=part or "network()", call=call,
            dtype=dtype, file=file, result=_result(outputs),
        )  # fmt: skip
        imports = "import keras\nimport numpy as np\nfrom safetensors.numpy import load_file\n"
        given = {key: cast(each) for key, each in arrays.items()}
        whole = {**files, file: save(weights)}
        needs = (*NEEDS, "safetensors")
        source = f"{imports}{network}\n\n{_computed(told, body)}"
        found.append(Cut(told, needs, source, given, dict(outputs), whole))
    return found


def _computed(told: str, body: str) -> str:
    """Return the function of a script that computes; told: what it computes."""
    what = f"Return what {in_docstring(told or 'the network')} gives."
    return defined("computed(given)", what, body)


def _result(outputs: Mapping[str, Array]) -> str:
    if len(outputs) == 1:
        return f"{{{quoted(next(iter(outputs)))}: np.array(result)}}"
    flat = "(np.array(each) for each in keras.tree.flatten(result))"
    return f"dict(zip({[*outputs]!r}, {flat}, strict=True))"


def _call_of(call: Call, values: Mapping[int, Array], arrays: dict[str, Array]) -> str:
    """Return the arguments of a call as Python; raises TypeError for what cannot be written."""
    names = [*inspect.signature(call.operation.call).parameters]
    words = []
    for i, each in enumerate(call.args):
        key = names[i] if i < len(names) else f"given{i}"
        words.append(_text(each, key, values, arrays))
    for key, each in call.named.items():
        words.append(f"{key}={_text(each, key, values, arrays)}")
    return ", ".join(words)


def _text(given: Any, key: str, values: Mapping[int, Array], arrays: dict[str, Array]) -> str:
    if isinstance(given, Ref):
        arrays[key] = values[given.number]
        return f"taken[{quoted(key)}]"
    if given is None or isinstance(given, bool | int | str):
        return repr(given)
    if isinstance(given, float) and np.isfinite(given):
        return repr(given)
    if type(given) in (tuple, list):
        inner = [_text(each, f"{key}{i}", values, arrays) for i, each in enumerate(given)]
        return f"({', '.join(inner)},)" if isinstance(given, tuple) else f"[{', '.join(inner)}]"
    raise TypeError(type(given).__name__)
