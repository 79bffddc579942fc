"""Training steps spare the import of torch's compiler, and leave it usable."""

import subprocess
import sys
from pathlib import Path

SPECS = Path(__file__).parents[2] / "specs"

PROGRAM = """
import sys
import numpy as np
import torch
from nnspec import load
from nnspec.backend import get_backend
from nnspec.verification.samples import exercised_weights, random_inputs

spec = load({path!r})
program = get_backend("torch").compile(spec).build(exercised_weights(spec.graph, 0))
inputs = random_inputs(spec.graph, 4, {{}}, 0)
program.train_step(inputs, np.zeros(4, "int64"))
assert "torch._dynamo" not in sys.modules and "_dynamo" not in vars(torch)

{then}
assert type(sys.modules["torch._dynamo"]).__name__ == "module"
assert program.train_step(inputs, np.zeros(4, "int64")) > 0
"""
COMPILED = """
optimizer = program.optimizer
optimizer.zero_grad()
compiled = torch.compile(lambda x: x * 2, backend="eager")
assert compiled(torch.ones(2)).tolist() == [2.0, 2.0]
"""
ASKED = """
from nnspec_torch.compiling import without_compiler

with without_compiler():
    import torch._dynamo
    torch._dynamo.graph_break()
    assert torch._dynamo.config.cache_size_limit >= 1
"""


def _run(then: str) -> None:
    program = PROGRAM.format(path=str(SPECS / "digits_cnn.yaml"), then=then)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert not done.returncode, done.stderr


def test_compiler_is_not_imported_for_a_step_and_works_after_it() -> None:
    _run(COMPILED)


def test_compiler_comes_when_a_step_asks_it_for_more() -> None:
    _run(ASKED)
