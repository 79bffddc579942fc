"""Writes the texts of specs/texts: what libraries say of what they offer."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

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
        for thing in _things(module):
            text = inspect.getdoc(thing) or ""
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


MANUAL = ("numpy", "numpy.linalg", "numpy.fft", "numpy.random", "numpy.ma", "numpy.char",
          "numpy.polynomial.polynomial")  # fmt: skip
"""Modules whose descriptions are the text of the manual."""
HEADINGS = ("Attributes|Examples|Methods|Notes|Parameters|Raises|References|Refer to|Returns|"
            "See Also|Warnings|Yields")  # fmt: skip
"""Beginnings of the parts of a docstring that are no description."""


def manual() -> str:
    """Return what NumPy says of its functions and classes, a line for each paragraph, each once."""
    found: dict[str, None] = {}
    for name in MANUAL:
        module = importlib.import_module(name)
        for thing in _things(module):
            text = re.split(rf"\n(?:{HEADINGS})", inspect.getdoc(thing) or "")[0]
            for paragraph in text.split("\n\n"):
                line = re.sub(r"`+([^`]*)`+", r"\1", " ".join(paragraph.split()))
                is_code = re.search(r">>>|::|\.\. ", line) or re.match(r"[\w.]+\(", line)
                if not is_code and len(line.split()) > LEAST:
                    found[line] = None
    return "\n".join(found) + "\n"


def _things(module: ModuleType) -> Iterator[object]:
    """Yield what a module offers, and after each class what that has."""
    for key in sorted(vars(module)):
        thing = getattr(module, key)
        if not key.startswith("_") and callable(thing):
            yield thing
            if inspect.isclass(thing):
                names = [each for each in sorted(dir(thing)) if not each.startswith("_")]
                yield from (getattr(thing, each, None) for each in names)


def main() -> None:
    """Write the files."""
    texts().write_csv(DATA / "sentences.csv")
    (DATA / "manual.txt").write_text(manual(), encoding="utf-8")


if __name__ == "__main__":
    main()
