"""Random networks: blocks, repetitions, both layouts, and names chosen to be in the way."""

import json
import random

from nnspec.network.loader import loads

LONG = "an_exceedingly_long_name_that_leaves_little_of_the_line"
NAMES = [
    "gelu",
    "gelu_tanh",
    "average_pooling2d",
    "permute_1",
    "zero_padding2d",
    "i",
    "j",
    "y",
    "z",
    "h",
    "filters",
    "units",
    "residual",
    "inner",
    "image_native",
    "first_declared",
    "value_",
    "Adam",
    "loss_function",
    "batches",
    LONG,
    LONG + "_too",
]
ACTIVATIONS = [
    None,
    "relu",
    "gelu",
    {"type": "gelu", "approximate": True},
    "elu",
    "silu",
    "tanh",
    "sigmoid",
    "softmax",
    {"type": "leaky_relu", "negative_slope": 0.25},
    {"type": "elu", "alpha": 0.5},
]


class Builder:
    """Grows a list of layers that keeps an image of one size, so that any two can be joined."""

    def __init__(self, rng, data_format):
        self.rng = rng
        self.data_format = data_format
        self.names = rng.sample(NAMES, len(NAMES))
        self.count = 0

    def name(self):
        if self.names and self.rng.random() < 0.6:
            return self.names.pop()
        self.count += 1
        return f"layer{self.count}_{'x' * self.rng.choice([0, 3, 9, 20, 33, 45])}"

    def shape_kept(self, given, channels, *, filters=None):
        """Return layers of an image that all keep its shape, and the names of their values."""
        layers, values = [], list(given)
        for _ in range(self.rng.randint(1, 5)):
            name, source = self.name(), self.rng.choice(values)
            layer = self.layer(source, values, channels, filters)
            layers.append({"name": name, "inputs": [source], **layer})
            values.append(name)
        used = {value for layer in layers for value in layer["inputs"]}
        loose = [v for v in values if v not in used and v not in given]
        unused = [v for v in given if v not in used]
        if len(loose) + len(unused) > 1:
            layers.append({"name": self.name(), "type": "add", "inputs": [*loose, *unused]})
        return layers

    def layer(self, source, values, channels, filters):
        rng = self.rng
        kind = rng.choice(
            ["conv", "conv", "pool", "norm", "activation", "merge", "dropout", "reshape", "dilated"]
        )
        if kind == "conv":
            size = rng.choice([1, 3, [3, 1]])
            layer = {"type": "conv2d", "filters": filters or channels, "kernel_size": size}
            activation = rng.choice(ACTIVATIONS)
            more = {"padding": "same", "use_bias": rng.random() < 0.7}
            if rng.random() < 0.2:
                more["kernel_initializer"] = rng.choice(
                    ["he_normal", {"type": "constant", "value": 0.125}]
                )
            return {**layer, **more, **({"activation": activation} if activation else {})}
        if kind == "dilated":
            layer = {"type": "conv2d", "filters": filters or channels, "kernel_size": 3}
            return {**layer, "dilation_rate": 2, "padding": [[3, 1], [2, 2]]}
        if kind == "pool":
            kind = rng.choice(["max_pooling2d", "average_pooling2d"])
            padding = rng.choice(["same", [[2, 0], [0, 2]], [[0, 2], [1, 1]], 1])
            return {"type": kind, "pool_size": 3, "strides": 1, "padding": padding}
        if kind == "norm":
            return {"type": "batch_normalization", "momentum": rng.choice([0.9, 0.75])}
        if kind == "activation":
            given = rng.choice(ACTIVATIONS[1:])
            return given if isinstance(given, dict) else {"type": given}
        if kind == "merge":
            other = rng.choice(values)
            return {"type": rng.choice(["add", "multiply"]), "inputs": [source, other]}
        if kind == "dropout":
            return {"type": "dropout", "rate": 0.25}
        shape = [channels, 6, 6] if self.data_format == "channels_first" else [6, 6, channels]
        return {"type": "reshape", "shape": shape}


def random_document(seed):
    """Return a spec as a document; equal seeds give equal specs."""
    rng = random.Random(seed)
    data_format = rng.choice(["channels_first", "channels_last"])
    channels = rng.choice([2, 4])
    shape = [channels, 6, 6] if data_format == "channels_first" else [6, 6, channels]
    blocks = {}
    calls = []
    if rng.random() < 0.8:
        inner = Builder(rng, data_format)
        variables = rng.sample(["rate", "layers", "h", "i", "keras"], 2)
        body = inner.shape_kept(["x"], channels)
        body.append({"name": "drop", "type": "dropout", "rate": f"${{{variables[0]}}}"})
        blocks["inner"] = {"variables": {variables[0]: 0.5, variables[1]: 2}, "layers": body}
        calls.append(("inner", {variables[0]: 0.25}))
        if rng.random() < 0.6:
            outer = Builder(rng, data_format)
            body = outer.shape_kept(["x"], channels)
            body.append({"name": "nested", "type": "inner", "repeat": rng.choice([1, 3])})
            body.append({"name": "twice", "type": "inner", variables[0]: "${0.1 * (index + 1)}"})
            body[-1]["repeat"] = 2
            blocks["residual"] = {"layers": body}
            calls.append(("residual", {}))
    top = Builder(rng, data_format)
    inputs = {"image": {"shape": shape}}
    given = ["image"]
    if rng.random() < 0.3:
        extra = top.name()
        inputs[extra] = {"shape": shape}
        given.append(extra)
    layers = top.shape_kept(given, channels)
    for block, arguments in calls:
        for _ in range(rng.randint(1, 2)):
            use = {"name": top.name(), "type": block, **arguments}
            if arguments and rng.random() < 0.5:
                use[next(iter(arguments))] = rng.choice([0.1, 0.3])
            if rng.random() < 0.5:
                use["repeat"] = rng.choice([2, 3])
            layers.append(use)
            layers += top.shape_kept([use["name"]], channels)[:1]
    training = {"task": "regression"}
    if rng.random() < 0.7:
        layers.append({"name": top.name(), "type": "flatten"})
        dense = {"name": top.name(), "type": "dense", "units": 3}
        layers += [dense, {"name": top.name(), "type": rng.choice(["softmax", "relu"])}]
        training["task"] = "multiclass"
        if rng.random() < 0.5:
            training["optimizer"] = {"type": "sgd", "momentum": 0.5, "nesterov": True}
    document = {
        "nnspec": 1,
        "name": rng.choice(["Net", "Residual", "Import", "Keras", "N" + LONG, "VGG16Like"]),
        "data_format": data_format,
        "inputs": inputs,
        "layers": layers,
        **({"blocks": blocks} if blocks else {}),
    }
    if len(inputs) == 1 or rng.random() < 0.5:
        document["training"] = training
    return document


def random_spec(seed):
    """Return a checked random spec."""
    return loads(json.dumps(random_document(seed)), is_json=True)
