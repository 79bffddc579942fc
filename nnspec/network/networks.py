"""Several networks in one spec, each checked as a spec of its own, and their training."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nnspec.errors import Mark, Problem, UsageError, nearest
from nnspec.language.adversarial import (
    ELSEWHERE,
    OF_DISCRIMINATOR,
    OF_ROWS,
    ROLES,
    AdversarialTraining,
    Models,
)
from nnspec.language.document import read_document, version_is_known
from nnspec.language.names import report_name
from nnspec.language.problems import Problems
from nnspec.language.schema import FORMAT_VERSION, Model
from nnspec.language.scope import Scope, compute
from nnspec.language.tree import Map
from nnspec.language.validation import problems_of
from nnspec.network.advice import advise
from nnspec.network.graph import BlockNode, Graph
from nnspec.network.resolve import resolve
from nnspec.network.rules import Steps
from nnspec.network.spec import Spec
from nnspec.network.versus import versus_problems

_SHARED = ("nnspec", "data_format", "variables")
"""Keys of the spec that hold for each of its networks."""
_OWN = ("description", "inputs", "layers", "outputs", "freeze")
"""Keys of a network."""
_ELSEWHERE = ("inputs", "layers", "outputs", "freeze")
"""Keys that stand at the top where there is one network."""


@dataclass(frozen=True, repr=False)
class Networks:
    """A checked spec of several networks: the document, a spec for each, where it came from."""

    document: Models
    models: Mapping[str, Spec]
    path: Path | None = None
    advice: tuple[Problem, ...] = ()

    @property
    def name(self) -> str:
        """The name of them all."""
        return self.document.name

    @property
    def folder(self) -> Path:
        """The folder that the spec's relative paths start from."""
        return self.path.parent if self.path is not None else Path()

    @property
    def sha256(self) -> str:
        """Hash of what the networks are."""
        each = "\n".join(f"{name} {spec.sha256}" for name, spec in self.models.items())
        return hashlib.sha256(f"{self.name}\n{each}".encode()).hexdigest()

    def of(self, name: str) -> Spec:
        """Return one of the networks as a spec; raises UsageError where there is none of it."""
        if name not in self.models:
            known = ", ".join(self.models)
            raise UsageError(
                f'"{self.name}" has no model "{name}"{nearest(name, self.models)} (it has {known})'
            )
        return self.models[name]

    @property
    def training(self) -> AdversarialTraining:
        """The training of them; raises UsageError where the spec does not say."""
        if self.document.training is None:
            raise UsageError(f'the spec "{self.name}" has no `training` section')
        return self.document.training

    @property
    def generator(self) -> Spec:
        """The network that makes rows of noise."""
        return self.models[self.training.generator.model]

    @property
    def discriminator(self) -> Spec:
        """The network that tells them from real ones."""
        return self.models[self.training.discriminator.model]

    def parameters(self) -> Iterator[tuple[str, Any]]:
        """Yield every parameter by its name: the network's, then its path there."""
        for name, spec in self.models.items():
            yield from ((f"{name}.{path}", each) for path, each in spec.graph.parameters())

    def to_yaml(self) -> str:
        """Return the spec as YAML, from which `nnspec.load_networks` reads the same."""
        return self.document.to_yaml()

    def located(self, path: Path | None, advice: tuple[Problem, ...]) -> Networks:
        """Return them as read from a file, with what may be wrong there."""
        models = {name: replace(spec, path=path) for name, spec in self.models.items()}
        return replace(self, models=models, path=path, advice=advice)

    def __repr__(self) -> str:
        return "\n\n".join(map(repr, self.models.values()))


def read_networks(tree: dict[str, Any], problems: Problems) -> Networks | None:
    """Return the networks of a document, or None where `problems` has got errors."""
    if not version_is_known(tree, problems):
        return None
    document = _document(tree, problems)
    models = tree["models"]
    if not isinstance(models, dict):
        return None
    used: set[str] = set()
    specs: dict[str, Spec] = {}
    for name, given in models.items():
        report_name(name, "model", _mark(models, name, is_key=True), problems)
        if not isinstance(given, dict) or "layers" not in given or "inputs" not in given:
            continue
        read = _network(name, given, tree, problems, used)
        if read is not None:
            specs[name] = Spec(*read)
    _require_names(tree, problems)
    if document is None or len(specs) < len(models):
        return None
    _require_use(tree, document, problems, used)
    if document.training is not None:
        for problem in versus_problems(document, specs, tree):
            problems.extend([(problem, ())])
        _check_groups(document, specs, tree, problems)
    if problems.found:
        return None
    if document.training is not None:
        made = document.training.generator
        specs[made.model] = replace(specs[made.model], noise=made.noise)
    steps = _steps(document)
    advice = {
        name: [*advise(spec.model, spec.graph, steps.get(name))] for name, spec in specs.items()
    }
    return Networks(document, specs, None, (*problems.advice, *_of_all(advice, specs)))


