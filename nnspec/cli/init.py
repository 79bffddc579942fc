"""nnspec init."""

from __future__ import annotations

from pathlib import Path

import click

from nnspec.cli.common import json_option, print_json
from nnspec.errors import UsageError

FOLDER = Path(__file__).with_name("templates")
"""The templates, as they are written; FILE stands for the name of what is written."""
DEFAULT = "model.nnspec.yaml"
"""By its ending editors, hooks and code scanning know a spec."""
TEMPLATES = ("mlp", "cnn", "text", "sequence", "tabular", "transformer", "unet")


@click.command()
@click.argument("file", default=DEFAULT, type=click.Path())
@click.option("--template", type=click.Choice(TEMPLATES), default="mlp", help="What to start from.")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@json_option
def init(file: str, template: str, force: bool, as_json: bool) -> None:
    """Write a spec to start from, to FILE (model.nnspec.yaml), with comments that explain it."""
    from nnspec.support.files import write_text

    if Path(file).suffix.lower() not in ("", ".yaml", ".yml"):
        raise UsageError(f"{file}: a template is YAML; give a name that ends in .nnspec.yaml")
    if Path(file).exists() and not force:
        raise UsageError(f"{file} exists already; choose another name, or pass --force")
    text = (FOLDER / f"{template}.yaml").read_text(encoding="utf-8")
    write_text(file, text.replace("FILE", Path(file).name))
    if as_json:
        print_json({"path": file, "template": template})
    else:
        click.echo(f"{file} written; next: nnspec check {file}")
