"""The layers once more, in a few lines of torch float64 each: what ONNX models are held against."""

import torch
import torch.nn.functional as F

from nnspec import layers
from nnspec.network.graph import inline


def evaluate(graph, weights, inputs):
    """Return the outputs of a graph by name; arrays in the declared layout, float64 inside."""
    flat = inline(graph)
    values = {name: torch.as_tensor(value).double() for name, value in inputs.items()}
    is_last = flat.data_format == "channels_last"
    for at in flat.walk():
        layer = at.node.layer
        own = {
            parameter.name: torch.as_tensor(weights[f"{at.path}.{parameter.name}"]).double()
            for parameter in at.parameters()
        }
        taken = [values[name] for name in at.node.inputs]
        moves = is_last and layer.placement == "spatial" and taken[0].ndim > 2
        if moves:
            taken = [value.movedim(-1, 1) for value in taken]
        shape = tuple(taken[0].shape[1:])
        result = FUNCTIONS[type(layer)](layer, taken, own, shape, flat.data_format)
        if moves and result.ndim > 2:
            result = result.movedim(1, -1)
        activation = getattr(layer, "activation", None)
        if activation is not None:
            result = FUNCTIONS[type(activation)](activation, [result], {}, None, flat.data_format)
        values[at.node.outputs[0]] = result
    return {
        name: values[path].numpy() for name, path in zip(graph.outputs, flat.outputs, strict=True)
    }


def padded(layer, x, shape, value=0.0):
    (top, bottom), (left, right) = layer.pads(shape, "channels_first")
    return F.pad(x, (left, right, top, bottom), value=value)


def dense(layer, x, p, shape, data_format):
    return F.linear(x[0], p["weight"], p.get("bias"))


def conv2d(layer, x, p, shape, data_format):
    image = padded(layer, x[0], shape)
    more = (layer.strides, 0, layer.dilation_rate, layer.groups)
    return F.conv2d(image, p["weight"], p.get("bias"), *more)


def max_pooling2d(layer, x, p, shape, data_format):
    image = padded(layer, x[0], shape, value=float("-inf"))
    return F.max_pool2d(image, layer.pool_size, layer.steps)


def average_pooling2d(layer, x, p, shape, data_format):
    def total(image):
        return F.avg_pool2d(padded(layer, image, shape), layer.pool_size, layer.steps)

    return total(x[0]) / total(torch.ones_like(x[0]))


def batch_normalization(layer, x, p, shape, data_format):
    axes = [1, -1] + [1] * (x[0].ndim - 2)
    mean, var = (p[name].reshape(axes) for name in ("running_mean", "running_var"))
    y = (x[0] - mean) / torch.sqrt(var + layer.epsilon)
    y = y * p["weight"].reshape(axes) if layer.affine else y
    return y + p["bias"].reshape(axes) if layer.affine else y


def concatenate(layer, x, p, shape, data_format):
    return torch.cat(x, 1 + layer.resolved_axis(x[0].ndim - 1, data_format))


def product(layer, x, p, shape, data_format):
    return torch.stack(x).prod(0)


def reshape(layer, x, p, shape, data_format):
    return x[0].reshape(len(x[0]), *layer.shape)


def softmax(layer, x, p, shape, data_format):
    return x[0].softmax(layer.axis + 1 if layer.axis >= 0 else layer.axis)


def gelu(layer, x, p, shape, data_format):
    return F.gelu(x[0], approximate="tanh" if layer.approximate else "none")


def of_first(function):
    return lambda layer, x, p, shape, data_format: function(layer, x[0])


FUNCTIONS = {
    layers.Dense: dense,
    layers.Conv2D: conv2d,
    layers.MaxPooling2D: max_pooling2d,
    layers.AveragePooling2D: average_pooling2d,
    layers.GlobalAveragePooling2D: of_first(lambda layer, x: x.mean((2, 3))),
    layers.BatchNormalization: batch_normalization,
    layers.Flatten: of_first(lambda layer, x: x.reshape(len(x), -1)),
    layers.Reshape: reshape,
    layers.Dropout: of_first(lambda layer, x: x),
    layers.Add: lambda layer, x, p, shape, data_format: sum(x),
    layers.Multiply: product,
    layers.Concatenate: concatenate,
    layers.Linear: of_first(lambda layer, x: x),
    layers.Relu: of_first(lambda layer, x: x.relu()),
    layers.LeakyRelu: of_first(lambda layer, x: torch.where(x > 0, x, layer.negative_slope * x)),
    layers.Elu: of_first(lambda layer, x: torch.where(x > 0, x, layer.alpha * torch.expm1(x))),
    layers.Sigmoid: of_first(lambda layer, x: x.sigmoid()),
    layers.Tanh: of_first(lambda layer, x: x.tanh()),
    layers.Softmax: softmax,
    layers.Gelu: gelu,
    layers.Silu: of_first(lambda layer, x: x * x.sigmoid()),
}
