"""Names of recurrent layers, and of their keys."""

from collections.abc import Mapping

from nnspec.layers.words.defaults import is_keras
from nnspec.layers.words.word import (
    Key,
    Keys,
    UnsaidError,
    Word,
    inferred,
    keys,
    no_key,
    nothing,
    only,
    same,
)

_TORCH = ("hidden_size", "input_size", "batch_first", "num_layers")
_STEPS = "like Keras's it gives the last step; PyTorch's gives all: return_sequences: true"


def _all_steps(given: Mapping[str, object]) -> dict[str, object]:
    """PyTorch's layers give every step, and who writes its keys expects that."""
    if is_keras(given.get("type")):
        return {}
    is_torch = str(given.get("type", "")).startswith(("nn.", "torch.")) or any(
        key in given for key in _TORCH
    )
    return {"return_sequences": True} if is_torch else {}


def _both_ways(kind: str) -> Word:
    note = f"a bidirectional holds the {kind} as its `layer`"
    outside = ("name", "inputs", "merge_mode")
    settings = {"layer": {"type": kind}}
    return Word("bidirectional", note, settings, inside="layer", outside=outside)


_ONE_STEP = "nothing here is one step of it: the layer runs over the time axis"

WORDS = {
    "LSTM": Word("lstm", _STEPS, _all_steps),
    "GRU": Word("gru", _STEPS, _all_steps),
    **{name: Word("simple_rnn", _STEPS, _all_steps)
       for name in ("RNN", "SimpleRNN", "vanilla_rnn", "elman_rnn", "recurrent")},
    **{name: _both_ways("lstm") for name in ("BiLSTM", "bi_lstm", "bidirectional_lstm", "blstm")},
    **{name: _both_ways("gru") for name in ("BiGRU", "bi_gru", "bidirectional_gru")},
    **{name: _both_ways("simple_rnn") for name in ("BiRNN", "bi_rnn", "bidirectional_rnn")},
    **same("bidirectional", "bi birnn_wrapper Bidirectional"),
    **nothing("LSTMCell GRUCell SimpleRNNCell RNNCell StackedRNNCells RNNBase RNNCellBase", _ONE_STEP),
    **nothing("ConvLSTM1D ConvLSTM2D ConvLSTM3D conv_lstm convlstm ConvGRU", "nothing here is it: "
              "lstm and gru take vectors, not maps"),
    **nothing("mLSTM sLSTM xLSTM", "nothing here is it: lstm is that of Hochreiter and Schmidhuber"),
    **nothing("QRNN SRU IndRNN Mamba SSM S4", "nothing here is it: lstm, gru and simple_rnn are the "
              "recurrent layers"),
    **nothing("TimeDistributed vmap", "no wrapper is needed: put the inner layer here, with "
              "time_distributed: true; dense, activations and layer_normalization work on every step "
              "without"),
}  # fmt: skip

_DIRECTIONS = "put it into a bidirectional: {type: bidirectional, layer: {type: lstm, units: 8}}"


def _directions(kind: str) -> Keys:
    """Return the key that makes PyTorch's layer run both ways."""

    def value(given: object) -> dict[str, object]:
        if given is not False:
            raise UnsaidError(_DIRECTIONS)
        return {}

    return {
        "bidirectional": Key(note=_DIRECTIONS, value=value, is_split=True, word=_both_ways(kind))
    }


_BOTH: Keys = {
    **keys("units", "hidden_size hidden_dim hidden_units num_units n_hidden hidden size dim "
           "out_features output_dim d_model rnn_units cell_size state_size output_size nhid "
           "hidden_features"),
    **keys("return_sequences", "return_sequence return_all sequences"),
    **keys("return_state", "return_states return_hidden"),
    **keys("go_backwards", "backwards reverse backward"),
    **keys("kernel_initializer", "weight_init input_initializer"),
    **only("batch_first", (True,), "the batch is always the first axis: permute before and after"),
    **only("num_layers", (1,), "write that many layers, each but the last with return_sequences: true",
           "a layer is one layer"),
    **only("n_layers layers depth", (1,), "write that many layers, each but the last with "
           "return_sequences: true", "a layer is one layer"),
    **only("proj_size", (0,), "nothing here is it: put a dense after it"),
    **only("dropout", (0, 0.0), "put a spatial_dropout1d before it, which drops the same inputs at every "
           "step, of all gates alike; recurrent_dropout drops of the state"),
    **keys("recurrent_dropout", "recurrent_dropout_rate recurrent_drop state_dropout hidden_dropout "
           "variational_dropout dropout_U dropout_u"),
    **no_key("weight_dropout weight_drop wdrop zoneout", "nothing here is it: recurrent_dropout drops "
             "elements of the state, the same at every step"),
    **only("zero_output_for_mask", (False,), "nothing here is it"),
    **inferred("input_size input_dim in_features features", says="features"),
}  # fmt: skip
KEYS = {
    "lstm": {
        **_BOTH,
        **_directions("lstm"),
        **keys("unit_forget_bias", "forget_bias"),
        **only("activation", ("tanh",), "nothing here is it: the candidate's is tanh", "it is tanh"),
        **only("recurrent_activation", ("sigmoid",), "nothing here is it: the gates' is sigmoid",
               "it is sigmoid"),
    },
    "gru": {
        **_BOTH,
        **_directions("gru"),
        **only("activation", ("tanh",), "nothing here is it: the candidate's is tanh", "it is tanh"),
        **only("recurrent_activation", ("sigmoid",), "nothing here is it: the gates' is sigmoid",
               "it is sigmoid"),
        "linear_before_reset": Key("reset_after", "ONNX has 1 or 0", bool),
    },
    "simple_rnn": {**_BOTH, **_directions("simple_rnn"), **no_key("cell", "`units` of the layer itself"), **keys("activation", "nonlinearity")},
    "bidirectional": {
        **keys("layer", "cell rnn forward_layer forward inner"),
        **keys("merge_mode", "merge mode combine"),
        **only("bidirectional", (True,), "an lstm or gru by itself runs one way", "it runs both ways"),
        **no_key("backward_layer", "both directions are of one kind"),
        **no_key("return_sequences", "it belongs to the inner layer: layer: {type: lstm, units: 8, "
                 "return_sequences: true}"),
        **no_key("recurrent_dropout", "it belongs to the inner layer: layer: {type: lstm, units: 8, "
                 "recurrent_dropout: 0.2}"),
        **no_key("units hidden_size", "it belongs to the inner layer: layer: {type: lstm, units: 8}"),
    },
}  # fmt: skip
VALUES = {
    "bidirectional": {"merge_mode": {"concatenate": "concat", "cat": "concat", "add": "sum",
                                     "ave": "average", "mean": "average", "mul": "multiply"}},
}  # fmt: skip
NULLS = {
    "bidirectional": {
        "merge_mode": "Keras's null gives both directions apart: write two layers, one of them with "
        "go_backwards: true and a flip of the steps after it",
    },
}
"""Type -> key -> how to say what null means in another framework."""
