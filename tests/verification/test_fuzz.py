"""Whatever text it is given, the loader gives a spec or an error of its own, soon."""

import contextlib
import json
import os
import random
import time
import tracemalloc
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
import yaml
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

import nnspec
from nnspec.layers import LAYERS

# Fixed, so that a failure comes back; the number is in the report of every failing test.
SEED = int(os.environ.get("NNSPEC_FUZZ_SEED", "20250207"))
EXAMPLES = int(os.environ.get("NNSPEC_FUZZ_EXAMPLES", "150"))

VALID = """
nnspec: 1
name: Fuzzed
variables: {width: 8, half: "${width / 2}"}
inputs:
  image: {shape: [1, 8, 8]}
  vector: {shape: [time, 4], dtype: float32}
blocks:
  step:
    variables: {filters: 4}
    layers:
      - {name: inner, type: conv2d, filters: "${filters}", kernel_size: 3, padding: same}
      - {name: norm, type: batch_normalization, inputs: inner}
      - {type: add, inputs: [x, norm]}
layers:
  - {name: stem, type: conv2d, filters: "${width}", kernel_size: [3, 3], inputs: image}
  - {name: body, type: step, filters: 8, repeat: 2}
  - {type: flatten}
  - {name: left, type: dense, units: 4, activation: {type: leaky_relu, negative_slope: 0.2}}
  - {name: right, type: dense, units: 4, inputs: [vector]}
outputs: [left, right, body.0]
data: {source: a.csv, features: {image: "p*", vector: [a, b]}, target: y, validation: 0.25}
training: {task: regression, loss: mse, optimizer: {type: sgd, momentum: 0.9}, epochs: 3}
""".replace(", body.0", "").replace("step, filters: 8, repeat: 2", "step, filters: 8")


def report_of(text: str, *, is_json: bool = False) -> str:
    """What the loader says of a text; anything but its own errors fails the test."""
    try:
        nnspec.loads(text, is_json=is_json)
    except (nnspec.SpecError, nnspec.UsageError) as error:
        message = str(error)
        assert message
        # Nothing in a message moves the cursor or breaks the terminal's encoding.
        assert message.replace("\n", "").isprintable()
        return message
    return ""


Test = TypeVar("Test", bound=Callable[..., None])


def fuzz(test: Test) -> Test:
    limits = settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    return seed(SEED)(limits(test))


@pytest.fixture(autouse=True)
def _print_the_seed() -> None:
    print(f"NNSPEC_FUZZ_SEED={SEED} NNSPEC_FUZZ_EXAMPLES={EXAMPLES}")


hostile_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=-(10**40), max_value=10**40),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(
        [
            "${width}",
            "${width * ${half}}",
            "${",
            "${1e999}",
            "${9 ** 9 ** 9}",
            "${half / 0}",
            "${index}",
            "a" * 70,
            "image",
            "stem",
            "same",
            "__class__",
            "dense\x00",
            2**63,
            -1,
            0,
            1e308,
            float("nan"),
            float("inf"),
        ]
    ),
)
KEYS = """
nnspec name inputs layers type units shape repeat outputs blocks variables filters kernel_size
strides padding activation data training task features epochs
"""
keys = st.one_of(st.sampled_from(KEYS.split()), st.text(max_size=6))
trees = st.recursive(
    hostile_values,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=12,
)


@fuzz
@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    report_of(text)
    report_of(text, is_json=True)


@fuzz
@given(st.text(alphabet="{}[]:,-&*!|>'\"#%@`\n\t ${}ab1.", max_size=120))
def test_any_punctuation(text: str) -> None:
    report_of(text)
    report_of(text, is_json=True)


@fuzz
@given(trees)
def test_any_tree(tree: object) -> None:
    report_of(json.dumps(tree), is_json=True)
    report_of(yaml.safe_dump(tree, allow_unicode=True))


@fuzz
@given(
    st.sampled_from([*LAYERS, "step", "nothing"]),
    st.dictionaries(keys, trees, max_size=5),
    st.integers(0, 4),
)
def test_any_layer(kind: str, arguments: dict[str, object], place: int) -> None:
    tree = yaml.safe_load(VALID)
    tree["layers"].insert(place, {**arguments, "type": kind})
    report_of(json.dumps(tree), is_json=True)


