"""nnspec compare."""

from __future__ import annotations

import click

from nnspec.cli.common import json_option
from nnspec.cli.outputs import require_page
from nnspec.cli.progress import stages
from nnspec.cli.reproduced import (
    Kept,
    force_option,
    reproduce_option,
    reproduced,
    tell_reproduced,
)


@click.command(cls=Kept)
@click.argument("a")
@click.argument("b")
@click.option("--args-a", metavar="JSON", help="Of the call of NAME in A, model.py:NAME.")
@click.option("--args-b", metavar="JSON", help="The same of B.")
@click.option(
    "--input",
    "inputs",
    metavar="NAME=SIZES",
    multiple=True,
    help="What neither file says, without the batch: image=3,32,32 or ids=20:int64:1000 (below "
    "1000). Repeated for each input.",
)
@click.option("--map", "known", type=click.Path(), help="Take this map of the weights.")
@click.option(
    "--save-map", type=click.Path(), help="Write which tensor is which, to give back by --map."
)
@click.option("--batch", type=click.IntRange(min=2), default=4, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Of the inputs.")
@click.option("--report", type=click.Path(), help="Write the report as a page to this .html file.")
@reproduce_option
@force_option
@json_option
def compare(
    a: str,
    b: str,
    args_a: str | None,
    args_b: str | None,
    inputs: tuple[str, ...],
    known: str | None,
    save_map: str | None,
    batch: int,
    seed: int,
    report: str | None,
    folder: str | None,
    force: bool,
    as_json: bool,
) -> int:
    """Say whether any two networks compute the same, and where they part.

    A and B: a spec, model.py:Net (which is run), .keras, .onnx, .pt2 or .torchscript; or weights
    alone, of .safetensors, .npz, .pt, .pth or .bin. Exit code 1 where they differ by more than
    rounding explains, or could not be compared.
    """
    import json

    from rich.console import Console

    from nnspec.judge.both import compare as compared
    from nnspec.judge.comparison import Comparison
    from nnspec.judge.judgement import Judgement
    from nnspec.judge.process import reference_of
    from nnspec.judge.verify import arguments_of, map_of
    from nnspec.support.files import require_apart, require_writable, write_text

    judged = [str(reference_of(each).path) for each in (a, b)]
    for path, *others in ((report,), (save_map, report)):
        require_apart(path, *judged, known, *others)
        require_writable(path)
    require_page(report)
    console = Console(emoji=False)
    with stages("comparing", is_shown=not as_json) as shown:
        found = compared(
            a,
            b,
            args_a=arguments_of(args_a),
            args_b=arguments_of(args_b),
            inputs=inputs,
            known=map_of(known) if known is not None else None,
            batch=batch,
            seed=seed,
            reproduce=folder,
            force=force,
            command=reproduced({"--batch": batch, "--seed": seed}),
            progress=shown.show,
        )
    if as_json:
        click.echo(found.to_json())
    else:
        found.print(console)
    if isinstance(found, Judgement | Comparison):
        tell_reproduced(found.reproduced)
    if save_map is not None and isinstance(found, Judgement | Comparison):
        write_text(save_map, json.dumps(found.map_as_json(), indent=1) + "\n")
    if report is not None:
        command = reproduced({"--batch": batch, "--seed": seed})
        write_text(report, found.to_html(command=command))
    return 0 if found.passed else 1
