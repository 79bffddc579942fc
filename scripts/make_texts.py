"""Writes the texts of specs/texts: sentences with which libraries describe what they offer."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import polars as pl

DATA = Path(__file__).parents[1] / "specs" / "data"
LIBRARIES: dict[str, tuple[str, ...]] = {
    "numpy": ("numpy", "numpy.linalg", "numpy.random", "numpy.ma", "numpy.fft", "numpy.char"),
    "polars": ("polars", "polars.exceptions", "polars.testing", "polars.datatypes"),
    "scikit-learn": tuple(
        f"sklearn.{name}"
        for name in ("linear_model", "metrics", "preprocessing", "ensemble", "datasets", "tree",
                     "decomposition", "cluster", "model_selection", "svm", "utils", "naive_bayes",
                     "feature_selection", "neighbors", "manifold", "impute", "pipeline")
    ),
}  # fmt: skip
"""Library -> its modules, whose functions, classes and methods are read."""
LEAST, MOST = 5, 40
"""Tokens of a sentence that is taken."""


def sentences(library: str) -> Iterator[str]:
    """Yield the first sentence of each docstring, in small letters, signs between spaces."""
    for name in LIBRARIES[library]:
        module = importlib.import_module(name)
        for key in sorted(vars(module)):
            thing = getattr(module, key)
            if key.startswith("_") or not callable(thing):
                continue
            methods = [each for each in sorted(dir(thing)) if not each.startswith("_")]
            found = [thing]
            if inspect.isclass(thing):
                found += [getattr(thing, each, None) for each in methods]
            for each in found:
                text = inspect.getdoc(each) or ""
                first = text.split("\n\n")[0].split(". ")[0].replace("\n", " ")
                # The name of a library, or how one writes its code, would tell too much.
                first = re.sub(r"`+[^`]*`+|\S*[_.(=:]\S+", " thing ", first).lower()
                tokens = re.findall(r"[a-z]+|[0-9]+|[^\w\s]", first)
                if LEAST <= len(tokens) <= MOST and library not in tokens:
                    yield " ".join(tokens)


def texts() -> pl.DataFrame:
    """Return each sentence once that only one library has, and its library."""
    known: dict[str, set[str]] = {}
    for library in LIBRARIES:
        for sentence in sentences(library):
            known.setdefault(sentence, set()).add(library)
    rows = [(text, *of) for text, of in sorted(known.items()) if len(of) == 1]
    return pl.DataFrame(rows, schema=["text", "library"], orient="row")


def main() -> None:
    """Write the file."""
    texts().write_csv(DATA / "sentences.csv")


if __name__ == "__main__":
    main()
