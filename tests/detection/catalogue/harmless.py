"""Rewritings of emitted files that change nothing: whoever is accused for one is accused wrongly."""

from __future__ import annotations

import ast
import itertools
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.detection.catalogue.edits import Source
from tests.detection.catalogue.judged import Outcome
from tests.detection.catalogue.target import Target


def _attributes(source: Source) -> list[str]:
    """Return the names that modules of a PyTorch file have within their owners."""
    made = re.findall(r"^        self\.(\w+) = (?:nn\.|[A-Z]\w*\()", source.text, re.MULTILINE)
    return sorted({*made} - {"heads", "weight"}, key=len, reverse=True)


def renamed_modules(source: Source) -> str:
    """Every module has another name, but for those that others reach into."""
    text = source.text
    for i, name in enumerate(_attributes(source)):
        if re.search(rf"(?<!\bself)\.{name}\b", text):
            continue
        text = re.sub(rf"\bself\.{name}\b", f"self.part{i}_{name[0]}", text)
    return text


def reordered(source: Source) -> str:
    """Modules are made in the opposite order."""
    lines = source.text.splitlines(keepends=True)
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.FunctionDef) or node.name != "__init__":
            continue
        if "parametrizations" in ast.unparse(node):  # of a module that is made before
            continue
        # What stands between them may take those before it.
        for is_made, those in itertools.groupby(node.body, _makes_a_module):
            if not is_made:
                continue
            spans = [(each.lineno - 1, each.end_lineno or each.lineno) for each in those]
            texts = ["".join(lines[first:last]) for first, last in spans]
            for (first, last), text in zip(spans, reversed(texts), strict=True):
                lines[first:last] = [text, *[""] * (last - first - 1)]
    return "".join(lines)


def _makes_a_module(line: ast.stmt) -> bool:
    is_made = re.match(r"self\.\w+ = (nn\.|[A-Z]\w*\()", ast.unparse(line))
    return isinstance(line, ast.Assign) and is_made is not None


def named_layers(source: Source) -> str:
    """Layers of Keras have other names."""
    return re.sub(r'\bname=(f?)"([^"]*)"\)', r'name=\1"other_\2")', source.text)


def spelt_out(source: Source) -> str:
    """Functions are written as modules and formulas that are equal to them."""
    text = re.sub(r"\bF\.relu\(", "torch.relu(", source.text)
    text = re.sub(r"torch\.softmax\(", "torch.nn.functional.softmax(", text)
    text = re.sub(r"torch\.sigmoid\(", "torch.nn.functional.sigmoid(", text)
    text = re.sub(r"torch\.flatten\((\w+), 1\)", r"\1.reshape(\1.shape[0], -1)", text)
    text = re.sub(r"return (\w+) \+ (\w+)$", r"return torch.add(\2, \1)", text, flags=re.MULTILINE)
    return re.sub(r"^(import|from) ", r"import torch\n\1 ", text, count=1, flags=re.MULTILINE)


def copied(source: Source) -> str:
    """Every value that is named on a line of its own is laid out anew in memory."""
    lines = source.text.encode().splitlines(keepends=True)  # ast counts bytes
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Assign) or ast.unparse(node.targets[0]) != "x":
            continue
        value, line = node.value, lines[node.lineno - 1]
        if isinstance(value, ast.Call) and node.lineno == node.end_lineno:
            start, end = value.col_offset, value.end_col_offset
            copy = b"(" + line[start:end] + b").contiguous().clone()"
            lines[node.lineno - 1] = line[:start] + copy + line[end:]
    return b"".join(lines).decode()


def _shuffled_initializers(model: Any) -> None:
    kept = list(model.graph.initializer)
    del model.graph.initializer[:]
    model.graph.initializer.extend(reversed(kept))


