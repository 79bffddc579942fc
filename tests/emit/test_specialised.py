"""Classes with the arguments that a network gives: the whole one, and what folding leaves."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest

from nnspec.emit.code import Call
from nnspec.emit.helpers import Use
from nnspec.emit.loading import load_source
from nnspec.emit.specialised import Specialisation, specialised
from nnspec.emit.tree import MODULE, Input, apply
from nnspec_keras.attention_source import GIVEN as GIVEN_TO_KERAS
from nnspec_keras.attention_source import MASKS as MASKS_OF_KERAS
from nnspec_keras.attention_source import SPECIALISED as IN_KERAS
from nnspec_keras.helpers import HELPERS as OF_KERAS
from nnspec_torch.attention_source import GIVEN as GIVEN_TO_TORCH
from nnspec_torch.attention_source import MASKS as MASKS_OF_TORCH
from nnspec_torch.attention_source import SPECIALISED as IN_TORCH
from nnspec_torch.helpers import HELPERS as OF_TORCH
from tests.formatting import assert_clean

WHOLE = '''\
class Whole(Base):
    """The whole class."""

    def __init__(
        self, size: int, rate: float = 0.0, width: int | None = None, bias: bool = True
    ) -> None:
        super().__init__()
        self.rate = rate
        self.noise = Noise(size)
        width = width or size // 4
        self.first = Linear(size, 4 * width, bias=bias)
        self.last = Linear(2 * width, size)

    def forward(self, query: Tensor, value: Tensor | None = None) -> Tensor:
        value = query if value is None else value
        y = self.first(query) + self.last(value)
        if self.rate and value.training:  # never at inference
            y = self.noise(y, rate=self.rate)
        return y
'''


def folded(**keywords: Any) -> str:
    settings: dict[str, Any] = {"docstring": ['"""What is left."""'], "given": (), **keywords}
    return specialised(WHOLE, Specialisation(**settings))


def test_what_is_given_stays_as_it_is_written() -> None:
    every = {"rate", "width", "bias", "value"}
    assert folded(given=every, docstring=['"""The whole class."""']) == WHOLE.rstrip()


def test_what_no_use_gives_goes_and_all_that_follows_from_it() -> None:
    text = folded(renamed={"query": "x"}, defaults={"Linear": {"bias": True}})
    expected = '''\
class Whole(Base):
    """What is left."""

    def __init__(self, size: int) -> None:
        super().__init__()
        width = size // 4
        self.first = Linear(size, size)
        self.last = Linear(2 * width, size)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x) + self.last(x)
        return y'''
    assert text == expected


def test_a_parameter_that_every_use_gives_has_no_default_and_comes_first() -> None:
    text = folded(given={"width", "rate"}, required=["width"])
    assert "def __init__(self, size: int, width: int, rate: float = 0.0) -> None:" in text
    assert "Linear(size, 4 * width, bias=True)" in text
    assert "        if self.rate and query.training:  # never at inference\n" in text


PROGRAM = '''\
def watch(logs, rows):
    """Return what is watched."""
    if not math.isfinite(logs[WATCHED]):
        raise SystemExit(f"{WATCHED} is {logs[0]} in {rows + 1}")
    for name in logs:
        if HAS_MEAN and name in rows:
            rows = name
    if IS_SINGLE:
        return logs[WATCHED]
    return logs
'''


def test_constants_of_a_file_have_the_values_that_a_network_decides() -> None:
    values = {"WATCHED": "val_loss", "HAS_MEAN": True, "IS_SINGLE": True}
    assert (
        specialised(PROGRAM, Specialisation(values=values))
        == '''\
def watch(logs, rows):
    """Return what is watched."""
    if not math.isfinite(logs["val_loss"]):
        raise SystemExit(f"val_loss is {logs[0]} in {rows + 1}")
    for name in logs:
        if name in rows:
            rows = name
    return logs["val_loss"]'''
    )
    others = {**values, "HAS_MEAN": False, "IS_SINGLE": False}
    assert (
        specialised(PROGRAM, Specialisation(values=others))
        == '''\
def watch(logs, rows):
    """Return what is watched."""
    if not math.isfinite(logs["val_loss"]):
        raise SystemExit(f"val_loss is {logs[0]} in {rows + 1}")
    return logs'''
    )


class Case(NamedTuple):
    """An attention: how it is made, how many inputs it has, and which of its masks are given."""

    name: str
    keywords: Mapping[str, object]
    inputs: int = 1
    masks: Sequence[int] = ()


SIZES: dict[str, object] = {"key_dim": 5, "value_dim": 3, "output_size": 7}
CASES = [
    Case("MultiHeadAttention", {}),
    Case("MultiHeadAttention", {"causal": True}),
    Case("MultiHeadAttention", {"key_dim": 5}, 2),
    Case("MultiHeadAttention", {"value_dim": 3, "bias": False}, 3),
    Case("MultiHeadAttention", {**SIZES, "bias": False, "causal": True}, 1, (0,)),
    Case("MultiHeadAttention", {"causal": True}, 1, (1,)),
    Case("MultiHeadAttention", {"dropout": 0.5}, 1, (0, 1)),
    Case("MultiHeadAttention", {**SIZES, "causal": True, "dropout": 0.5}, 3, (0, 1)),
    Case("GroupedQueryAttention", {"kv_heads": 2}),
    Case("GroupedQueryAttention", {"kv_heads": 2, "rotary": True}),
    Case("GroupedQueryAttention", {"kv_heads": 1, "causal": True, "bias": True}, 2),
    Case("GroupedQueryAttention", {"kv_heads": 2, "key_dim": 6, "rotary": True}, 1, (0,)),
    Case("GroupedQueryAttention", {"kv_heads": 2, "output_size": 5, "causal": True}, 1, (0, 1)),
    Case("GroupedQueryAttention", {"kv_heads": 2, "causal": True, "dropout": 0.5}, 1, (1,)),
]


def use(case: Case, masks: Sequence[str], keywords: Mapping[str, object]) -> Use:
    given = [Input(i) for i in range(case.inputs)]
    named = {masks[i]: Input(case.inputs + n) for n, i in enumerate(case.masks)}
    made = Call(case.name, (), (("heads", 4), *keywords.items()))
    return Use(made, apply(MODULE, *given, **named))


def arrays(case: Case) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return inputs (2, 6, 8), and the masks; in the second row one query may attend to nothing."""
    random = np.random.default_rng(0)
    mask = random.random((2, 6, 6)) < 0.7
    mask[1, 3] = False
    padding = np.arange(6) < np.array([[6], [4]])
    inputs = [random.normal(size=(2, 6, 8)) for _ in range(case.inputs)]
    return inputs, [(mask, padding)[i] for i in case.masks]


