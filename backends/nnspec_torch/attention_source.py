"""The source of the attention modules, with the arguments that a network gives and no others."""

from __future__ import annotations

from collections.abc import Iterator

from nnspec.emit.attention import (
    ALWAYS_ROTARY,
    attention_helpers,
    docstring,
    left_out,
    operands,
    query,
)
from nnspec.emit.code import wrap

MASKS = ("mask", "key_padding")


def _module(name: str, given: frozenset[str]) -> Iterator[str]:
    is_grouped = "kv_heads" in given
    yield f"class {name}(nn.Module):"
    what = "with fewer heads of k and v than of q" if is_grouped else "in several heads"
    yield from docstring(f"softmax(q kᵀ / √d) v {what}", given, MASKS)
    yield ""
    yield from _constructor(given)
    yield ""
    yield from _forward(given)


def _constructor(given: frozenset[str]) -> Iterator[str]:
    is_grouped = "kv_heads" in given
    optional = {
        "key_dim": "int | None = None",
        "value_dim": "int | None = None",
        "value_size": "int | None = None",
        "key_size": "int | None = None",
        "output_size": "int | None = None",
        "bias": f"bool = {not is_grouped}",
        "causal": "bool = False",
        "dropout": "float = 0.0",
        "rotary": "nn.Module | None = None",
    }
    arguments = ["self", "size: int", "heads: int", *(["kv_heads: int"] if is_grouped else [])]
    if ALWAYS_ROTARY in given:
        arguments += ["rotary: nn.Module"]
        del optional["rotary"]
    arguments += [f"{name}: {kind}" for name, kind in optional.items() if name in given]
    yield from _signature("__init__", arguments, "None")
    yield "        super().__init__()"
    for name in ("heads", "kv_heads", "causal", "dropout"):
        if name == "heads" or name in given:
            yield f"        self.{name} = {name}"
    if ALWAYS_ROTARY in given:
        yield "        self.rotary = rotary"
    elif "rotary" in given:
        yield "        self.rotary = nn.Identity() if rotary is None else rotary"
    value_size = key_size = "size"
    if "value_size" in given:
        yield "        value_size = value_size or size"
        value_size = key_size = "value_size"
    if "key_size" in given:
        key_size = f"key_size or {value_size}"
    queries = keys = "size"
    if "key_dim" in given:
        yield "        key_dim = key_dim or size // heads"
        queries = keys = "heads * key_dim"
    elif is_grouped or "value_dim" in given:
        yield "        key_dim = size // heads"
    if is_grouped:
        keys = "kv_heads * key_dim"
    values, attended = keys, queries
    if "value_dim" in given:
        yield "        values = heads * (value_dim or key_dim)"
        values = attended = "values"
    output = "output_size or size" if "output_size" in given else "size"
    bias = ", bias=bias" if "bias" in given else ", bias=False" if is_grouped else ""
    for name, rows, columns in (
        ("q", "size", queries),
        ("k", key_size, keys),
        ("v", value_size, values),
        ("out", attended, output),
    ):
        yield from wrap(f"self.{name} = nn.Linear({rows}, {columns}{bias})", 8)
    yield "        self.reset_parameters()"
    yield ""
    yield "    def reset_parameters(self) -> None:"
    yield "        for linear in (self.q, self.k, self.v, self.out):"
    yield "            nn.init.xavier_uniform_(linear.weight)"
    if "bias" in given:
        yield "            if linear.bias is not None:"
        yield "                nn.init.zeros_(linear.bias)"
    elif not is_grouped:
        yield "            nn.init.zeros_(linear.bias)"


def _forward(given: frozenset[str]) -> Iterator[str]:
    masks = [name for name in MASKS if name in given]
    optional = [name for name in ("value", "key") if name in given] + masks
    arguments = ["self", f"{query(given)}: Tensor"]
    arguments += [f"{name}: Tensor | None = None" for name in optional]
    yield from _signature("forward", arguments, "Tensor")
    yield from left_out(given)
    for name, x, heads in operands(given):
        yield f"        {name} = self.{name}({x}).unflatten(-1, (self.{heads}, -1)).transpose(1, 2)"
    if "rotary" in given:
        yield "        q, k = self.rotary(q), self.rotary(k)"
    yield from _masking(given)
    attention = ["q", "k", "v"]
    if masks:
        attention += ["attn_mask=mask"]
    if "dropout" in given:
        attention += ["dropout_p=self.dropout if self.training else 0.0"]
    if "causal" in given:
        attention += [f"is_causal=self.causal{' and mask is None' if masks else ''}"]
    if "kv_heads" in given:
        attention += ["enable_gqa=True"]
    yield from wrap(f"y = F.scaled_dot_product_attention({', '.join(attention)})", 8)
    if masks:
        # torch.onnx exports the attention so that such a query gives the mean of all values.
        yield "        if mask is not None:  # a query that may attend to nothing gives 0"
        yield "            y = y.masked_fill(~mask.any(-1, keepdim=True), 0.0)"
    yield "        return self.out(y.transpose(1, 2).flatten(2))"


def _masking(given: frozenset[str]) -> Iterator[str]:
    if "mask" in given:
        same = "mask is not None and mask.dim() == 3"
        if "kv_heads" in given:
            yield "        if mask is not None:"
        else:
            yield f"        if {same}:  # the same for every head"
        yield "            mask = mask[:, None]"
    if given.issuperset(MASKS):
        yield "        if key_padding is not None:"
        yield "            padding = key_padding[:, None, None]"
        yield "            mask = padding if mask is None else mask & padding"
    elif "key_padding" in given:
        yield "        mask = None if key_padding is None else key_padding[:, None, None]"
    if "causal" in given and given.intersection(MASKS):
        yield "        if mask is not None and self.causal:"
        yield "            mask = mask & mask.new_ones(q.shape[2], k.shape[2]).tril()"


def _signature(name: str, arguments: list[str], result: str) -> Iterator[str]:
    line = f"def {name}({', '.join(arguments)}) -> {result}:"
    yield from wrap(line, 4)


SPECIALISED = attention_helpers(_module, MASKS)
