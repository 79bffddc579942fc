"""The whole of nnspec on real data: train twice, export three ways, verify, compare."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import nnspec
from nnspec.training.epochs import Run
from nnspec.weights.canonical import initial_weights, load_weights

ROOT = Path(__file__).parents[1]
SPEC = ROOT / "specs" / "digits_cnn.yaml"
RUNS = ROOT / "runs" / "demo"
WANTED_ACCURACY = 0.97
UNIT_ROUNDOFF = 2.0**-24

console = Console(highlight=False)


def main() -> int:
    """Run it; return 0 if the proof holds and both accuracies are high enough."""
    started = time.perf_counter()
    shutil.rmtree(RUNS, ignore_errors=True)
    RUNS.mkdir(parents=True)
    spec = nnspec.load(SPEC)
    parameters = sum(int(np.prod(p.shape)) for _, p in spec.graph.parameters())
    console.rule(f"[bold]{spec.name}[/]: {parameters:,} parameters, from {SPEC.name}")

    for backend in ("torch", "keras"):
        path = RUNS / f"digits_cnn_{backend}.py"
        nnspec.compile(spec, backend, training=True).write(path)
        console.print(f"compiled to {path.relative_to(ROOT)}, which runs without nnspec")

    runs = {backend: train(spec, backend) for backend in ("torch", "keras")}
    console.rule("how far apart training in float32 leads")
    print_distances(spec, runs)

    best = runs["torch"].best
    for via in ("direct", "torch", "keras"):
        path = RUNS / f"digits_cnn_{via}.onnx"
        report = nnspec.export(spec, path, weights=best, via=via)
        console.print(
            f"exported {path.relative_to(ROOT)}: {report.nodes} nodes, {report.bytes:,} bytes, "
            f"{report.seconds:.2f} s"
        )

    console.rule("the proof, with the trained weights")
    with console.status("verifying"):
        proof = nnspec.verify(spec, weights=best)
    proof.print(console)
    (RUNS / "proof.html").write_text(proof.to_html(), encoding="utf-8")
    console.print(f"the same as a page: {(RUNS / 'proof.html').relative_to(ROOT)}")

    console.rule("accuracy on rows that training never saw")
    accuracies = {name: (run.test or {})["accuracy"] for name, run in runs.items()}
    for name, accuracy in accuracies.items():
        console.print(f"{name}: {accuracy:.4f}")
    console.print(f"{time.perf_counter() - started:.0f} s in all")
    return 0 if proof.passed and min(accuracies.values()) >= WANTED_ACCURACY else 1


def train(spec: nnspec.Spec, backend: str) -> Run:
    """Train on one backend from the spec's seed, showing a line in place of each epoch."""
    with console.status(f"training with {backend}") as status:
        run = nnspec.train(
            spec,
            backend,
            RUNS / backend,
            on_epoch=lambda epoch: status.update(
                f"training with {backend}: epoch {epoch.number}, "
                f"validation accuracy {epoch.values['val_accuracy']:.4f}"
            ),
        )
    seconds = sum(epoch.seconds for epoch in run.history)
    console.print(
        f"trained with {backend} for {len(run.history)} epochs in {seconds:.1f} s: "
        f"{run.best.parent.relative_to(ROOT)}"
    )
    return run


def print_distances(spec: nnspec.Spec, runs: dict[str, Run]) -> None:
    """Show the two runs' distance beside what a rounding error at the start does to each alone."""
    assert spec.model.training is not None
    first = initial_weights(spec.graph, spec.model.training.seed)
    draw = np.random.default_rng(0)
    nudged = {
        name: array * (1 + UNIT_ROUNDOFF * draw.choice((-1.0, 1.0), array.shape))
        for name, array in first.items()
    }
    table = Table("epochs", "torch to keras", "torch, nudged", "keras, nudged", box=None)
    for epochs in (1, 2, len(runs["torch"].history)):
        plain = {name: weights_after(spec, name, epochs, None, runs) for name in runs}
        moved = {name: weights_after(spec, name, epochs, nudged, runs) for name in runs}
        table.add_row(
            str(epochs),
            f"{distance(plain['torch'], plain['keras']):.1e}",
            *(f"{distance(plain[name], moved[name]):.1e}" for name in runs),
        )
    console.print(table)
    console.print(
        "Relative distance of all trained weights. Nudged: the same framework again, every first "
        "weight changed by one rounding error. Training in float32 is chaotic: it makes of one "
        "rounding error what it makes of the change of framework. In float64 the two agree, as "
        "the proof below shows.",
        style="dim",
    )


def weights_after(
    spec: nnspec.Spec,
    backend: str,
    epochs: int,
    first: dict[str, np.ndarray] | None,
    runs: dict[str, Run],
) -> dict[str, np.ndarray]:
    """Return the weights after so many epochs, training anew unless a run has them."""
    if first is None and epochs == len(runs[backend].history):
        return load_weights(runs[backend].last)
    folder = RUNS / f"{backend}-{'nudged' if first else 'plain'}-{epochs}"
    with console.status(f"training with {backend} for {epochs} epochs"):
        run = nnspec.train(spec, backend, folder, epochs=epochs, weights=first)
    return load_weights(run.last)


def distance(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> float:
    """Return ‖first - second‖ / ‖first‖ over all trained weights (running statistics left out)."""
    names = [name for name in first if ".running_" not in name]
    total = sum(float(np.sum(np.square(first[name].astype(float)))) for name in names)
    apart = sum(
        float(np.sum(np.square(first[name].astype(float) - second[name].astype(float))))
        for name in names
    )
    return (apart / total) ** 0.5


if __name__ == "__main__":
    sys.exit(main())
