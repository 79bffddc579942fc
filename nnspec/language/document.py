"""Validates everything of a spec but its layers, which are checked as they are resolved."""

from typing import Any

from pydantic import ValidationError

from nnspec.errors import Mark, nearest
from nnspec.language.names import report_name
from nnspec.language.objectives import is_composed
from nnspec.language.problems import Problems
from nnspec.language.schema import FORMAT_VERSION, Block, Call, Model
from nnspec.language.scope import Scope, compute
from nnspec.language.tree import Map, Sequence
from nnspec.layers import LAYERS
from nnspec.support.shown import shown

CALL_KEYS = frozenset({*Call.model_fields, "index"})
"""Names that the use of a block means otherwise, so that no variable of a block has them."""


class Document:
    """A spec as far as it could be read; `broken` names the inputs and blocks that could not."""

    __slots__ = ("broken", "model", "variables")

    def __init__(self, model: Model, variables: Scope, broken: frozenset[str]) -> None:
        self.model = model
        self.variables = variables
        self.broken = broken


def read_document(tree: Any, problems: Problems) -> Document | None:
    """Return the document, or None where so little could be read that its layers can't be checked.

    What is wrong is reported; only if nothing is may the document be used.
    """
    if not isinstance(tree, dict):
        given = "a list" if isinstance(tree, list) else shown(tree)
        what = "empty" if tree is None else f"{given}, and a mapping is expected"
        hint = "`nnspec init` writes one to start from"
        problems.add("wrong-type", f"the spec is {what}", None, hint)
        return None
    if not version_is_known(tree, problems):
        return None
    scope = _variables(tree, problems)
    values, unread = _computed(tree, scope, problems)
    validated = _validated(values, problems, tree, scope, unread)
    if isinstance(validated, Model) and not unread:
        model, broken = validated, frozenset[str]()
    else:
        from nnspec.language.partial import rest  # only a mistake needs it

        invalid, bad = (set(), set()) if isinstance(validated, Model) else validated
        unread |= invalid
        if "layers" in unread or "layers" not in values:
            return None
        model, broken = rest(values, unread, bad)
    _check_names(model, values, problems)
    return Document(_marked(model, values), scope, broken)


def version_is_known(tree: dict[str, Any], problems: Problems) -> bool:
    """Whether a document is in a version that this nnspec reads; reported where not."""
    if "nnspec" not in tree:
        problems.add(
            "missing-argument",
            "the spec needs `nnspec`, the version of its format",
            getattr(tree, "mark", None),
            f"add nnspec: {FORMAT_VERSION}",
        )
        return True
    version = tree["nnspec"]
    if version == FORMAT_VERSION and type(version) is int:
        return True
    problems.add(
        "unsupported-version",
        f"this spec has format version {shown(version)}, and this nnspec reads {FORMAT_VERSION}",
        _mark(tree, "nnspec"),
        f"write `nnspec: {FORMAT_VERSION}`, or install the release that reads that version",
    )
    return False


def _variables(tree: dict[str, Any], problems: Problems) -> Scope:
    variables = tree.get("variables")
    if variables is not None and not isinstance(variables, dict):
        return Scope({}, is_known=False)
    variables = variables or {}
    scope = Scope(variables)
    for name in variables:
        report_name(name, "variable", _mark(variables, name, is_key=True), problems)
    scope.settle(problems, variables)
    return scope


def _computed(
    tree: dict[str, Any], scope: Scope, problems: Problems
) -> tuple[dict[str, Any], set[str]]:
    """Return the values with their expressions computed, and the keys whose could not be."""
    values: dict[str, Any] = Map() if isinstance(tree, Map) else {}
    unread: set[str] = set()
    for key, value in tree.items():
        if key in ("layers", "blocks", "variables"):
            values[key] = value
            continue
        values[key], well = compute(value, scope, problems, _mark(tree, key))
        if not well:
            unread.add(key)
            del values[key]
    if isinstance(tree, Map):
        assert isinstance(values, Map)
        values.mark, values.marks = tree.mark, tree.marks
    return values, unread


