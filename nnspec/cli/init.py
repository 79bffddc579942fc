"""nnspec init."""

from __future__ import annotations

from pathlib import Path

import click

from nnspec.cli.common import json_option, print_json
from nnspec.errors import UsageError

_TRAINING = """
# The rows to train on: a .csv, .parquet or .npz file, relative to this one.
# data:
#   source: data.csv
#   features: {{{input}: "{columns}"}}
#   target: label
#   validation: 0.2

training:
  task: multiclass        # or binary, regression
  optimizer: {{type: adam, learning_rate: 0.001}}
  epochs: 10
  batch_size: 32
  seed: 0
"""

_HEADER = """\
# `nnspec check {file}` says what is wrong with it; `nnspec schema` lists what can stand here.
nnspec: 1
"""

TEMPLATES = {
    "mlp": _HEADER
    + """name: Classifier

inputs:
  features: {{shape: [10], dtype: float32}}   # without the batch axis

layers:                     # each takes the output of the one before
  - {{type: dense, units: 32, activation: relu}}
  - {{type: dropout, rate: 0.1}}
  - {{name: scores, type: dense, units: 3}}
  - {{name: probabilities, type: softmax}}
"""
    + _TRAINING.replace("{input}", "features").replace("{columns}", "f*"),
    "cnn": _HEADER
    + """name: ImageClassifier
data_format: channels_first

variables: {{width: 16}}    # used as ${{width}}, with + - * / // % ** and parentheses

inputs:
  image: {{shape: [1, 28, 28], dtype: float32}}   # without the batch axis

blocks:                     # `nnspec schema` lists those that ship with nnspec, used by name alike
  conv_block:               # a part that can be used more than once
    variables: {{filters: 16}}
    layers:
      - {{type: conv2d, filters: "${{filters}}", kernel_size: 3, padding: same, use_bias: false}}
      - {{type: batch_normalization}}
      - {{type: relu}}

layers:                     # each takes the output of the one before
  - {{name: stem, type: conv_block, filters: "${{width}}"}}
  - {{type: max_pooling2d, pool_size: 2}}
  - {{name: body, type: conv_block, filters: "${{width * 2}}"}}
  - {{type: global_average_pooling2d}}
  - {{name: scores, type: dense, units: 10}}
  - {{name: probabilities, type: softmax}}
"""
    + _TRAINING.replace("{input}", "image").replace("{columns}", "pixel_*"),
}


@click.command()
@click.argument("file", default="model.yaml", type=click.Path())
@click.option(
    "--template", type=click.Choice(list(TEMPLATES)), default="mlp", help="What to start from."
)
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@json_option
def init(file: str, template: str, force: bool, as_json: bool) -> None:
    """Write a spec to start from, to FILE (model.yaml)."""
    from nnspec.support.files import write_text

    if Path(file).exists() and not force:
        raise UsageError(f"{file} exists already; choose another name, or pass --force")
    write_text(file, TEMPLATES[template].format(file=Path(file).name))
    if as_json:
        print_json({"path": file, "template": template})
    else:
        click.echo(f"{file} written; next: nnspec check {file}")
