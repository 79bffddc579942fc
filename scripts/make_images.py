"""Writes the images of specs/images: dark forms of any size, place and turn on light grounds."""

from __future__ import annotations

from collections.abc import Iterator
from math import cos, pi, sin
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

DATA = Path(__file__).parents[1] / "specs" / "data" / "forms"
FORMS = ("circle", "cross", "square", "star", "triangle")
FINE = 4
"""Pixels that are drawn for each one along a side, so that edges are soft."""


def outline(form: str) -> list[tuple[float, float]]:
    """Return the corners of a form of radius 1 around the origin."""
    corners = {"circle": 48, "square": 4, "star": 10, "triangle": 3}
    if form == "cross":
        arm, end = 0.28, 0.95
        corner = [(arm, end), (arm, arm), (end, arm), (end, -arm), (arm, -arm), (arm, -end)]
        return [*corner, *((-x, -y) for x, y in corner)]
    angles = [2 * pi * i / corners[form] for i in range(corners[form])]
    radii = [0.42 if form == "star" and i % 2 else 1.0 for i in range(len(angles))]
    return [(r * cos(a), r * sin(a)) for r, a in zip(radii, angles, strict=True)]


def drawn(form: str, draw: np.random.Generator) -> Image.Image:
    """Return one image, of a size and of colours of its own."""
    width, height = (int(side) for side in draw.integers(32, 57, 2))
    ground, colour = draw.integers(140, 256, 3), draw.integers(0, 120, 3)
    radius = draw.uniform(0.3, 0.48) * min(width, height)
    x = draw.uniform(radius, width - radius)
    y = draw.uniform(radius, height - radius)
    turn = draw.uniform(0, 2 * pi)
    points = [
        (
            FINE * (x + radius * (u * cos(turn) - v * sin(turn))),
            FINE * (y + radius * (u * sin(turn) + v * cos(turn))),
        )
        for u, v in outline(form)
    ]
    image = Image.new("RGB", (FINE * width, FINE * height), tuple(ground.tolist()))
    ImageDraw.Draw(image).polygon(points, fill=tuple(colour.tolist()))
    return image.resize((width, height), Image.Resampling.BOX)


def forms(count: int = 60) -> Iterator[tuple[str, Image.Image]]:
    """Yield the path in the folder, and the image, `count` of each form."""
    draw = np.random.default_rng(8)
    for form in FORMS:
        for i in range(count):
            yield f"{form}/{i:02}.png", drawn(form, draw)


if __name__ == "__main__":
    for name, image in forms():
        path = DATA / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path, optimize=True)