def _of_all(
    advice: Mapping[str, Sequence[Problem]], specs: Mapping[str, Spec]
) -> Iterator[Problem]:
    """Yield what is said of each network, without a fix that another network would not have.

    Two networks may use one block, and what has no effect in the one has some in the other.
    """
    standing = [
        {node.mark for body in spec.graph.bodies() for node in body.nodes}
        for spec in specs.values()
    ]
    said = Counter(
        pair
        for each in advice.values()
        for pair in {(problem.code, problem.mark) for problem in each if problem.fix is not None}
    )
    for problems in advice.values():
        for each in problems:
            count = sum(each.mark in marks for marks in standing)
            is_of_all = said[each.code, each.mark] >= count
            yield each if is_of_all else each._replace(fix=None)


def _steps(document: Models) -> dict[str, Steps]:
    """Return how each network is trained that is."""
    training = document.training
    if training is None:
        return {}
    found = {}
    for role in ROLES:
        own = getattr(training, role)
        loss = training.loss
        judges = role == "discriminator" and (loss.is_unbounded or bool(loss.leaves_out))
        found[own.model] = Steps(
            own.optimizer, own.clip, training.batch_size, loss.type if judges else ""
        )
    return found


def _document(tree: dict[str, Any], problems: Problems) -> Models | None:
    """Return the document but for its layers, or None where it is wrong."""
    given = tree.get("variables")
    scope = Scope(
        given if isinstance(given, dict) else {}, is_known=given is None or isinstance(given, dict)
    )
    scope.settle(problems, given)
    values, is_read = _computed(tree, scope, problems, without=("blocks", "variables", "models"))
    models = tree["models"]
    if isinstance(models, dict):
        networks = _like(models)
        for name, network in models.items():
            networks[name] = network
            if isinstance(network, dict):
                networks[name], well = _computed(network, scope, problems, without=("layers",))
                is_read &= well
        values["models"] = networks
    try:
        document = Models.model_validate({"nnspec": FORMAT_VERSION, **values})
    except ValidationError as error:
        default = getattr(tree, "mark", None)
        for problem, loc in problems_of(error, values, Models, "a spec of several models", default):
            if problem.code == "unknown-key" and loc and loc[-1] in _ELSEWHERE and len(loc) == 1:
                hint = f"with `models`, `{loc[-1]}` stands in each of them"
                problem = problem._replace(hint=hint, fix=None)
            problem = _reasoned(problem, loc)
            problems.extend([(problem, loc)])
        return None
    report_name(document.name, "network", _mark(tree, "name"), problems)
    return document if is_read else None


def _reasoned(problem: Problem, loc: Sequence[str | int]) -> Problem:
    """Return the problem with the reason why two networks that are trained have no such key."""
    if problem.code != "unknown-key" or not loc:
        return problem
    key, reason = str(loc[-1]), ""
    if loc[0] == "training" and len(loc) == 2:
        reason = (ELSEWHERE | OF_ROWS).get(key, "").format(key=key)
    elif len(loc) == 1 or (loc[0] == "data" and len(loc) == 2):
        reason = OF_ROWS.get(key, "")
    if tuple(loc) == ("training", "discriminator", "average"):
        reason = OF_DISCRIMINATOR
    return problem._replace(hint=reason, fix=None) if reason else problem


def _computed(
    given: dict[str, Any], scope: Scope, problems: Problems, *, without: tuple[str, ...]
) -> tuple[dict[str, Any], bool]:
    """Return a mapping with its expressions computed, and whether all could be."""
    values, is_fine = _like(given), True
    for key, value in given.items():
        values[key] = value
        if key not in without:
            values[key], well = compute(value, scope, problems, _mark(given, key))
            if not well:
                is_fine = False
                del values[key]
    return values, is_fine


