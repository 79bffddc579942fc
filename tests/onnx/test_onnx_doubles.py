"""What stands in for the reference evaluator's operators computes the same as they do."""

import numpy as np
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from nnspec_onnx.runtime import evaluator

CONVOLUTIONS = {
    "one axis": ((2, 3, 9), (4, 3, 3), {}),
    "padded unequally": ((2, 3, 8, 7), (4, 3, 3, 2), {"pads": [2, 0, 1, 3]}),
    "strided": ((2, 3, 8, 7), (4, 3, 3, 3), {"strides": [2, 3], "pads": [1, 1, 1, 1]}),
    "dilated": ((1, 2, 9, 8), (3, 2, 3, 2), {"dilations": [2, 3]}),
    "dilated and strided": ((1, 2, 9, 8), (3, 2, 3, 2), {"dilations": [2, 3], "strides": [2, 1]}),
    "in groups": ((2, 6, 5, 5), (4, 3, 3, 3), {"group": 2}),
    "depthwise": ((2, 4, 5, 5), (8, 1, 3, 3), {"group": 4, "pads": [1, 1, 1, 1]}),
    "same, the odd one after": ((1, 2, 7, 6), (3, 2, 4, 3), {"auto_pad": "SAME_UPPER"}),
    "same, the odd one before": ((1, 2, 7, 6), (3, 2, 4, 3), {"auto_pad": "SAME_LOWER"}),
    "same, strided": ((1, 2, 7, 6), (3, 2, 3, 3), {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    "valid": ((1, 2, 7, 6), (3, 2, 3, 3), {"auto_pad": "VALID"}),
    "three axes": ((1, 2, 5, 4, 6), (3, 2, 2, 3, 2), {"strides": [1, 2, 2]}),
}


@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolution(name, with_bias):
    x_shape, w_shape, attributes = CONVOLUTIONS[name]
    names = ["x", "w", "b"] if with_bias else ["x", "w"]
    graph = helper.make_graph(
        [helper.make_node("Conv", names, ["y"], **attributes)],
        "g",
        [helper.make_tensor_value_info(each, TensorProto.DOUBLE, None) for each in names],
        [helper.make_tensor_value_info("y", TensorProto.DOUBLE, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
    draw = np.random.default_rng(0)
    shapes = {"x": x_shape, "w": w_shape, "b": w_shape[:1]}
    feeds = {each: draw.normal(size=shapes[each]) for each in names}
    (stock,) = ReferenceEvaluator(model).run(None, feeds)
    (given,) = evaluator(model).run(None, feeds)
    assert given.dtype == np.float64
    np.testing.assert_allclose(given, stock, rtol=0, atol=1e-13)
