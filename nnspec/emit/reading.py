"""The definitions with which a training script reads its rows, and their names."""

from __future__ import annotations

from nnspec.emit.snippets import Snippets, snippets

READERS = {
    "csv": ("csv_rows", "columns"),
    "parquet": ("parquet_rows", "stripped_columns", "typed_columns", "columns"),
    "jsonl": ("jsonl_rows", "stripped_columns", "typed_columns", "columns"),
    "ndjson": ("jsonl_rows", "stripped_columns", "typed_columns", "columns"),
    "txt": ("txt_rows", "stripped_columns", "typed_columns", "columns"),
    "npz": ("npz_rows", "array_values"),
    "npy": ("npy_rows", "array_values"),
    "zarr": ("zarr_rows", "array_values"),
    "folder": ("folder_rows", "stripped_columns", "columns"),
    "sqlite": ("sqlite_rows", "stripped_columns", "typed_columns", "columns"),
    "postgresql": ("postgresql_rows", "stripped_columns", "typed_columns", "columns"),
}
"""Kind of file -> the files of `emitted` that read it."""


def definitions(suffix: str, *, is_fixed: bool) -> Snippets:
    """Return the definitions that read files of this kind, for axes of fixed sizes or not."""
    shapes = "fixed_shapes" if is_fixed else "dynamic_shapes"
    more = (shapes, "preparing", "shifting", "order", "output")
    return snippets("nnspec.emit.emitted", *READERS[suffix], *more)


def several() -> Snippets:
    """Return what finds columns where the target is several."""
    return snippets("nnspec.emit.emitted", "several_columns")


METRICS = (
    *("accuracy_score", "average_precision_score", "brier_score_loss", "cohen_kappa_score"),
    *("confusion", "confusion_matrix", "expit", "f1_score", "jaccard_score", "log_loss"),
    *("matthews_corrcoef", "mean_absolute_error", "mean_squared_error", "measure"),
    *("precision_score", "r2", "r2_score", "recall_score", "roc_auc_score", "softmax"),
    *("top_k_accuracy_score", "Measures", "OUTPUTS", "require_classes"),
    *("accuracy", "R2"),
)
"""Names that `nnspec.emit.metrics` defines or imports."""

DEFINED = tuple(
    {
        **dict.fromkeys(
            [
                "INPUTS",
                "BOUNDS",
                "COLUMNS",
                "LARGEST",
                "TARGET",
                "TARGETS",
                "SAMPLE_WEIGHT",
                "SPLIT",
                "FILES",
                "BALANCE",
                "RESAMPLE",
                "QUERY",
                "TOKENIZER",
                "TOKENS",
                "SERVER",
            ]
        ),
        **dict.fromkeys(["Any", "FIELDS", "Iterator", "Path"]),
        **dict.fromkeys(["row_keys", "row_times", "row_parts", "balanced", "train_kinds"]),
        **dict.fromkeys(["WINDOWS", "SERIES", "ORDER", "row_order", "step_times", "window_ends"]),
        **dict.fromkeys(["parts_of_windows", "windowed", "with_spreads"]),
        **dict.fromkeys(["packed_by", "require_codecs", "placed"]),
        **dict.fromkeys(
            [
                "FORMATS",
                "MOST_PIXELS",
                "SUFFIXES",
                "AUGMENTED",
                "Image",
                "ImageOps",
                "SOUND_FORMATS",
                "MOST_SAMPLES",
            ]
        ),
        **dict.fromkeys(["argparse", "csv", "fnmatchcase", "hashlib", "json", "math", "np", "pl"]),
        **dict.fromkeys(
            [
                "tempfile",
                "zipfile",
                "zlib",
                "closing",
                "psycopg",
                "sqlite3",
                "soundfile",
                "soxr",
                "zarr",
                "Tokenizer",
            ]
        ),
        **dict.fromkeys(["read_inputs", "read_target", "split", "load_data", "batches"]),
        **{name: None for kind in READERS for name in definitions(kind, is_fixed=True)},
        **dict.fromkeys(snippets("nnspec.emit.emitted", "mixed_columns", "text_columns")),
        **dict.fromkeys(snippets("nnspec.emit.emitted", "parts", "tables_of_parts")),
        **dict.fromkeys(snippets("nnspec.emit.emitted", "augmenting", "pictures", "sounds")),
        **dict.fromkeys(METRICS),
    }
)
"""Names that a script defines or imports to read its rows, and to measure."""