def places_in(tree: Any) -> list[tuple[Any, Any]]:
    """Every container of the tree with each of its keys or positions."""
    found: list[tuple[Any, Any]] = []
    if isinstance(tree, dict | list):
        for key in list(tree) if isinstance(tree, dict) else range(len(tree)):
            found += [(tree, key), *places_in(tree[key])]
    return found


@fuzz
@given(st.integers(0, 2**32), trees, trees)
def test_a_valid_spec_with_values_replaced_moved_or_removed(
    number: int, first: object, second: object
) -> None:
    tree = yaml.safe_load(VALID)
    chance = random.Random(number)
    for value in (first, second):
        holder, key = chance.choice(places_in(tree))
        action = chance.randrange(3)
        if action == 0:
            holder[key] = value
        elif action == 1:
            del holder[key]
        elif isinstance(holder, list):
            holder.append(holder[key])
        else:
            holder[chance.choice(["name", "x", "units", "inputs"])] = holder[key]
    report_of(json.dumps(tree), is_json=True)


@fuzz
@given(st.integers(0, 2**32), st.text(max_size=3))
def test_a_valid_spec_with_characters_changed(number: int, piece: str) -> None:
    chance = random.Random(number)
    start = chance.randrange(len(VALID))
    report_of(VALID[:start] + piece + VALID[start + chance.randrange(4) :])


