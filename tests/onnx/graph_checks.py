"""What holds for the graph of every network that is written."""

PAIRS = {
    ("Transpose", "Transpose"): False,
    ("Reshape", "Reshape"): False,
    ("Cast", "Cast"): True,
    ("Unsqueeze", "Squeeze"): True,
    ("Squeeze", "Unsqueeze"): True,
}
"""What is one operator or none; whether only where both have the same settings."""


def assert_minimal(network):
    """Assert that no operator is constant, unused, or undone by the next."""
    made = {value: node for node in network.nodes for value in node.outputs}
    tensors = {tensor.name: tensor for tensor in network.initializers}
    outputs = {value.name for value in network.outputs}
    used = {value for node in network.nodes for value in node.inputs} | outputs
    for node in network.nodes:
        assert not tensors.keys() >= set(node.inputs), f"{node.name} is a constant"
        assert used.intersection(node.outputs), f"{node.name} is not used"
        is_copy = node.op_type == "Identity" and not outputs.issuperset(node.outputs)
        assert not is_copy, f"{node.name} does nothing"
        before = made.get(node.inputs[0])
        if before is not None and (before.op_type, node.op_type) in PAIRS:
            if_same = PAIRS[before.op_type, node.op_type]
            cancels = not if_same or settings(before, tensors) == settings(node, tensors)
            assert not cancels, f"{node.name}: {before.op_type}, and then {node.op_type}"
    assert used >= tensors.keys()
    turned = [
        (node.inputs[0], node.attributes["perm"])
        for node in network.nodes
        if node.op_type == "Transpose"
    ]
    assert len(turned) == len(set(turned))


def settings(node, tensors):
    """Return the attributes of an operator, and the constants that it takes."""
    given = [tensors[name].value for name in node.inputs[1:] if name in tensors]
    return dict(node.attributes), [value.tolist() for value in given if value is not None]


def assert_well_named(network):
    nodes = [node.name for node in network.nodes]
    assert len(nodes) == len(set(nodes))
    values = [value.name for value in network.inputs]
    values += [tensor.name for tensor in network.initializers]
    values += [value for node in network.nodes for value in node.outputs]
    assert len(values) == len(set(values))
    # An input that is left out has no name.
    known = {"", *values[: len(network.inputs) + len(network.initializers)]}
    for node in network.nodes:
        assert known.issuperset(node.inputs), "each operator follows what it needs"
        known.update(node.outputs)
    assert known.issuperset(value.name for value in network.outputs)
