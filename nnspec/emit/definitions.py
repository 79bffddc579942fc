"""One class (or function) for all uses of a block: what differs between them is a parameter.

The uses of a block have the same steps, because a block has no conditions; only values differ. A
value that follows the variables of the block is called after them, any other after the argument
that it is given for. A variable that all uses set alike is a parameter too, where everything that
follows from it can be written with it. Uses whose steps differ in more than values get definitions
of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from nnspec.emit.body import Body, Step
from nnspec.emit.code import Call
from nnspec.emit.progressions import progressing
from nnspec.emit.unify import Construction, Definition, Use, skeleton, unify
from nnspec.emit.variations import Variations
from nnspec.network.graph import BlockNode

NO_OTHERS: Mapping[str, Body] = {}


@dataclass(frozen=True, slots=True)
class _Uses:
    """Uses of one definition; variations of the first, that change one of `varied`, among them."""

    block: str
    uses: list[Use]
    avoided: set[str]
    varied: tuple[str, ...] = ()


class _UnlikeError(Exception):
    """A variation of a block that no definition of it can make."""


class Definitions:
    """The definitions of a lowered network, in an order in which each follows what it uses."""

    def __init__(
        self,
        network: Body,
        name: str,
        taken: Iterable[str],
        avoided: Iterable[str],
        *,
        is_class: bool,
        attribute: Callable[[str], str] = str,
        defaults: Mapping[str, Mapping[str, object]],
        variations: Variations,
        others: Mapping[str, Body] = NO_OTHERS,
    ) -> None:
        """`taken` are names that no definition may have, and `avoided` such as no parameter has.

        attribute: the name of the attribute that holds a layer, where definitions are classes.
        defaults: by function, keywords that a call leaves out where they have this value. others:
        networks of the same file, which share its blocks, by the names of their definitions.
        """
        self.defaults = defaults
        self.variations = variations
        self.ordered: list[Definition] = []
        self.is_class = is_class
        self._taken = {name, *others, *taken}
        self._avoided = frozenset(avoided)
        self._attribute = attribute
        self._of: dict[int, tuple[Definition, tuple[tuple[str, object], ...]]] = {}
        self._defined: dict[str, list[tuple[Definition, _Uses]]] = {}
        groups: dict[str, list[Body]] = {}
        seen: set[int] = set()
        for body in (network, *others.values()):
            _collect(body, groups, seen)
        for block, bodies in groups.items():
            self._define(block, bodies)
        self.network = self._of_network(name, network)
        self.others = {each: self._of_network(each, body) for each, body in others.items()}

    def _of_network(self, name: str, network: Body) -> Definition:
        return Definition(name, [network], [self._construct(step) for step in network.steps])

    def _define(self, block: str, bodies: list[Body]) -> None:
        for uses in self._variants(block, bodies):
            avoided = {"name", *self._avoided}
            if not self.is_class:
                # A function's parameters stand beside its variables; an attribute of self does not.
                avoided.update(*(body.graph.types for body, _ in uses))
            elif any(made is not None and made.values for made in uses[0][1]):
                # What the forward pass takes is kept as an attribute, beside those of the layers.
                avoided.update(self._attribute(node.name) for node in uses[0][0].graph.nodes)
                avoided.update(
                    each for each in uses[0][0].graph.variables if self._attribute(each) != each
                )
            known = self._with_variations(_Uses(block, uses, avoided))
            _drop_unequal_shapes([body for body, _ in known.uses])
            definition, arguments = self._unified(known, self._name(block))
            self.ordered.append(definition)
            self._defined.setdefault(block, []).append((definition, known))
            for (body, _), given in zip(uses, arguments, strict=False):
                self._of[id(body)] = (definition, given)

    def _variants(self, block: str, bodies: list[Body]) -> list[list[Use]]:
        """Return the uses that each definition makes."""
        found = self._grouped(bodies)
        if len(found) > 1 and not any(map(_is_ordered, bodies)):
            apart = [self.variations.padding_apart(body) for body in bodies]
            if len(self._grouped(apart)) < len(found):
                # Twins that differ in padding alone, which a framework takes in several ways.
                self.variations.apart.add(block)
                for body, other in zip(bodies, apart, strict=True):
                    body.steps = other.steps
                return self._grouped(bodies)
        return found

    def _grouped(self, bodies: list[Body]) -> list[list[Use]]:
        variants: dict[object, list[Use]] = {}
        for body in bodies:
            use = self._use(body)
            variants.setdefault(skeleton(use, self.defaults), []).append(use)
        return list(variants.values())

    def _use(self, body: Body) -> Use:
        return body, [self._construct(step) for step in body.steps]

    def _unified(
        self, known: _Uses, name: str = ""
    ) -> tuple[Definition, list[tuple[tuple[str, object], ...]]]:
        formulas = self.variations.formulas(known.block)
        return unify(name, known.uses, known.avoided, self.defaults, formulas, known.varied)

    def _with_variations(self, known: _Uses) -> _Uses:
        """Return the uses, and variations of the first that make more variables parameters."""
        body = known.uses[0][0]
        shape = skeleton(known.uses[0], self.defaults)
        names = self._unified(known)[0].parameters.keys()
        varied: dict[str, list[Use]] = {}
        for variable, bodies in self.variations.of(known.block, body):
            if variable in names:
                continue
            try:
                found = [self._use(each) for each in bodies]
            except _UnlikeError:
                continue
            varied[variable] = [use for use in found if skeleton(use, self.defaults) == shape]
        # Each by itself, then those together that go into one number, as heads and their width.
        for group in (*([variable] for variable in varied), list(varied)):
            added = tuple(variable for variable in group if variable not in known.varied)
            more = [use for variable in added for use in varied[variable]]
            if not more:
                continue
            trial = replace(
                known,
                uses=[*known.uses, *more],
                varied=tuple(dict.fromkeys([*known.varied, *added])),
            )
            found_names = self._unified(trial)[0].parameters.keys()
            if found_names - names and found_names - names <= body.graph.variables.keys():
                known, names = trial, found_names
        return known

    def _adopt(self, block: str, body: Body) -> None:
        """Find the arguments with which a definition makes the body of a variation."""
        use = self._use(body)
        for definition, known in self._defined.get(block, ()):
            if skeleton(use, self.defaults) != skeleton(known.uses[0], self.defaults):
                continue
            trial, arguments = self._unified(
                replace(known, uses=[*known.uses, use]), definition.name
            )
            if trial.constructions == definition.constructions:
                self._of[id(body)] = (definition, arguments[-1])
                return
        raise _UnlikeError

    def _construct(self, step: Step) -> Construction | None:
        node = step.node
        if node is not None and node.owner is not None and not step.is_activation:
            return None
        if step.lowered is not None:
            lowered = step.lowered
            if lowered.module is None and not lowered.values:
                return None
            calls = (lowered.module,) if lowered.module is not None else ()
            return Construction(calls, laws=lowered.laws, values=lowered.values)
        made: list[Call] = []
        assert isinstance(node, BlockNode)
        for body in step.bodies:
            if id(body) not in self._of:
                self._adopt(node.block, body)
            definition, arguments = self._of[id(body)]
            made.append(Call(definition.name, arguments))
        if node.is_repeated:
            one = progressing(made)
            if one is not None:
                return Construction((one,), len(made))
        return Construction(tuple(made))

    def _name(self, block: str) -> str:
        name = pascal(block) if self.is_class else block
        candidate, number = name, 1
        if candidate in self._taken and not self.is_class and not name.endswith("_block"):
            candidate = name = f"{name}_block"
        while candidate in self._taken:
            number += 1
            candidate = f"{name}{number}" if self.is_class else f"{name}_{number}"
        self._taken.add(candidate)
        return candidate


def pascal(name: str) -> str:
    """Return `conv_block` as `ConvBlock`."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_") if part)


def _collect(body: Body, groups: dict[str, list[Body]], seen: set[int]) -> None:
    """Fill `groups` with the bodies of every block; a block follows those that it uses.

    It does because every use of a block holds the same blocks, and they are done before it is.
    """
    for step in body.steps:
        for inner in step.bodies:
            if id(inner) in seen:
                continue
            seen.add(id(inner))
            _collect(inner, groups, seen)
            assert isinstance(step.node, BlockNode)
            groups.setdefault(step.node.block, []).append(inner)


def _is_ordered(body: Body) -> bool:
    """Whether the backend has put the steps of a body in an order, which lowering would lose."""
    return any(step.is_order for step in body.steps)


def _drop_unequal_shapes(bodies: list[Body]) -> None:
    """A comment stands in one definition for all uses, so it must be true of each."""
    for column in zip(*(body.steps for body in bodies), strict=True):
        if len({step.shape for step in column}) > 1:
            for step in column:
                step.shape = None