def _renamed_values(model: Any) -> None:
    """Every tensor and node has another name."""
    ends = {each.name for each in (*model.graph.input, *model.graph.output)}
    names: dict[str, str] = {}

    def new(name: str) -> str:
        return name if not name or name in ends else names.setdefault(name, f"v{len(names)}")

    for tensor in model.graph.initializer:
        tensor.name = new(tensor.name)
    for i, node in enumerate(model.graph.node):
        node.name = f"n{i}"
        for part in (node.input, node.output):
            for j, name in enumerate(part):
                part[j] = new(name)
    del model.graph.value_info[:]


def _identities(model: Any) -> None:
    """Each node takes its first value through an Identity."""
    from onnx import helper

    nodes = []
    for i, node in enumerate(model.graph.node):
        if node.input and node.input[0] and node.op_type not in ("Shape", "Constant"):
            made = helper.make_node("Identity", [node.input[0]], [f"same_{i}"], name=f"same_{i}")
            node.input[0] = f"same_{i}"
            nodes.append(made)
        nodes.append(node)
    copies = [type(node)() for node in nodes]
    for copy, node in zip(copies, nodes, strict=True):
        copy.CopyFrom(node)
    del model.graph.node[:]
    model.graph.node.extend(copies)


def _constants(model: Any) -> None:
    """Tensors that are held are made by Constant nodes."""
    from onnx import helper

    made = [
        helper.make_node("Constant", [], [t.name], value=t, name=f"made_{i}")
        for i, t in enumerate(model.graph.initializer)
    ]
    nodes = []
    for node in model.graph.node:
        copy = type(node)()
        copy.CopyFrom(node)
        nodes.append(copy)
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend([*made, *nodes])


PYTHON: dict[str, dict[str, Callable[[Source], str]]] = {
    "torch": {
        "renamed": renamed_modules,
        "reordered": reordered,
        "spelt-out": spelt_out,
        "copied": copied,
    },
    "keras": {"renamed": named_layers},
}
ONNX: dict[str, Callable[[Any], None]] = {
    "renamed": _renamed_values,
    "reordered": _shuffled_initializers,
    "through-identities": _identities,
    "constants": _constants,
}
HARMLESS = {*(name for side in PYTHON.values() for name in side), *ONNX}


def harmless_of(side: str) -> tuple[str, ...]:
    """Return the rewritings of a side, and `none`, which leaves the file as it is."""
    return ("none", *(ONNX if side == "onnx" else PYTHON[side]))


def harmless(target: Target, kind: str, number: int) -> Outcome:
    """Judge a file that was rewritten so that nothing changes; it is caught if it is accused."""
    with tempfile.TemporaryDirectory(dir=target.folder) as folder:
        path = Path(folder) / target.path.name
        if target.side == "onnx":
            import onnx

            model = onnx.ModelProto()
            model.CopyFrom(target.model)
            if kind != "none":
                ONNX[kind](model)
            onnx.save(model, path)
            is_rewritten = model != target.model
        else:
            text = target.source.text
            written = text if kind == "none" else PYTHON[target.side][kind](target.source)
            path.write_text(written)
            is_rewritten = _body(written) != _body(text)
        told = ""
        try:
            report = target.judged(path)
            verdict = report.verdict
            if not report.passed:
                told = (
                    report.faults[0].told()
                    if report.faults
                    else "; ".join(
                        f"{each.kind} {each.pair[1]} {each.error:.1e}"
                        for each in report.failures()[:2]
                    )
                    or "; ".join(e.reason for e in report.not_checked if e.kind == "forward")
                )
        except Exception as error:
            verdict, told = "error", f"{type(error).__name__}: {error}"[:300]
    return Outcome(
        kind, target.side, target.name, number, 0.0, 0.0, verdict,
        is_caught=verdict == "not the same", is_blamed=None, is_placed=None, told=told,
        is_rewritten=is_rewritten,
    )  # fmt: skip


def _body(text: str) -> list[str]:
    """Return a file without its imports, as it is run."""
    kinds = (ast.Import, ast.ImportFrom)
    return [ast.dump(each) for each in ast.parse(text).body if not isinstance(each, kinds)]
