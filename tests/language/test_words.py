"""Words of other frameworks: each gets the right name here, or is told that nothing fits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from nnspec.language.edits import written
from nnspec.language.losses import LOSSES
from nnspec.language.metrics import METRICS
from nnspec.language.optimizers import OPTIMIZERS
from nnspec.language.schedules import SCHEDULES
from nnspec.language.source import parse
from nnspec.language.suggestions import for_type
from nnspec.language.words import find_record_key, find_word
from nnspec.layers import ACTIVATIONS, LAYERS
from nnspec.layers.initializers import INITIALIZERS
from nnspec.layers.words.word import Key, Word
from nnspec.library import BLOCKS, find_block
from nnspec.network.fixing import mend
from nnspec.support.spelling import squashed

HERE = Path(__file__).parent
NAMES = json.loads((HERE / "foreign_names.json").read_text(encoding="utf-8"))
TABLES: dict[str, Any] = {
    "layer": LAYERS,
    "activation": ACTIVATIONS,
    "initializer": INITIALIZERS,
    "loss": LOSSES,
    "metric": METRICS,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
}
KINDS = [
    (framework, kind)
    for framework in ("torch", "keras")
    for kind in TABLES
    if kind in NAMES[framework]
]
VALUES = {
    "input",
    "x",
    "target",
    "y_true",
    "y_pred",
    "name",
    "params",
    "optimizer",
    "inputs",
    "query",
}
"""Parameters that are values, or what a record belongs to, and no settings."""


class Habit(NamedTuple):
    """What is written, and what it becomes, in a spec of which `place` holds it."""

    place: str
    text: str
    given: Any
    meant: Any
    is_safe: bool


@cache
def habits() -> list[Habit]:
    groups: Any = parse((HERE / "habits.yaml").read_text(encoding="utf-8"))
    return [habit for group in groups for habit in _of(group)]


def _of(group: dict[str, Any]) -> Iterator[Habit]:
    names = group.get("inputs", ["x"])
    for given, meant, *rest in group["rows"]:
        spec: dict[str, Any] = {"nnspec": 1, "name": "Net"}
        on = {"shape": group.get("on", [8]), "dtype": group.get("dtype", "float32")}
        spec["inputs"] = dict.fromkeys(names, on)
        spec["layers"] = [{"type": "relu"}]
        place = "layers"
        if "training" in group:
            place, spec["training"] = "training", given
            last = {"binary": "sigmoid", "multiclass": "softmax"}
            task = meant["task"] if isinstance(meant, dict) else given["task"]
            end = {"activation": last[task]} if task in last else {}
            spec["layers"] = [{"type": "dense", "units": 1 if task == "binary" else 4, **end}]
        elif "spec" in group:
            place = ""
            gone = meant if isinstance(meant, dict) else {}
            spec = {key: value for key, value in spec.items() if key not in gone} | given
        else:
            spec["layers"] = [given]
        text = "".join(f"{key}: {written(value)}\n" for key, value in spec.items())
        yield Habit(place, text, given, meant, not rest)


def test_there_are_many_habits() -> None:
    assert len(habits()) >= 300
    assert len({written([each.place, each.text]) for each in habits()}) == len(habits())


@pytest.mark.parametrize("habit", habits(), ids=lambda habit: written(habit.given))
def test_a_habit_is_answered_by_what_it_means(habit: Habit) -> None:
    if isinstance(habit.meant, str):
        mended = mend(habit.text, unsafe=True)
        first = mend(habit.text, rounds=0)
        said = [f"{each.message} {each.hint}" for each in (*first.problems, *mended.problems)]
        assert mended.spec is None
        assert any(habit.meant in each for each in said), said
        return
    mended = mend(habit.text)
    if not habit.is_safe:
        assert mended.spec is None
        mended = mend(habit.text, unsafe=True)
    assert mended.spec is not None, mended.problems
    spec = parse(mended.text)
    if habit.place == "layers":
        (found,) = spec["layers"]
    else:
        found = spec[habit.place] if habit.place else {key: spec[key] for key in habit.meant}
    assert found == habit.meant


@pytest.mark.parametrize(("framework", "kind"), KINDS)
def test_every_name_of_a_framework_has_an_answer(framework: str, kind: str) -> None:
    unknown = []
    for name in NAMES[framework][kind]:
        meant, word = meaning(kind, name)
        if not meant and (word is None or not word.note):
            unknown.append(name)
    assert not unknown


@pytest.mark.parametrize(("framework", "kind"), KINDS)
def test_every_argument_of_a_framework_has_an_answer(framework: str, kind: str) -> None:
    unknown = []
    for name, arguments in NAMES[framework][kind].items():
        meant, word = meaning(kind, name)
        # A function of torch.nn.functional is given its weights.
        is_function = framework == "torch" and name == name.lower()
        if not meant or is_function:
            continue
        known = fields(kind, meant)
        own = {squashed(key) for key in word.keys} if word is not None else set()
        for argument in arguments:
            if argument in known or argument in VALUES or squashed(argument) in own:
                continue
            record = find_record_key("block" if meant in BLOCKS else kind, meant, argument)
            taken = {
                each
                for other in arguments
                if (found := find_record_key(kind, meant, other)) is not None
                for each in found.takes
            }
            if record is None and argument in taken:
                continue
            if record is None or not (record.note or record.meant in known or record.value):
                unknown.append(f"{name}({argument})")
    assert not unknown


def meaning(kind: str, name: str) -> tuple[str, Word | None]:
    """Return our name for a foreign one, and its row in the tables."""
    word = find_word(kind, name)
    if kind == "layer" and (word is None or not word.meant):
        word = find_word("block", name) or word
    known = [*TABLES[kind], *(BLOCKS if kind == "layer" else ())]
    if word is not None and word.meant in ("", *known):
        return word.meant, word
    # An activation that is a layer of its own is said to be one.
    known += [*LAYERS] if kind == "activation" else []
    same = [each for each in known if squashed(each) == squashed(name)]
    return (same[0] if same else ""), None


def fields(kind: str, name: str) -> set[str]:
    if kind == "layer" and name in BLOCKS:
        block = find_block(name)
        assert block is not None
        return {*block.variables, "name", "inputs", "repeat"}
    return set((LAYERS if kind == "activation" else TABLES[kind])[name].model_fields)


def rows() -> Iterator[tuple[str, dict[str, Word], dict[str, dict[str, Key]]]]:
    from nnspec.language import words
    from nnspec.layers import words as layer_words

    yield "layer", *layer_words._layers()
    yield "initializer", *layer_words._initializers()
    yield "block", *words._blocks()
    for kind, file in words._FILES.items():
        yield kind, *words._tables(file)


def test_the_tables_name_what_there_is() -> None:
    for kind, words, keys in rows():
        known = {*BLOCKS} if kind == "block" else {*TABLES[kind]}
        wrong = {name: word.meant for name, word in words.items() if word.meant not in ("", *known)}
        assert not wrong, kind
        assert keys.keys() - {"*"} <= known, kind
        for owner, records in keys.items():
            if owner != "*":
                has = fields("layer" if kind == "block" else kind, owner)
                foreign = {name: record.meant for name, record in records.items()}
                wrong = {n: m for n, m in foreign.items() if m and m not in has}
                # Rows that several types share name keys that not all of them have.
                assert not wrong or kind in ("layer", "block", "optimizer"), (owner, wrong)


def test_nothing_that_there_is_is_said_to_be_missing() -> None:
    for kind, words, _ in rows():
        known = {squashed(each) for each in ([*BLOCKS] if kind == "block" else TABLES[kind])}
        wrong = [name for name, word in words.items() if name in known and not word.meant]
        assert not wrong, f"{kind}: {wrong} is a type by now: take it out of the table"
        for name, word in words.items():
            if name in known and name != "linear":  # PyTorch's has weights, Keras's has none
                assert squashed(word.meant) == name


OTHERS = """
lrelu geglu reglu mlstm slstm clstm conv4d conv5d relu7 tan sinh cosh asin acos atan sinc expm1
exp2 log2 log10 log1p gelu2 crelu adan adamax nadam radam sgdw rmse kl ctc he lecun_normal
dropout1 batch_norm3 prelu2 elu1 pixel_shift sgdm rmsnorm2 lion adas maxnorm gemm2 selu6
""".split()  # noqa: SIM905 - a list of quoted words would be longer


@pytest.mark.parametrize("kind", TABLES)
def test_no_likeness_of_letters_leads_to_another_network(kind: str) -> None:
    """Names that differ by a letter and mean something else are told apart."""
    for name in OTHERS:
        if name in TABLES[kind]:
            continue  # rmse is a metric, and no loss
        word = find_word(kind, name)
        found = for_type(kind, name, name, list(TABLES[kind]), None, "type")
        meant = f'; did you mean "{word.meant}"?' if word is not None and word.meant else ""
        assert found.suffix == meant, name


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("dens", "dense"),
        ("flaten", "flatten"),
        ("softmx", "softmax"),
        ("max_poling2d", "max_pooling2d"),
        ("Max-Pooling-2D", "max_pooling2d"),
        ("reluu", "relu"),
        ("rleu", "relu"),
        ("embeding", "embedding"),
    ],
)
def test_a_slip_of_the_hand_is_understood(name: str, meant: str) -> None:
    from nnspec.errors import alike

    assert alike(name, LAYERS) == (meant,)