def module(header: str, text: str) -> ModuleType:
    return load_source(f"{header}\n\n\n{text}\n", "attention")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_folding_leaves_computes_the_same_in_torch(case: Case) -> None:
    import torch

    from nnspec_torch.emitted import attention, embedding

    keywords = dict(case.keywords)
    rotary = bool(keywords.pop("rotary", False))
    header = "import torch.nn.functional as F\nfrom torch import Tensor, nn"
    uses = [use(case, MASKS_OF_TORCH, case.keywords)]
    text = IN_TORCH[case.name](OF_TORCH[case.name], uses)
    made = []
    for cls in (getattr(attention, case.name), getattr(module(header, text), case.name)):
        size = keywords.get("key_dim") or 2
        given = {"rotary": embedding.RotaryPosition(size, 6)} if rotary else {}
        made.append(cls(8, 4, **keywords, **given).double().eval())
    whole, special = made
    special.load_state_dict(whole.state_dict())
    inputs, masks = (list(map(torch.from_numpy, each)) for each in arrays(case))
    named = {MASKS_OF_TORCH[i]: mask for i, mask in zip(case.masks, masks, strict=True)}
    torch.testing.assert_close(special(*inputs, **named), whole(*inputs, **named))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_folding_leaves_computes_the_same_in_keras(case: Case) -> None:
    from nnspec_keras.emitted import attention, embedding

    keywords = {("use_bias" if k == "bias" else k): v for k, v in case.keywords.items()}
    uses = [use(case, MASKS_OF_KERAS, keywords)]
    text = IN_KERAS[case.name](OF_KERAS[case.name], uses)
    if "rotary" in keywords:
        keywords["rotary"] = embedding.RotaryPosition(dtype="float64")
    inputs, masks = arrays(case)
    named = {MASKS_OF_KERAS[i]: mask for i, mask in zip(case.masks, masks, strict=True)}
    emitted = module("import keras\nfrom keras import layers, ops", text)
    whole, special = (
        getattr(each, case.name)(4, **keywords, dtype="float64") for each in (attention, emitted)
    )
    expected = whole(*inputs, **named)
    special(*inputs, **named)
    special.set_weights(whole.get_weights())
    np.testing.assert_allclose(special(*inputs, **named), expected, rtol=1e-12, atol=1e-12)
    again = type(special).from_config(special.get_config())
    assert without_modules(again.get_config()) == without_modules(special.get_config())


