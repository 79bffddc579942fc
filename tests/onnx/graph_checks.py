"""What holds for the graph of every network that is written."""


def assert_minimal(network):
    made = {value: node for node in network.nodes for value in node.outputs}
    constants = {tensor.name for tensor in network.initializers}
    outputs = {value.name for value in network.outputs}
    used = {value for node in network.nodes for value in node.inputs} | outputs
    for node in network.nodes:
        assert not constants.issuperset(node.inputs), f"{node.name} is a constant"
        assert used.intersection(node.outputs), f"{node.name} is not used"
        if node.op_type == "Transpose" and node.inputs[0] in made:
            assert made[node.inputs[0]].op_type != "Transpose"
    assert constants <= used
    transposed = [node.inputs[0] for node in network.nodes if node.op_type == "Transpose"]
    assert len(transposed) == len(set(transposed))


def assert_well_named(network):
    nodes = [node.name for node in network.nodes]
    assert len(nodes) == len(set(nodes))
    values = [value.name for value in network.inputs]
    values += [tensor.name for tensor in network.initializers]
    values += [value for node in network.nodes for value in node.outputs]
    assert len(values) == len(set(values))
    known = set(values[: len(network.inputs) + len(network.initializers)])
    for node in network.nodes:
        assert known.issuperset(node.inputs), "each operator follows what it needs"
        known.update(node.outputs)
    assert known.issuperset(value.name for value in network.outputs)
