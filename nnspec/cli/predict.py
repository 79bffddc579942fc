"""nnspec predict."""

from __future__ import annotations

import click

from nnspec.cli.common import json_option, print_json
from nnspec.cli.progress import rows_told
from nnspec.errors import UsageError


@click.command()
@click.argument("model", type=click.Path())
@click.option(
    "--data",
    type=click.Path(),
    help="A .csv, .parquet, .jsonl, .txt, .npz, .npy or .zarr source, or a folder of images or "
    "sounds.",
)
@click.option(
    "--samples",
    type=int,
    metavar="N",
    help="Of a generator: rows to make of noise, without --data.",
)
@click.option("--seed", type=int, help="Of the noise; 0 by default.")
@click.option(
    "-o", "--output", type=click.Path(), help="Write to this .csv or .parquet; else print."
)
@json_option
def predict(
    model: str,
    data: str | None,
    samples: int | None,
    seed: int | None,
    output: str | None,
    as_json: bool,
) -> None:
    """Run an ONNX model on raw rows, prepared as they were for training, or of noise."""
    if (data is None) == (samples is None):
        raise UsageError("give either --data FILE, or for a generator --samples N")
    if samples is None and seed is not None:
        raise UsageError("--seed is of the noise that --samples takes")
    from nnspec.deploy.predicting import predict as run
    from nnspec.deploy.predicting import require_table
    from nnspec.support.files import require_apart, require_writable

    require_apart(output, model, data)
    if output is not None:
        require_table(output)
    require_writable(output)
    with rows_told(quiet=as_json) as on_rows:
        predictions = run(model, data, samples=samples, seed=seed or 0, on_rows=on_rows)
    path = predictions.write(output) if output is not None else None
    if as_json:
        rows = predictions.table().to_dicts() if path is None else None
        place = str(path) if path is not None else None
        print_json({"path": place, "rows": predictions.rows, "predictions": rows})
    elif path is not None:
        click.echo(f"{path}: {predictions.rows:,} rows")
    else:
        click.echo(predictions.table().write_csv(), nl=False)