def without_modules(config: Any) -> Any:
    """Return a configuration without the file of each class: a process has many of one name."""
    if not isinstance(config, dict):
        return config
    return {key: without_modules(value) for key, value in config.items() if key != "module"}


def combinations() -> Iterator[Case]:
    options = [{}, {"key_dim": 5}, {"output_size": 7}, {"causal": True}, {"dropout": 0.5}]
    for n, (first, second) in enumerate(itertools.product(options, options)):
        grouped: dict[str, object] = {"kv_heads": 2, **({"rotary": True} if n % 2 else {})}
        masks = ((), (0,), (1,), (0, 1))[n % 4]
        inputs = 1 + n % 3
        yield Case("MultiHeadAttention", {**first, **second, "bias": False}, inputs, masks)
        yield Case("GroupedQueryAttention", {**grouped, **first, **second}, inputs, masks)


def test_ruff_accepts_whatever_folding_leaves(tmp_path: Path) -> None:
    for i, case in enumerate(combinations()):
        text = IN_TORCH[case.name](OF_TORCH[case.name], [use(case, MASKS_OF_TORCH, case.keywords)])
        header = "import torch.nn.functional as F\nfrom torch import Tensor, nn\n\n\n"
        (tmp_path / f"torch{i}.py").write_text(f"{header}{text}\n", encoding="utf-8")
        keywords = {("use_bias" if k == "bias" else k): v for k, v in case.keywords.items()}
        if i % 3:
            keywords["kernel_initializer"] = "he_normal"
        text = IN_KERAS[case.name](OF_KERAS[case.name], [use(case, MASKS_OF_KERAS, keywords)])
        header = "import keras\nfrom keras import layers, ops\n\n\n"
        (tmp_path / f"keras{i}.py").write_text(f"{header}{text}\n", encoding="utf-8")
    assert_clean(tmp_path)


@pytest.mark.parametrize("name", ["MultiHeadAttention", "GroupedQueryAttention"])
def test_with_all_of_its_arguments_it_is_the_whole_class(name: str) -> None:
    keywords: dict[str, object] = dict.fromkeys(
        ["value_size", "key_size", "key_dim", "output_size", "causal", "dropout", "scale"]
    )
    mixed = dict.fromkeys(["kv_heads"]) if name.startswith("Grouped") else {"value_dim": None}
    rotary = {"rotary": None} if name.startswith("Grouped") else {}
    whole = Case(name, {}, 3, (0, 1, 2))
    for known, special, masks, others in (
        (OF_TORCH, IN_TORCH, GIVEN_TO_TORCH, ["bias"]),
        (OF_KERAS, IN_KERAS, GIVEN_TO_KERAS, ["use_bias", "kernel_initializer", "initializers"]),
    ):
        given = {**keywords, **mixed, **dict.fromkeys(others)}
        uses = [
            use(whole, masks, each)._replace(rank=rank)
            for rank, each in enumerate((given, {**given, **rotary}), start=2)
        ]
        text = special[name](known[name], uses)
        if known is OF_TORCH:
            assert text == known[name].text
        else:
            # The branch of those that have no mask is there for networks whose calls have none.
            assert len(text.splitlines()) == len(known[name].text.splitlines()) - 7