@fuzz
@given(st.binary(max_size=60), st.integers(0, len(VALID)))
def test_a_file_of_any_bytes(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, at: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.yaml"
    content = VALID.encode()
    path.write_bytes(content[:at] + junk + content[at:])
    with contextlib.suppress(nnspec.SpecError, nnspec.UsageError):
        nnspec.load(path)


HEAD = "nnspec: 1\nname: Net\ninputs: {features: {shape: [4]}}\n"
RELU = "layers: [{type: relu}]\n"
NESTED_BLOCKS = "".join(
    f"  b{i}: {{layers: [{{type: b{i - 1}}}, {{type: b{i - 1}}}]}}\n" for i in range(1, 31)
)
REPEATED_BLOCKS = "".join(
    f"  b{i}: {{layers: [{{type: b{i - 1}, repeat: 1000}}]}}\n" for i in range(1, 20)
)
DOUBLING = "".join(f'  t{i}: "${{t{i - 1}}}${{t{i - 1}}}"\n' for i in range(1, 60))
LISTS = "".join(f'  t{i}: ["${{t{i - 1}}}", "${{t{i - 1}}}"]\n' for i in range(1, 60))
CHAIN = "".join(f'  v{i}: "${{v{i + 1}}}"\n' for i in range(5000))

HOSTILE = {
    "a billion laughs": "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
    + "".join(
        f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]\n"
        for a, b in zip("abcdefghij", "bcdefghijk", strict=True)
    ),
    "aliases of a long text": 'a: &a "' + "x" * 100_000 + '"\nb: [' + "*a," * 100_000 + "]\n",
    "aliases that nest": "a0: &a0 [1]\n"
    + "".join(f"a{i}: &a{i} [[[*a{i - 1}]]]\n" for i in range(1, 2000)),
    "an anchor in itself": "a: &a [*a]\n",
    "deep brackets": "[" * 100_000,
    "deep braces": "{a: " * 100_000,
    "deep dashes": "- " * 50_000,
    "deep questions": "? " * 50_000,
    "deep json": '{"a":' * 100_000,
    "an endless name": "nnspec: 1\nname: " + "a" * 1_000_000,
    "an endless number": HEAD + f"layers: [{{type: dense, units: {'9' * 1_000_000}}}]",
    "an endless float": HEAD + f"layers: [{{type: dropout, rate: 0.{'9' * 1_000_000}}}]",
    "an endless expression": HEAD + 'layers: [{type: dense, units: "${' + "1+" * 500_000 + '1}"}]',
    "an expression of brackets": HEAD
    + 'layers: [{type: dense, units: "${'
    + "(" * 140
    + "1"
    + ")" * 140
    + '}"}]',
    "an expression of signs": HEAD + 'layers: [{type: dense, units: "${' + "-" * 290 + '1}"}]',
    "an expression of powers": HEAD + 'layers: [{type: dense, units: "${' + "1**" * 90 + '1}"}]',
    "texts that double": HEAD + "variables:\n  t0: abcdefgh\n" + DOUBLING + RELU,
    "lists that double": HEAD + "variables:\n  t0: [1]\n" + LISTS + RELU,
    "a chain of variables": HEAD + f"variables:\n{CHAIN}  v5000: 1\n" + RELU,
    "a million repeats": HEAD
    + "blocks: {b: {layers: [{type: relu}]}}\nlayers: [{type: b, repeat: 1000000}]\n",
    "repeats of repeats": HEAD
    + "blocks:\n  b0: {layers: [{type: relu}]}\n"
    + REPEATED_BLOCKS
    + "layers: [{type: b19}]\n",
    "blocks that double": HEAD
    + "blocks:\n  b0: {layers: [{type: relu}]}\n"
    + NESTED_BLOCKS
    + "layers: [{type: b30}]\n",
    "repeats with a long list": HEAD
    + "blocks: {b: {variables: {v: 1}, layers: [{type: relu}]}}\n"
    + f"layers: [{{type: b, repeat: 199999, v: [{'1,' * 9000}]}}]\n",
    "many unknown layers": HEAD
    + "layers:\n"
    + "".join(f"  - {{type: layer_{i}}}\n" for i in range(20_000)),
    "many unknown inputs": HEAD
    + "layers:\n"
    + "".join(
        f"  - {{type: relu, name: some_layer_{i}, inputs: no_layer_{i}}}\n" for i in range(5000)
    ),
    "a circle of many": HEAD
    + "layers:\n"
    + "".join(f"  - {{type: relu, name: l{i}, inputs: l{(i + 1) % 5000}}}\n" for i in range(5000)),
    "many axes": "nnspec: 1\nname: Net\ninputs: {features: {shape: ["
    + "9223372036854775807," * 100_000
    + "]}}\n"
    + RELU,
    "many bad axes": "nnspec: 1\nname: Net\ninputs: {features: {shape: ["
    + "-1," * 50_000
    + "]}}\n"
    + RELU,
    "many variables": HEAD
    + "variables:\n"
    + "".join(f"  v{i}: {i}\n" for i in range(20_000))
    + RELU,
    "a huge reshape": HEAD
    + "layers: [{type: reshape, shape: ["
    + "9223372036854775807," * 8
    + "]}]\n",
    "a nul": HEAD + "layers: [{type: relu\x00}]\n",
    "half a surrogate pair": HEAD + "layers: [{type: \ud800}]\n",
    "control characters": HEAD + 'layers: [{type: "\\e[2J\\b\\x07", name: "\\u202e"}]\n',
    "odd line ends": HEAD.replace("\n", "\r") + "layers: [{type: relu\x85\u2028, nme: 3}]\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_are_refused_soon_and_in_little_memory(name: str) -> None:
    text = HOSTILE[name]
    start = time.perf_counter()
    assert report_of(text) or name == "many variables"
    # Ten times what it takes, and a thousandth of what the text asks for.
    assert time.perf_counter() - start < 10
    tracemalloc.start()
    try:
        report_of(text)
        assert tracemalloc.get_traced_memory()[1] < 400 * 2**20
    finally:
        tracemalloc.stop()


def test_hostile_json_is_refused() -> None:
    for text in (
        '{"a":' * 100_000,
        "[" * 100_000,
        '"' + "a" * 1_000_000,
        "1" * 1_000_000,
        '"\\ud800"',
    ):
        assert report_of(text, is_json=True)


def test_marks_and_line_ends_change_nothing() -> None:
    plain = nnspec.loads(VALID)
    for text in ("\ufeff" + VALID, VALID.replace("\n", "\r\n"), VALID + "...\n", "---" + VALID):
        assert nnspec.loads(text).sha256 == plain.sha256