def _validated(
    values: dict[str, Any],
    problems: Problems,
    tree: dict[str, Any],
    scope: Scope,
    left_out: set[str],
) -> Model | tuple[set[str], set[tuple[str, str]]]:
    """Return the document, or the keys that can't be used with bad inputs and blocks, reported.

    left_out: keys whose values could not be computed, which has been reported.
    """
    unread: set[str] = set()
    bad: set[tuple[str, str]] = set()
    try:
        # The version has been checked; what a computation broke has been reported.
        return Model.model_validate({"nnspec": FORMAT_VERSION, **values})
    except ValidationError as error:
        from nnspec.language.placeholders import explained  # only a mistake needs it
        from nnspec.language.validation import problems_of

        mark = getattr(values, "mark", None)
        for problem, loc in problems_of(error, values, Model, "the spec", mark):
            key = str(loc[0]) if loc else ""
            if key in left_out and key not in values:
                continue
            problems.extend([(explained(problem, loc, tree, scope.names()), loc)])
            if len(loc) > 1 and key in ("inputs", "blocks"):
                bad.add((key, str(loc[1])))
            else:
                unread.add(key)
    return unread, bad


def _marked(model: Model, values: dict[str, Any]) -> Model:
    """Put back the marks that pydantic lost when it copied lists and mappings."""
    update: dict[str, Any] = {"layers": values["layers"]}
    if isinstance(values.get("freeze"), Sequence):
        update["freeze"] = values["freeze"]
    if isinstance(values.get("outputs"), Sequence) and model.outputs is not None:
        update["outputs"] = values["outputs"]
    for kind, keys in (("training", ("loss", "task")), ("data", ("target",))):
        section, given = getattr(model, kind), values.get(kind)
        for key in keys if isinstance(given, Map) and section is not None else ():
            by_output = given.get(key) if given is not None else None
            if isinstance(by_output, Map) and isinstance(getattr(section, key), dict):
                named = Map(getattr(section, key))
                named.mark, named.marks = by_output.mark, by_output.marks
                section = update[kind] = section.model_copy(update={key: named})
    for kind in ("inputs", "blocks"):
        given = values.get(kind)
        if isinstance(given, Map):
            records = Map(getattr(model, kind))
            records.mark, records.marks = given.mark, given.marks
            update[kind] = records
    blocks = update.get("blocks", model.blocks)
    for name, block in model.blocks.items():
        given = values["blocks"][name]
        if isinstance(given, dict):
            blocks[name] = marked_block(block, given)
    return model.model_copy(update=update)


def marked_block(block: Block, given: dict[str, Any]) -> Block:
    """Return the block with the marks of the mapping that it was read from."""
    marked = {
        key: given[key]
        for key in ("layers", "outputs", "variables")
        if isinstance(given.get(key), Sequence | Map)
    }
    return block.model_copy(update=marked)


