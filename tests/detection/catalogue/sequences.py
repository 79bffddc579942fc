"""Faults of recurrent layers, attention and positions."""

from __future__ import annotations

from tests.detection.catalogue import onnx_edits as onnx
from tests.detection.catalogue.edits import either, keyword, of_module, text
from tests.detection.catalogue.kinds import Kind

RECURRENT = ("lstm", "gru", "simple_rnn", "bidirectional")
ATTENTION = ("multi_head_attention", "grouped_query_attention", "attention")

KINDS = (
    Kind(
        "last-state-first", "The first state of a sequence stands for the last",
        ("SEMANTICS 1.5 last output",),
        torch=either(text(r"self\.(last|read|memory)\((.*?)\)\[1\]\[0\]\[0\]", r"self.\1(\2)[0][:, 0]"),
                     text(r"self\.(last|read|memory)\((\w+)\)\[1\]\[0\]", r"self.\1(\2)[0][:, 0]")),
        layers=RECURRENT,
    ),
    Kind(
        "states-for-last", "All states are averaged where the last is asked for",
        ("SEMANTICS 1.5 last output",),
        torch=text(r"self\.(last|read|memory)\((\w+)\)\[1\]\[0\](?:\[0\])?", r"self.\1(\2)[0].mean(1)"),
        layers=RECURRENT,
    ),
    Kind(
        "cell-for-state", "The cell of an LSTM stands for its state", ("SEMANTICS 1.5 last output",),
        torch=text(r"\)\[1\]\[0\]\[0\]", ")[1][1][0]"),
        layers=RECURRENT,
    ),
    Kind(
        "time-reversed", "A recurrent layer reads backwards", ("SEMANTICS 1.5 go_backwards",),
        torch=of_module(r"nn\.(LSTM|GRU|RNN)", "{function}(({0}).flip(1))"),
        keras=keyword(r"layers\.(LSTM|GRU|SimpleRNN)", go_backwards="True"),
        onnx=onnx.attribute("LSTM GRU RNN", "direction", lambda old: b"reverse" if old in (None, b"forward") else old),
        layers=RECURRENT,
    ),
    Kind(
        "time-axis", "The batch is read as time", ("SEMANTICS 1.5 time axis",),
        torch=keyword(r"nn\.(LSTM|GRU|RNN)", batch_first=None),
        layers=RECURRENT,
    ),
    Kind(
        "gru-resets-before", "A GRU resets before the product", ("SEMANTICS 1.5 GRU reset_after=False",),
        onnx=onnx.attribute("GRU", "linear_before_reset", None),
        keras=keyword(r"layers\.GRU", reset_after="False"),
        layers=RECURRENT,
    ),
    Kind(
        "recurrent-activation", "A recurrent layer has another activation, or Keras 2's hard sigmoid",
        ("SEMANTICS 1.5 activations",),
        torch=keyword(r"nn\.RNN", nonlinearity='"relu"'),
        keras=either(keyword(r"layers\.(LSTM|GRU)", recurrent_activation='"hard_sigmoid"'),
                     keyword(r"layers\.(LSTM|GRU|SimpleRNN)", activation='"relu"')),
        layers=RECURRENT,
    ),
    Kind(
        "recurrent-bias-lost", "A recurrent layer adds no bias", ("SEMANTICS 1.5 LSTM bias",),
        keras=keyword(r"layers\.(LSTM|GRU|SimpleRNN)", use_bias="False"),
        onnx=onnx.without_input("LSTM GRU RNN", 3),
        layers=RECURRENT,
    ),
    Kind(
        "initial-state-lost", "A recurrent layer begins at 0, and not at what it is given",
        ("SEMANTICS 1.5 initial state",),
        torch=text(r"run_recurrent\(self\.future, x, read,", "run_recurrent(self.future, x, torch.zeros_like(read),"),
        onnx=onnx.without_input("GRU LSTM RNN", 5),
        layers=RECURRENT,
    ),
    Kind(
        "directions-merged", "The two directions are added, or stand the other way round",
        ("SEMANTICS 1.5 bidirectional",),
        torch=either(text(r"self\.both\(x\)\[0\]", "torch.cat(self.both(x)[0].chunk(2, -1)[::-1], -1)"),
                     text(r"self\.states\((\w+)\)\[0\]", r"torch.cat(self.states(\1)[0].chunk(2, -1)[::-1], -1)")),
        layers=RECURRENT,
    ),
    Kind(
        "backwards-not-turned", "The states of the second direction stay in the order of its reading",
        ("SEMANTICS 1.5 last output", "SEMANTICS 1.5 go_backwards"),
        torch=text(r"self\.both\(x\)\[0\]",
                   "torch.cat((self.both(x)[0][..., :4], self.both(x)[0][..., 4:].flip(1)), -1)"),
        layers=RECURRENT,
    ),
    Kind(
        "causal-mask-lost", "The causal mask is left out", ("SEMANTICS 1.6 causal, Tq≠Tk",),
        torch=either(text(r"is_causal=self\.causal", "is_causal=False"), text(r"causal=True", "causal=False")),
        keras=text(r"causal=True", "causal=False"),
        layers=ATTENTION,
    ),
    Kind(
        "causal-mask-added", "Attention is causal where it should not be", ("SEMANTICS 1.6 causal, Tq≠Tk",),
        torch=text(r"F\.scaled_dot_product_attention\(q, k, v\)", "F.scaled_dot_product_attention(q, k, v, is_causal=True)"),
        layers=ATTENTION,
    ),
    Kind(
        "causal-mask-shifted", "A token does not see itself, or sees the next",
        ("SEMANTICS 1.6 causal, Tq≠Tk",),
        torch=text(r"F\.scaled_dot_product_attention\(\s*q, k, v, is_causal=self\.causal",
                   "F.scaled_dot_product_attention(q, k, v, attn_mask=torch.ones(q.shape[-2], k.shape[-2], "
                   "dtype=torch.bool).tril(1 if self.causal else 99)"),
        keras=text(r"past = rows >= ops\.arange\(ops\.shape\(k\)\[2\]\)", "past = rows + 1 >= ops.arange(ops.shape(k)[2])"),
        layers=ATTENTION,
    ),
    Kind(
        "mask-inverted", "A mask says what to leave out, and is read as what to keep",
        ("SEMANTICS 1.6 mask polarity",),
        torch=either(text(r"attn_mask=mask", "attn_mask=~mask"), text(r"masked_fill\(~", "masked_fill("),
                     text(r"attn_mask=(\w+)(?=[,)])", r"attn_mask=-\1 if \1.is_floating_point() else ~\1")),
        keras=text(r"ops\.where\((mask|past|attention_mask), scores, -1e30\)", r"ops.where(\1, -1e30, scores)"),
        layers=ATTENTION,
    ),
    Kind(
        "attention-scale", "Attention lacks its scale, or has that of the whole width",
        ("SEMANTICS 1.6 scale",),
        torch=either(text(r"F\.scaled_dot_product_attention\(\s*q,", "F.scaled_dot_product_attention(q * q.shape[-1] ** 0.5,"),
                     text(r"F\.scaled_dot_product_attention\(\s*q,", "F.scaled_dot_product_attention(q / self.heads ** 0.5,")),
        keras=text(r" \* q\.shape\[-1\] \*\* -0\.5", " * 1.0"),
        layers=ATTENTION,
    ),
    Kind(
        "attention-heads-mixed", "Heads are cut from the features in another order",
        ("SEMANTICS 1.6 MHA weights",),
        torch=either(text(r"self\.q\((\w+)\)\.unflatten\(-1, \(self\.heads, -1\)\)\.transpose\(1, 2\)",
                          r"self.q(\1).unflatten(-1, (-1, self.heads)).permute(0, 3, 1, 2)"),
                     text(r"y\.transpose\(1, 2\)\.flatten\(2\)", "y.permute(0, 2, 3, 1).flatten(2)")),
        layers=ATTENTION,
    ),
    Kind(
        "attention-not-transposed", "Heads are merged without being put behind time",
        ("SEMANTICS 1.6 SDPA kernel",),
        torch=text(r"y\.transpose\(1, 2\)\.flatten\(2\)", "y.reshape(y.shape[0], y.shape[2], -1)"),
        layers=ATTENTION,
    ),
    Kind(
        "attention-query-as-key", "Keys stand for values", ("SEMANTICS 1.6 MHA weights",),
        keras=text(r"ops\.matmul\(weights, v\)", "ops.matmul(weights, k)"),
        layers=ATTENTION,
    ),
    Kind(
        "attention-grouped-order", "Keys of groups are repeated in another order", ("SEMANTICS 1.6 GQA",),
        torch=text(r"scaled_dot_product_attention\(\s*q, k, v, is_causal=self\.causal, enable_gqa=True\s*\)",
                   "scaled_dot_product_attention(q, k.repeat(1, self.heads // self.kv_heads, 1, 1), "
                   "v.repeat(1, self.heads // self.kv_heads, 1, 1), is_causal=self.causal)"),
        layers=ATTENTION,
    ),
    Kind(
        "attention-no-output", "The projection after attention is left out", ("SEMANTICS 1.6 MHA weights",),
        torch=text(r"return self\.out\(y\.transpose\(1, 2\)\.flatten\(2\)\)", "return y.transpose(1, 2).flatten(2)"),
        layers=ATTENTION,
    ),
    Kind(
        "attention-softmax-axis", "The softmax of attention runs over the queries",
        ("SEMANTICS 2 softmax/log_softmax",),
        keras=text(r"weights = ops\.softmax\(scores\)", "weights = ops.softmax(scores, axis=-2)"),
        onnx=onnx.attribute("Softmax", "axis", lambda old: -2 if old in (-1, 3) else old),
        layers=(*ATTENTION, "softmax"),
    ),
    Kind(
        "rotary-base", "The angles of rotary positions have another base", ("SEMANTICS 1.6 rotary",),
        torch=text(r"angles = times\[:, None\] \* base\*\*-exponents", "angles = times[:, None] * 500000.0**-exponents"),
        keras=text(r"self\.base\*\*exponent", "500000.0**exponent"),
        layers=(*ATTENTION, "sinusoidal_position", "rotary_position"),
    ),
    Kind(
        "rotary-interleaved", "Rotary positions turn neighbours, and not halves", ("SEMANTICS 1.6 rotary",),
        torch=text(r"first, last = x\.chunk\(2, dim=-1\)\n\s+return torch\.cat\((.*), dim=-1\)",
                   r"first, last = x[..., ::2], x[..., 1::2]; return torch.stack(\1, dim=-1).flatten(-2)"),
        layers=ATTENTION,
    ),
    Kind(
        "rotary-sign", "Rotary positions turn the other way", ("SEMANTICS 1.6 rotary",),
        torch=text(r"first \* cos - last \* sin, last \* cos \+ first \* sin", "first * cos + last * sin, last * cos - first * sin"),
        layers=ATTENTION,
    ),
    Kind(
        "positions-shifted", "Positions begin at 1, or are those of before", ("SEMANTICS 1.6 sinusoidal / learned",),
        torch=either(text(r"self\.waves\[: x\.shape\[1\]\]", "self.waves[1 : x.shape[1] + 1]"),
                     text(r"self\.positions\.weight\b(?!\[)", "self.positions.weight.roll(1, 0)"),
                     text(r"self\.cos\[:time\]\.to\(x\.dtype\), self\.sin\[:time\]",
                          "self.cos[1 : time + 1].to(x.dtype), self.sin[1 : time + 1]")),
        keras=either(text(r"times = ops\.cast\(ops\.arange\(time\)", "times = ops.cast(ops.arange(1, time + 1)"),
                     text(r"return x \+ self\.embeddings\[: ops\.shape\(x\)\[1\]\]",
                          "return x + ops.roll(self.embeddings, 1, 0)[: ops.shape(x)[1]]")),
        layers=("sinusoidal_position", "position_embedding", "embedding", "add", *ATTENTION),
    ),
    Kind(
        "positions-halves", "Sines stand before cosines, and do not alternate",
        ("SEMANTICS 1.6 sinusoidal / learned",),
        torch=text(r"torch\.stack\(\(angles\.sin\(\), angles\.cos\(\)\), dim=-1\)\.flatten\(1\)",
                   "torch.cat((angles.sin(), angles.cos()), dim=-1)"),
        keras=text(r"waves = ops\.stack\(\[ops\.sin\(angles\), ops\.cos\(angles\)\], axis=-1\)",
                   "waves = ops.stack([ops.cos(angles), ops.sin(angles)], axis=-1)"),
        layers=("sinusoidal_position",),
    ),
    Kind(
        "positions-lost", "Positions are not added", ("SEMANTICS 1.6 sinusoidal / learned",),
        torch=either(text(r"return x \+ self\.waves\[: x\.shape\[1\]\]\.to\(x\.dtype\)", "return x * 1"),
                     text(r"x \+ self\.positions\.weight(\[[^\]]*\]\S*)?$", "x * 1")),
        layers=("sinusoidal_position", "position_embedding", "embedding", "add"),
    ),
)  # fmt: skip
