"""Write the data sets under specs/data from the ones that scikit-learn ships.

Run it as `python scripts/make_data.py`. It downloads nothing and writes the same values every time.
"""

from pathlib import Path

import numpy as np
import polars as pl
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, make_classification

DATA = Path(__file__).resolve().parent.parent / "specs" / "data"


def table(features: np.ndarray, names: list[str], target: pl.Series) -> pl.DataFrame:
    """One named column per feature, then the target; a column of whole numbers becomes integers."""
    columns = [
        pl.Series(name, values.astype(np.int64) if (values == values.round()).all() else values)
        for name, values in zip(names, features.T, strict=True)
    ]
    return pl.DataFrame([*columns, target])


def digits() -> pl.DataFrame:
    """1797 handwritten digits of 8 x 8 pixels, row by row, each pixel from 0 to 16."""
    bunch = load_digits()
    names = [f"pixel_{index}" for index in range(64)]
    return table(bunch.data, names, pl.Series("label", bunch.target))


def breast_cancer() -> pl.DataFrame:
    """569 tumours with 30 measurements each; `benign` is 1 for benign and 0 for malignant."""
    bunch = load_breast_cancer()
    names = [name.replace(" ", "_") for name in bunch.feature_names]
    return table(bunch.data, names, pl.Series("benign", bunch.target))


def diabetes() -> pl.DataFrame:
    """442 patients with 10 measurements each, in their own units, and the disease's progression."""
    bunch = load_diabetes(scaled=False)
    target = pl.Series("progression", bunch.target.astype(np.int64))
    return table(bunch.data, bunch.feature_names, target)


def tabular_binary() -> pl.DataFrame:
    """Five rows of two features: small enough to follow by hand."""
    return pl.DataFrame(
        {
            "x1": [0.1, 0.2, 0.3, 0.4, 0.5],
            "x2": [0.5, 0.4, 0.3, 0.2, 0.1],
            "label": [0, 0, 1, 1, 1],
        }
    )


def simple_nn() -> pl.DataFrame:
    """400 generated rows of two classes: 10 features, of which 6 carry information."""
    features, labels = make_classification(
        n_samples=400,
        n_features=10,
        n_informative=6,
        n_redundant=2,
        n_classes=2,
        class_sep=1.5,
        random_state=0,
    )
    names = [f"f{index}" for index in range(10)]
    return table(features.round(6), names, pl.Series("label", labels))


def main() -> None:
    """Write every set, and say how large each came out."""
    DATA.mkdir(parents=True, exist_ok=True)
    for make in (digits, breast_cancer, diabetes, tabular_binary, simple_nn):
        frame = make()
        path = DATA / f"{make.__name__}.csv"
        frame.write_csv(path)
        print(f"{path.name}: {frame.height} rows, {frame.width} columns, {path.stat().st_size} B")


if __name__ == "__main__":
    main()
