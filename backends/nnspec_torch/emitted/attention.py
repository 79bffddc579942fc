"""Attention in several heads."""

import torch.nn.functional as F
from torch import Tensor, nn


class MultiHeadAttention(nn.Module):
    """softmax(q kᵀ / √d) v in several heads.

    query (batch, time, size), value and key (batch, length, size) -> (batch, time, out);
    masks are True where attended.
    """

    def __init__(
        self,
        size: int,
        heads: int,
        key_dim: int | None = None,
        value_dim: int | None = None,
        value_size: int | None = None,
        key_size: int | None = None,
        output_size: int | None = None,
        bias: bool = True,
        causal: bool = False,
        dropout: float = 0.0,
        scale: float | None = None,
    ) -> None:
        super().__init__()
        self.heads = heads
        self.causal = causal
        self.dropout = dropout
        self.scale = scale
        value_size = value_size or size
        key_dim = key_dim or size // heads
        values = heads * (value_dim or key_dim)
        self.q = nn.Linear(size, heads * key_dim, bias=bias)
        self.k = nn.Linear(key_size or value_size, heads * key_dim, bias=bias)
        self.v = nn.Linear(value_size, values, bias=bias)
        self.out = nn.Linear(values, output_size or size, bias=bias)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for linear in (self.q, self.k, self.v, self.out):
            nn.init.xavier_uniform_(linear.weight)
            if linear.bias is not None:
                nn.init.zeros_(linear.bias)

    def forward(
        self,
        query: Tensor,
        value: Tensor | None = None,
        key: Tensor | None = None,
        mask: Tensor | None = None,
        key_padding: Tensor | None = None,
        score_bias: Tensor | None = None,
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
        if score_bias is not None and score_bias.dim() == 3:  # the same for every head
            score_bias = score_bias[:, None]
        if score_bias is not None and self.causal:
            past = q.new_ones(q.shape[2], k.shape[2]).tril()
            score_bias = score_bias.masked_fill(past == 0, float("-inf"))
        if score_bias is not None and mask is not None:
            score_bias = score_bias.masked_fill(~mask, float("-inf"))
        y = F.scaled_dot_product_attention(
            q,
            k,
            v,
            attn_mask=mask if score_bias is None else score_bias,
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=self.causal and mask is None and score_bias is None,
            scale=self.scale,
        )
        if mask is not None:  # a query that may attend to nothing gives 0
            y = y.masked_fill(~mask.any(-1, keepdim=True), 0.0)
        return self.out(y.transpose(1, 2).flatten(2))


class GroupedQueryAttention(nn.Module):
    """softmax(q kᵀ / √d) v with fewer heads of k and v than of q.

    query (batch, time, size), value and key (batch, length, size) -> (batch, time, out);
    masks are True where attended.
    """

    def __init__(
        self,
        size: int,
        heads: int,
        kv_heads: int,
        key_dim: int | None = None,
        value_size: int | None = None,
        key_size: int | None = None,
        output_size: int | None = None,
        bias: bool = False,
        causal: bool = False,
        dropout: float = 0.0,
        scale: float | None = None,
        rotary: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.heads = heads
        self.kv_heads = kv_heads
        self.causal = causal
        self.dropout = dropout
        self.scale = scale
        self.rotary = rotary
        value_size = value_size or size
        key_dim = key_dim or size // heads
        self.q = nn.Linear(size, heads * key_dim, bias=bias)
        self.k = nn.Linear(key_size or value_size, kv_heads * key_dim, bias=bias)
        self.v = nn.Linear(value_size, kv_heads * key_dim, bias=bias)
        self.out = nn.Linear(heads * key_dim, output_size or size, bias=bias)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for linear in (self.q, self.k, self.v, self.out):
            nn.init.xavier_uniform_(linear.weight)
            if linear.bias is not None:
                nn.init.zeros_(linear.bias)

    def forward(
        self,
        query: Tensor,
        value: Tensor | None = None,
        key: Tensor | None = None,
        mask: Tensor | None = None,
        key_padding: Tensor | None = None,
        score_bias: Tensor | None = None,
    ) -> Tensor:
        value = query if value is None else value
        key = value if key is None else key
        q = self.q(query).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        k = self.k(key).unflatten(-1, (self.kv_heads, -1)).transpose(1, 2)
        v = self.v(value).unflatten(-1, (self.kv_heads, -1)).transpose(1, 2)
        if self.rotary is not None:
            q, k = self.rotary(q), self.rotary(k)
        if mask is not None and mask.dim() == 3:  # the same for every head
            mask = mask[:, None]
        if key_padding is not None:
            padding = key_padding[:, None, None]
            mask = padding if mask is None else mask & padding
        if mask is not None and self.causal:
            mask = mask & mask.new_ones(q.shape[2], k.shape[2]).tril()
        if score_bias is not None and score_bias.dim() == 3:  # the same for every head
            score_bias = score_bias[:, None]
        if score_bias is not None and self.causal:
            past = q.new_ones(q.shape[2], k.shape[2]).tril()
            score_bias = score_bias.masked_fill(past == 0, float("-inf"))
        if score_bias is not None and mask is not None:
            score_bias = score_bias.masked_fill(~mask, float("-inf"))
        y = F.scaled_dot_product_attention(
            q,
            k,
            v,
            attn_mask=mask if score_bias is None else score_bias,
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=self.causal and mask is None and score_bias is None,
            scale=self.scale,
            enable_gqa=True,
        )
        if mask is not None:  # a query that may attend to nothing gives 0
            y = y.masked_fill(~mask.any(-1, keepdim=True), 0.0)
        return self.out(y.transpose(1, 2).flatten(2))