def _check_names(model: Model, values: dict[str, Any], problems: Problems) -> None:
    report_name(model.name, "network", _mark(values, "name"), problems)
    for name, kind in model.inputs.items():
        if name == "?":
            continue
        given = values["inputs"][name]
        report_name(name, "input", _mark(values["inputs"], name, is_key=True), problems)
        for i, size in enumerate(kind.shape):
            if isinstance(size, str):
                shape = given.get("shape") if isinstance(given, dict) else None
                mark = shape.marks[i] if isinstance(shape, Sequence) else None
                if size == "None":
                    from nnspec.language.placeholders import without_batch

                    problems.add(*without_batch(name, i, kind.shape, shape))
                else:
                    report_name(size, "axis", mark, problems)
    for name, block in model.blocks.items():
        _check_block_names(name, block, values["blocks"], problems)
    training = model.training
    if training is not None and (
        training.metrics
        or training.stop
        or training.keep
        or not isinstance(training.optimizer.learning_rate, float)
    ):
        from nnspec.language.metric_checks import report_metrics  # which few specs need

        report_metrics(model, values.get("training"), problems)
    if model.data is not None:
        given = values["data"]
        training = model.training
        task = training.task if training is not None else "regression"
        # Without a training that can be read nobody knows what takes the target.
        is_read = training is not None or values.get("training") is None
        if is_composed(model):
            if model.data.standardize_target:
                problems.add(
                    "not-trainable",
                    "`standardize_target` is for a network that is trained by one plain loss",
                    _mark(given, "standardize_target"),
                    "leave out `standardize_target`, and scale the targets in the file",
                )
        elif model.data.target is None and task != "autoencoder" and is_read:
            described = type(model.data).model_fields["target"].description
            problems.add(
                "missing-argument",
                "`data` needs `target`",
                getattr(given, "mark", None) or _mark(values, "data"),
                f"`data.target`: {described}",
            )
        elif model.data.standardize_target and (
            (training is not None and training.kind != "regression") or not model.data.targets
        ):
            problems.add(
                "not-trainable",
                f"the target of a {task} task is no quantity that could be standardised",
                _mark(given, "standardize_target"),
                "leave out `standardize_target`; `standardize` shifts and scales the features",
            )
        elif (
            model.data.standardize_target
            and training is not None
            and training.resolved_loss.takes in ("amounts", "shares")
        ):
            problems.add(
                "not-trainable",
                f"the loss {training.resolved_loss.type} takes no numbers below 0, and a target "
                "that is standardised has its mean at 0",
                _mark(given, "standardize_target"),
                "leave out `standardize_target`, or choose another loss",
            )
        features = given.get("features") if isinstance(given, dict) else None
        for name in model.data.features:
            if name not in model.inputs and "?" not in model.inputs:
                problems.add(
                    "unknown-input",
                    f'`data.features` names "{name}", which is no input'
                    f"{nearest(name, model.inputs)}",
                    _mark(features, name, is_key=True),
                    f"the inputs: {', '.join(model.inputs)}",
                )
        changed = given.get("augment") if isinstance(given, dict) else None
        for name in model.data.augment or ():
            if name not in model.inputs and "?" not in model.inputs:
                problems.add(
                    "unknown-input",
                    f'`data.augment` names "{name}", which is no input'
                    f"{nearest(name, model.inputs)}",
                    _mark(changed, name, is_key=True),
                    f"the inputs: {', '.join(model.inputs)}",
                )
        if model.data.prepare:
            from nnspec.language.prepared_columns import report_columns  # which few specs need

            report_columns(model, given, problems)


def _check_block_names(name: str, block: Block, holder: Any, problems: Problems) -> None:
    mark = _mark(holder, name, is_key=True)
    report_name(name, "block", mark, problems)
    if name in LAYERS:
        problems.add(
            "duplicate-name",
            f'block "{name}" has the name of a layer type',
            mark,
            "give the block another name",
        )
    given = holder[name]
    variables = given.get("variables") if isinstance(given, dict) else None
    for variable in block.variables:
        place = _mark(variables, variable, is_key=True)
        report_name(variable, "variable", place, problems)
        if variable in CALL_KEYS:
            problems.add(
                "reserved-name",
                f'variable "{variable}" of block "{name}" has the name of a key of its uses',
                place,
                "give the variable another name",
            )
    optional = given.get("optional") if isinstance(given, dict) else None
    for i, inner in enumerate(block.optional):
        place = optional.marks[i] if isinstance(optional, Sequence) else _mark(given, "optional")
        report_name(inner, "input", place, problems)
        if inner in (*block.inputs, *block.optional[:i], *block.variables, *CALL_KEYS):
            problems.add(
                "duplicate-name",
                f'the optional input "{inner}" of block "{name}" has the name of another input, '
                "a variable or a key of its uses",
                place,
                "give each its own name",
            )
    inputs = given.get("inputs") if isinstance(given, dict) else None
    for i, inner in enumerate(block.inputs):
        place = inputs.marks[i] if isinstance(inputs, Sequence) else _mark(given, "inputs")
        report_name(inner, "input", place, problems)
        if inner in block.inputs[:i]:
            problems.add(
                "duplicate-name",
                f'block "{name}" has two inputs called "{inner}"',
                place,
                "give each its own name",
            )


def _mark(holder: Any, key: str, *, is_key: bool = False) -> Mark | None:
    if isinstance(holder, Map) and key in holder.marks:
        return holder.marks[key][0 if is_key else 1]
    return None
