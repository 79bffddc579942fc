"""Attention in PyTorch: a module that the emitted source defines, and its calls."""

from __future__ import annotations

from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered
from nnspec.layers import GroupedQueryAttention, MultiHeadAttention

_MULTI_HEAD = '''\
class MultiHeadAttention(nn.Module):
    """softmax(q kᵀ / √d) v in several heads; masks are True where attended.

    query (batch, time, size), value and key (batch, length, size) -> (batch, time, out).
    """

    def __init__(
        self,
        size: int,
        heads: int,
        key_dim: int,
        value_dim: int | None = None,
        value_size: int | None = None,
        key_size: int | None = None,
        output_size: int | None = None,
        bias: bool = True,
        causal: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.heads = heads
        self.causal = causal
        self.dropout = dropout
        value_size = value_size or size
        values = heads * (value_dim or key_dim)
        self.q = nn.Linear(size, heads * key_dim, bias=bias)
        self.k = nn.Linear(key_size or value_size, heads * key_dim, bias=bias)
        self.v = nn.Linear(value_size, values, bias=bias)
        self.out = nn.Linear(values, output_size or size, bias=bias)

    def forward(
        self,
        query: Tensor,
        value: Tensor | None = None,
        key: Tensor | None = None,
        mask: Tensor | None = None,
        key_padding: Tensor | None = None,
    ) -> Tensor:
        value = query if value is None else value
        key = value if key is None else key
        q = self.q(query).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        k = self.k(key).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        v = self.v(value).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        if mask is not None and mask.dim() == 3:  # the same for every head
            mask = mask[:, None]
        if key_padding is not None:
            padding = key_padding[:, None, None]
            mask = padding if mask is None else mask & padding
        if mask is not None and self.causal:
            mask = mask & mask.new_ones(q.shape[2], k.shape[2]).tril()
        y = F.scaled_dot_product_attention(
            q,
            k,
            v,
            attn_mask=mask,
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=self.causal and mask is None,
        )
        return self.out(y.transpose(1, 2).flatten(2))
'''

_GROUPED_QUERY = (
    _MULTI_HEAD.replace("class MultiHead", "class GroupedQuery")
    .replace("in several heads;", "with fewer heads of k and v than of q;")
    .replace(
        "        key_dim: int,\n        value_dim: int | None = None,\n",
        "        kv_heads: int,\n        key_dim: int,\n",
    )
    .replace("bias: bool = True", "bias: bool = False")
    .replace(
        "dropout: float = 0.0,\n    )",
        "dropout: float = 0.0,\n        rotary: nn.Module | None = None,\n    )",
    )
    .replace(
        "        self.heads = heads\n",
        "        self.heads = heads\n        self.kv_heads = kv_heads\n",
    )
    .replace(
        "self.dropout = dropout\n",
        "self.dropout = dropout\n"
        "        self.rotary = nn.Identity() if rotary is None else rotary\n",
    )
    .replace("        values = heads * (value_dim or key_dim)\n", "")
    .replace(
        "key_size or value_size, heads * key_dim", "key_size or value_size, kv_heads * key_dim"
    )
    .replace("value_size, values,", "value_size, kv_heads * key_dim,")
    .replace("nn.Linear(values,", "nn.Linear(heads * key_dim,")
    .replace("self.k(key).unflatten(-1, (self.heads", "self.k(key).unflatten(-1, (self.kv_heads")
    .replace(
        "self.v(value).unflatten(-1, (self.heads", "self.v(value).unflatten(-1, (self.kv_heads"
    )
    .replace(
        "        if mask is not None and mask.dim() == 3:  # the same for every head\n",
        "        q, k = self.rotary(q), self.rotary(k)\n        if mask is not None:\n",
    )
    .replace(
        "is_causal=self.causal and mask is None,\n",
        "is_causal=self.causal and mask is None,\n            enable_gqa=True,\n",
    )
)

HELPERS = {
    "MultiHeadAttention": _MULTI_HEAD.rstrip(),
    "GroupedQueryAttention": _GROUPED_QUERY.rstrip(),
}


def attention(layer: MultiHeadAttention | GroupedQueryAttention, context: Context) -> Lowered:
    """A module around F.scaled_dot_product_attention."""
    sizes = layer.sizes(tuple(kind.shape for kind in context.inputs))
    query, value, key = sizes.features
    keywords: dict[str, object] = {"heads": sizes.heads}
    if isinstance(layer, GroupedQueryAttention):
        keywords["kv_heads"] = sizes.kv_heads
    keywords["key_dim"] = sizes.key_dim
    optional = {
        "value_dim": (sizes.value_dim, sizes.key_dim),
        "value_size": (value, query),
        "key_size": (key, value),
        "output_size": (sizes.output_dim, query),
        "bias": (layer.use_bias, isinstance(layer, MultiHeadAttention)),
        "causal": (layer.causal, False),
        "dropout": (float(layer.dropout), 0.0),
    }
    keywords |= {name: given for name, (given, usual) in optional.items() if given != usual}
    if layer.rotary_base is not None:
        base = {} if layer.rotary_base == 10000.0 else {"base": layer.rotary_base}
        keywords["rotary"] = call("RotaryPosition", **base)
    name = type(layer).__name__
    return Lowered(
        f"{{module}}({arguments(layer, context)})", call(name, ("size", query), **keywords)
    )


def arguments(layer: MultiHeadAttention | GroupedQueryAttention, context: Context) -> str:
    """Return the inputs in order, masks by keyword."""
    plain = len(context.inputs) - layer.masks
    texts = [f"{{{i}}}" for i in range(plain)]
    for name in layer.named_inputs:
        if getattr(layer, name) is not None:
            texts.append(f"{name}={{{len(texts)}}}")
    return ", ".join(texts)
