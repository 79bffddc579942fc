"""Names the entries of a body, links them, and puts them in an order of computation."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Set

from nnspec.errors import closest
from nnspec.language.names import report_name
from nnspec.language.problems import Problems
from nnspec.network.entries import Entry


def name_entries(
    entries: list[Entry], inputs: Collection[str], problems: Problems
) -> dict[str, Entry]:
    """Return the entries by name; one without a name gets its type and a number."""
    by_name: dict[str, Entry] = {}
    counts: dict[str, int] = {}
    given = {entry.name for entry in entries if entry.name}
    for entry in entries:
        if not entry.name:
            # A dot would part it from what is no layer of its own.
            kind = entry.type.rpartition(".")[2] or "layer"
            while not entry.name or entry.name in given or entry.name in inputs:
                counts[kind] = counts.get(kind, 0) + 1
                entry.name = f"{kind}_{counts[kind]}"
            by_name[entry.name] = entry
            continue
        if report_name(entry.name, "layer", entry.place("name"), problems):
            pass
        elif entry.name in by_name or entry.name in inputs:
            what = "an input" if entry.name in inputs else "another layer"
            problems.add(
                "duplicate-name",
                f'the name "{entry.name}" belongs to {what} already',
                entry.place("name"),
                "give each its own name",
            )
        by_name.setdefault(entry.name, entry)
    return by_name


def wire(
    entries: list[Entry],
    by_name: dict[str, Entry],
    inputs: Collection[str],
    problems: Problems,
    optional: Collection[str] = (),
) -> tuple[set[str], set[str]]:
    """Give each entry its inputs; return the names that are used, and those of broken entries.

    optional: inputs that need not be among those given.
    """
    used: set[str] = set()
    broken: set[str] = set()
    required = [name for name in inputs if name not in optional]
    previous = required[0] if len(required) == 1 else None
    for entry in entries:
        if _takes_any(entry, previous) and inputs:
            # Not marked as used: only the size of the batch is taken of it.
            entry.inputs = (next(iter(inputs)),)
            previous = entry.name
            continue
        if entry.inputs is None:
            if previous is None:
                if inputs:
                    problems.add(
                        "missing-input",
                        f"the first layer must say which of the inputs {listed(inputs)} it takes",
                        entry.mark,
                        f"add inputs: [{next(iter(inputs))}]",
                    )
                    entry.unknown_inputs = True  # any of them
                entry.inputs = ()
                broken.add(entry.name)
            else:
                entry.inputs = (previous,)
        elif inputs:
            for i, name in enumerate(entry.inputs):
                if base_of(name) in by_name or name in inputs:
                    continue
                meant = closest(name, [*by_name, *inputs])
                problems.add(
                    "unknown-input",
                    f'no input or layer is called "{name}"'
                    + (f'; did you mean "{meant}"?' if meant else ""),
                    entry.place("inputs", i),
                    "" if meant else "give the layer that is meant a `name`",
                )
                used.add(meant)
                broken.add(entry.name)
            if entry.name in broken:
                entry.inputs = tuple(
                    n for n in entry.inputs if base_of(n) in by_name or n in inputs
                )
        if optional:
            _leave_out(entry, {name for name in optional if name not in inputs})
        _add_named(entry, by_name, inputs, problems, broken)
        used.update(map(base_of, entry.inputs))
        previous = entry.name
    return used, broken


def _takes_any(entry: Entry, previous: str | None) -> bool:
    """Whether a layer that takes nothing but the size of the batch has no input of its own."""
    if entry.layer is None or not entry.layer.takes_batch_alone:
        return False
    return entry.inputs == () or (entry.inputs is None and previous is None)


def _add_named(
    entry: Entry,
    by_name: dict[str, Entry],
    inputs: Collection[str],
    problems: Problems,
    broken: set[str],
) -> None:
    """Add the inputs that fields of the layer name, such as an attention's mask."""
    layer = entry.layer
    named = [(field, getattr(layer, field)) for field in layer.named_inputs] if layer else []
    for field, name in (*named, *entry.optional):
        if name is None:
            continue
        if base_of(name) in by_name or name in inputs:
            entry.inputs = (*(entry.inputs or ()), name)
            continue
        meant = closest(name, [*by_name, *inputs])
        problems.add(
            "unknown-input",
            f'no input or layer is called "{name}", which `{field}` names'
            + (f'; did you mean "{meant}"?' if meant else ""),
            entry.place(field),
            "" if meant else "declare it in `inputs`, with dtype: bool",
        )
        broken.add(entry.name)


def _leave_out(entry: Entry, absent: Set[str]) -> None:
    """Let a layer, or the use of a block, do without inputs that its block has not been given."""
    entry.optional = tuple(pair for pair in entry.optional if pair[1] not in absent)
    layer = entry.layer
    gone = [f for f in layer.named_inputs if getattr(layer, f) in absent] if layer else []
    if layer is not None and gone:
        entry.layer = layer.model_copy(update=dict.fromkeys(gone))


def order(
    entries: list[Entry], by_name: dict[str, Entry], inputs: Collection[str], problems: Problems
) -> list[Entry] | None:
    """Return the entries so that each follows what it needs; as listed where possible."""
    done = set(inputs)
    for entry in entries:
        if not done.issuperset(_needs_of(entry)):
            break
        done.add(entry.name)
    else:
        return entries
    from nnspec.network.ordering import ordered  # which few specs need

    return ordered(list(by_name.values()), _needs_of, problems)


def _needs_of(entry: Entry) -> list[str]:
    """Return the layers and inputs that must be known before this one."""
    needs = [base_of(name) for name in entry.inputs or ()]
    if entry.layer is not None and entry.layer.refers:
        needs.append(entry.layer.layer)  # type: ignore[attr-defined]
    return needs


def base_of(name: str) -> str:
    """Return the layer of a value: `split.1` is the second output of `split`."""
    return name.partition(".")[0]


def output_names(name: str, number: int) -> tuple[str, ...]:
    """Return the names of a layer's outputs: `split`, `split.1`, ..."""
    return (name,) if number == 1 else (name, *(f"{name}.{i}" for i in range(1, number)))


def listed(names: Iterable[str]) -> str:
    """Return the names in quotes, with commas."""
    return ", ".join(f'"{name}"' for name in names)
