"""Writes `make_optimizer`: parameters by their settings, and decay that PyTorch's own has not."""

from __future__ import annotations

from typing import Any

from nnspec.emit.code import Call, call, literal
from nnspec.emit.parameter_groups import covering
from nnspec.emit.training import indented, row_of, title_of
from nnspec.emit.tree import Name
from nnspec.language.optimizers import Optimizer
from nnspec.language.optimizers.groups import Settings
from nnspec.network.graph import Graph
from nnspec.network.parameter_groups import parts_of, patterns_of
from nnspec_torch.naming import state_name
from nnspec_torch.optimizers import OPTIMIZERS, SOURCES
from nnspec_torch.schedules import base_rate

DECAY = "add_decay"
_LONG = 40
"""Characters of a pattern that does not stand in a condition."""
_TOLD = {
    "l2": "Add {l2} times each weight to its gradient",
    "decay": "Take the rate times {decay} of each weight away",
}


class Maker:
    """An optimizer of a network as it is written; its settings, and which PyTorch's own takes.

    is_fused: whether one kernel may take the whole step. Not every one takes shares of parameters;
    and with a scaled loss it would unscale the gradients after what is done before a step, and call
    steps that overflow.
    """

    def __init__(self, graph: Graph, optimizer: Optimizer, *, is_fused: bool = True) -> None:
        self.graph = graph
        self.optimizer = optimizer
        self.parts = parts_of(graph, optimizer) or {Settings(): []}
        self.base = next(iter(self.parts))
        self.held: list[str] = []
        self.conditions = self._conditions()
        row = row_of(OPTIMIZERS, optimizer, f"the optimizer {optimizer.type}")
        asked = {key for key in _TOLD for own in self.parts if getattr(own, key)}
        self.native = ""
        if row.decoupled is not None and ("decay" in asked or row.decoupled is row):
            self.native, row = "decay", row.decoupled
        elif asked == {"l2"} and row.takes_l2:
            self.native = "l2"
        self.call = row(optimizer.begun())
        # With both, PyTorch's coupled one would see what is decayed already.
        self.added = [key for key in _TOLD if key in asked and key != self.native]
        if self.native:
            keywords = dict(self.call.keywords)
            last = {key: keywords.pop(key) for key in ("fused",) if key in keywords}
            amount = getattr(self.base, self.native)
            self.call = call(self.call.function, **keywords, weight_decay=amount, **last)
        if not is_fused:
            keywords = {key: value for key, value in self.call.keywords if key != "fused"}
            self.call = call(self.call.function, **keywords)

    @property
    def imports(self) -> frozenset[str]:
        """The functions that the text imports."""
        uses = any("fnmatchcase" in each for each in self.conditions)
        return frozenset(
            [
                *(["fnmatchcase"] if uses else []),
                *(["ParamsT"] if self.call.function in SOURCES else []),
            ]
        )

    def text(self, of: str = "") -> list[str]:
        """Return the definitions. of: what their names say besides, such as "generator_"."""
        # With decay of its own PyTorch's Adam has another name.
        title = "AdamW" if self.call.function.endswith(".AdamW") else title_of(self.optimizer)
        groups = len(self.parts)
        inside = f", in {groups} groups" if groups > 1 else ""
        summary = f"{title} over every parameter of the model{inside}."
        if len(self.parts) == 1 and not self._options(self.base):
            lines, parameters = [], "model.parameters()"
        else:
            lines, parameters = self._grouped(), "groups"
        given = (("params", Name(parameters)),)
        made = Call(self.call.function, given, self.call.keywords).render()
        lines += [f"optimizer = {made}" if self.added else f"return {made}"]
        if self.added:
            lines += [f"optimizer.register_step_pre_hook({of}{DECAY})", "return optimizer"]
        head = f"def make_{of}optimizer(model: nn.Module) -> torch.optim.Optimizer:"
        maker = "\n".join([head, f'    """{summary}"""', *indented(lines)])
        own = [SOURCES[name].text for name in (self.call.function,) if name in SOURCES]
        return [*own, *([self._hook(f"{of}{DECAY}")] if self.added else []), maker]

    def _hook(self, name: str) -> str:
        amounts = {
            key: literal(getattr(self.base, key)) if len(self.parts) == 1 else f'group["{key}"]'
            for key in self.added
        }
        changes = {
            "l2": "parameter.grad.add_(parameter, alpha={})",
            "decay": 'parameter.mul_(1 - group["lr"] * {})',
        }
        told = ". ".join(_TOLD[key] for key in self.added)
        said = amounts if len(self.parts) == 1 else {key: f"`{key}`" for key in self.added}
        told = told.format(**said)
        return "\n".join(
            [
                "@torch.no_grad()",
                f"def {name}(optimizer: torch.optim.Optimizer, *_: object) -> None:",
                f'    """{told}."""',
                "    for group in optimizer.param_groups:",
                '        for parameter in group["params"]:',
                "            if parameter.grad is not None:",
                *(" " * 16 + changes[key].format(amounts[key]) for key in self.added),
            ]
        )

    def _options(self, own: Settings) -> dict[str, Any]:
        """Return what a group says that differs from what the optimizer is made with."""
        found: dict[str, Any] = {}
        if own.rate is not None:
            found["lr"] = own.rate
        elif own.scale != 1:
            found["lr"] = own.scale * base_rate(self.optimizer)
        if self.native and getattr(own, self.native) != getattr(self.base, self.native):
            found["weight_decay"] = getattr(own, self.native)
        if own.is_matrix:
            found["use_muon"] = True
        if len(self.parts) > 1:
            found |= {key: getattr(own, key) for key in self.added}
        return found

    def _grouped(self) -> list[str]:
        """Return the lines that part the parameters; those that are frozen are with the first."""
        names = ["others", *(f"group_{number}" for number in range(1, len(self.parts)))]
        if len(names) == 1:
            names = ["parameters"]
        lines = [*self.held]
        given = []
        for name, own in zip(names, self.parts, strict=True):
            options = [f'"{key}": {literal(value)}' for key, value in self._options(own).items()]
            held = "list(model.parameters())" if len(names) == 1 else name
            inside = ", ".join([f'"params": {held}', *options])
            given.append(f"{{{inside}}}")
            if len(names) > 1:
                lines.append(f"{name}: list[nn.Parameter] = []")
        if len(names) > 1:
            by_name = any("name" in each for each in self.conditions)
            lines.append(
                "for name, parameter in model.named_parameters():"
                if by_name
                else "for parameter in model.parameters():"
            )
            for number, condition in enumerate(self.conditions):
                lines.append(f"    {'elif' if number else 'if'} {condition}:")
                lines.append(f"        {names[number + 1]}.append(parameter)")
            lines += ["    else:", f"        {names[0]}.append(parameter)"]
        # A list of one line, or an item a line: as ruff formats it.
        lines.append(f"groups = [{', '.join(given)}]")
        return lines

    def _conditions(self) -> list[str]:
        """Return what tells the parameters of each part but the first."""
        shapes = {name: each.shape for name, each in self.graph.parameters() if each.learns}
        vectors = {name for name, shape in shapes.items() if len(shape) < 2}
        found = []
        for own, names in list(self.parts.items())[1:]:
            if vectors == {*names}:
                found.append("parameter.ndim < 2")
                continue
            if vectors == shapes.keys() - names:
                found.append("parameter.ndim > 1")
                continue
            others = [name for each, some in self.parts.items() if each != own for name in some]
            patterns = covering(
                [state_name(name) for name in names],
                [state_name(name) for name in others],
                patterns_of(self.optimizer),
                ".",
            )
            if len(patterns) == 1 and len(patterns[0]) < _LONG:
                found.append(matched(patterns[0]))
                continue
            held = f"patterns_{len(found) + 1}"
            self.held.append(f"{held} = {literal(tuple(patterns))}")
            found.append(f"any(fnmatchcase(name, each) for each in {held})")
        return found


def matched(pattern: str) -> str:
    """Return the condition that a name is one of a pattern."""
    if any(sign in pattern for sign in "*?["):
        return f"fnmatchcase(name, {literal(pattern)})"
    return f"name == {literal(pattern)}"
