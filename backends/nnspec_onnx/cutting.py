"""Cuts a part out of an ONNX model, as a model and a script that runs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nnspec.backend.foreign import Cut
from nnspec.backend.python_files import defined, in_docstring, quoted
from nnspec_onnx.units import taken_by

if TYPE_CHECKING:
    import onnx

    from nnspec.backend import Array

NEEDS = ("onnxruntime", "numpy")
_BODY = """\
options = onnxruntime.SessionOptions()  # the graph as it is written
options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
path = str(HERE / "{file}")
session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
found = session.run(None, given)
return dict(zip({names}, found, strict=True))"""


def part_of(
    model: onnx.ModelProto, arrays: Mapping[str, Array], taken: set[str], given: str
) -> tuple[onnx.ModelProto, list[str], int]:
    """Return the nodes that make one value of others as a model, what it takes, and their count.

    arrays: what is known of values, by name.
    """
    import onnx
    from onnx.utils import Extractor

    made = {name: node for node in model.graph.node for name in node.output if name}
    held = {each.name for each in model.graph.initializer}
    entered: list[str] = []
    open_, met, count = [given], {given}, 0
    while open_:
        name = open_.pop()
        if name in held:
            continue
        if name != given and (name in taken or name not in made):
            entered.append(name)
            continue
        count += 1
        new = [each for each in taken_by(made[name]) if each and each not in met]
        met.update(new)
        open_ += new
    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    known = {each.name for each in (*whole.graph.value_info, *whole.graph.input)}
    for name in (*entered, given):
        if name not in known:
            kind = onnx.helper.np_dtype_to_tensor_dtype(arrays[name].dtype)
            shape = [None] * arrays[name].ndim
            info = onnx.helper.make_tensor_value_info(name, kind, shape)
            whole.graph.value_info.append(info)
    return Extractor(whole).extract_model(entered, [given]), entered, count


def cut_of(
    model: onnx.ModelProto, name: str, told: str, given: Mapping[str, Array],
    outputs: Mapping[str, Array],
) -> Cut:  # fmt: skip
    """Return a model as a script. outputs: by the names that the script gives them."""
    from onnx.helper import tensor_dtype_to_np_dtype

    kinds = {each.name: each.type.tensor_type.elem_type for each in model.graph.input}
    feeds = {
        key: np.asarray(each, tensor_dtype_to_np_dtype(kinds[key])) for key, each in given.items()
    }
    file = f"{name}.onnx"
    listed = f"[{', '.join(map(quoted, outputs))}]"
    what = f"Return what {in_docstring(told or 'the model')} gives."
    body = _BODY.format(file=file, names=listed)
    source = "import numpy as np\nimport onnxruntime\n\n\n"
    source += defined("computed(given)", what, body)
    return Cut(told, NEEDS, source, feeds, outputs, {file: model.SerializeToString()})


def told_of(nodes: Sequence[onnx.NodeProto], count: int) -> str:
    """Return a part in words: by its last node."""
    last = nodes[-1]
    node = f"the node '{last.name or last.output[0]}' ({last.op_type})"
    return node if count == 1 else f"{count} nodes, the last of them {node[4:]}"