def _network(
    name: str,
    given: dict[str, Any],
    tree: dict[str, Any],
    problems: Problems,
    used: set[str],
) -> tuple[Model, Graph] | None:
    """Return the document and the graph of one network, or None where it is wrong."""
    whole = _like(given)
    whole["nnspec"], whole["name"] = FORMAT_VERSION, class_of(name)
    for holder, keys in ((tree, _SHARED), (given, _OWN)):
        for key in keys:
            if key in holder:
                _put(whole, key, holder)
    found, before = len(problems.found), used.copy()
    blocks = tree.get("blocks")
    if isinstance(blocks, dict):
        _put(whole, "blocks", tree)
    document = read_document(whole, problems)
    if document is None:
        return None
    graph = resolve(document.model, document.variables, problems, broken=document.broken, used=used)
    if graph is None or len(problems.found) > found:
        return None
    own = {each for each in document.model.blocks if each in used - before}
    own |= _blocks_of(graph, document.model.blocks)
    kept = {key: each for key, each in document.model.blocks.items() if key in own}
    return document.model.model_copy(update={"blocks": kept}), graph


def _blocks_of(graph: Graph, known: Mapping[str, Any]) -> set[str]:
    """Return the blocks that a network uses, at first or second hand."""
    found: set[str] = set()
    waiting = [graph]
    while waiting:
        for node in waiting.pop().nodes:
            if isinstance(node, BlockNode):
                if node.block not in found:
                    waiting += node.bodies
                found.add(node.block)
    return found & known.keys()


def class_of(model: str) -> str:
    """Return the name of a model's class: of `generator` Generator."""
    return "".join(part[:1].upper() + part[1:] for part in str(model).split("_") if part)


def _require_names(tree: dict[str, Any], problems: Problems) -> None:
    """Report models whose names are another's, in the emitted code too, or a block's."""
    models, blocks = tree["models"], tree.get("blocks")
    known: dict[str, str] = {}
    if isinstance(tree.get("name"), str):
        known[class_of(tree["name"]).lower()] = "the spec"
    for name in models:
        if not isinstance(name, str):
            continue
        key = class_of(name).lower()
        other = known.get(key)
        if other is None and isinstance(blocks, dict) and name in blocks:
            other = "a block"
        if other is not None:
            problems.add(
                "duplicate-name",
                f'model "{name}" has the name of {other}',
                _mark(models, name, is_key=True),
                "give each its own name, which differs in more than capitals and _",
            )
        known[key] = f'model "{name}"'


def _require_use(
    tree: dict[str, Any], document: Models, problems: Problems, used: set[str]
) -> None:
    """Refuse a block that no network uses: nothing in it has been checked."""
    for name in document.blocks:
        if name not in used:
            problems.add(
                "unused-block",
                f'no layer of any model uses the block "{name}"',
                _mark(tree["blocks"], name, is_key=True),
                f"use it with type: {name}, or remove it",
            )


def _check_groups(
    document: Models, specs: Mapping[str, Spec], tree: dict[str, Any], problems: Problems
) -> None:
    """Report parameters that a role's optimizer names, and its network has not."""
    assert document.training is not None
    for role in ROLES:
        given = getattr(document.training, role)
        if given.optimizer.is_grouped and given.model in specs:
            from nnspec.network.parameter_groups import check_groups  # which few specs need

            place = {"training": tree["training"][role]}
            check_groups(specs[given.model].graph, given.optimizer, problems, place)


def _like(given: dict[str, Any]) -> dict[str, Any]:
    """Return an empty mapping with the place of another, and those of its keys."""
    if not isinstance(given, Map):
        return {}
    copy = Map()
    copy.mark, copy.marks = given.mark, dict(given.marks)
    copy.size, copy.height = given.size, given.height
    return copy


def _put(target: dict[str, Any], key: str, holder: dict[str, Any]) -> None:
    target[key] = holder[key]
    if isinstance(target, Map) and isinstance(holder, Map) and key in holder.marks:
        target.marks[key] = holder.marks[key]


def _mark(holder: Any, key: str, *, is_key: bool = False) -> Mark | None:
    if isinstance(holder, Map) and key in holder.marks:
        return holder.marks[key][0 if is_key else 1]
    return None
