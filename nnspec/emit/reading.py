"""Source that reads rows, and refuses what `nnspec train` refuses, with file, row and column."""

from __future__ import annotations

READ_CSV = '''\
def read_rows(path: Path) -> pl.DataFrame:
    """Return the rows of a file as text, without blank lines at its end."""
    try:
        rows = pl.read_csv(path, infer_schema=False)
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path} is no readable .csv file: {reason}") from None
    for name in rows.columns:
        first, mark, _ = name.rpartition("_duplicated_")
        if mark and first in rows.columns:
            raise ValueError(f'{path}: the header has the column "{first}" twice')
    filled = rows.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
    return rows.head(max(filled.arg_true().to_list(), default=-1) + 1)'''

WHERE_IN_CSV = '''\
def where(path: Path, name: str, row: int) -> str:
    """Return the place of a value; a value may go over several lines."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        records = csv.reader(file)
        while not next(records):  # blank lines before the header are no rows
            pass
        for _ in range(row - 1):
            next(records, None)
    return f'{path}, line {records.line_num + 1}: column "{name}", row {row}'\
'''

WHERE_IN_PARQUET = '''\
def where(path: Path, name: str, row: int) -> str:
    """Return the place of a value."""
    return f'{path}: column "{name}", row {row}'\
'''

READ_PARQUET = '''\
def read_rows(path: Path) -> pl.DataFrame:
    """Return the rows of a file."""
    try:
        return pl.read_parquet(path)
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path} is no readable .parquet file: {reason}") from None'''

READ_NPZ = '''\
def read_rows(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a file that the network is made for."""
    wanted = {TARGET, *(kind["columns"][0] for kind in INPUTS.values())}
    if path.is_file() and not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is no readable .npz file: it holds no arrays by name")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files if name in wanted}
    except (EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path} is no readable .npz file: {error}") from None'''

MATCHING = '''\
def matching(rows: pl.DataFrame, patterns: list[str], path: Path) -> list[str]:
    """Return the columns that names and patterns stand for, the target left out."""
    columns: list[str] = []
    for pattern in patterns:
        found = [c for c in rows.columns if c != TARGET and fnmatchcase(c, pattern)]
        found = [pattern] if pattern in rows.columns else found
        if not found:
            raise ValueError(f'{path}: no column matches "{pattern}"')
        columns += found
    if len(set(columns)) < len(columns) or TARGET in columns:
        raise ValueError(f"{path}: a column is taken twice: {columns}")
    return columns'''

_COLUMN = '''\
def column(rows: pl.DataFrame, name: str, path: Path) -> pl.Series:
    """Return a column, text without spaces around it; no value may be missing."""
    if name not in rows.columns:
        raise ValueError(f'{path}: there is no column "{name}"')
    values = rows[name]
{text}
    if values.has_nulls():
        place = where(path, name, values.is_null().arg_true()[0] + 1)
        raise ValueError(f"{place}: the value is missing")
    return values'''

COLUMN_OF_TEXT = _COLUMN.replace(
    "{text}",
    """\
    values = rows[name].str.strip_chars()
    values = values.set(values == "", None)""",
).replace("    values = rows[name]\n    values = rows", "    values = rows")

COLUMN_OF_ANY = _COLUMN.replace(
    "{text}",
    """\
    if values.dtype in (pl.String, pl.Categorical, pl.Enum):
        values = values.cast(pl.String).str.strip_chars()
        values = values.set(values == "", None)
    elif not (values.dtype.is_numeric() or values.dtype == pl.Boolean):
        raise ValueError(f'{path}: column "{name}" is of type {values.dtype}')""",
)

NUMBERS_OF_COLUMNS = '''\
def numbers(
    rows: pl.DataFrame,
    names: list[str],
    path: Path,
    low: float,
    high: float,
    *,
    whole: bool = False,
) -> np.ndarray:
    """Return columns as (rows, columns); refuse what is no number from low to high."""
    columns = []
    for name in names:
        given = column(rows, name, path)
        values = given.cast(pl.Float64, strict=False)
        right = values.is_between(low, high).fill_null(False)
        if whole:
            right &= values == values.floor()
        if not right.all():
            row = (~right).arg_true()[0]
            raise ValueError(
                f"{where(path, name, row + 1)}: {given[row]} is not a "
                f"{'whole ' if whole else ''}number from {low:g} to {high:g}"
            )
        columns.append(values.to_numpy())
    return np.stack(columns, axis=1)'''

NUMBERS_OF_ARRAY = '''\
def numbers(
    rows: dict[str, np.ndarray],
    names: list[str],
    path: Path,
    low: float,
    high: float,
    *,
    whole: bool = False,
) -> np.ndarray:
    """Return an array; refuse what is no number from low to high."""
    (name,) = names
    if name not in rows:
        raise ValueError(f'{path}: there is no array "{name}"')
    values = rows[name]
    if values.dtype.kind not in "biuf" or values.ndim == 0:
        raise ValueError(f'{path}: array "{name}" holds no numbers by row')
    exact = values
    if values.dtype.kind == "f" and (whole or values.itemsize < 4):
        exact = values.astype("float64")  # which holds both limits
    right = (exact >= low) & (exact <= high)
    if whole:
        right &= exact == np.rint(exact)
    if not right.all():
        at = tuple(np.argwhere(~right)[0])
        raise ValueError(
            f'{path}: array "{name}", row {at[0] + 1}: {values[at]} is not a '
            f"{'whole ' if whole else ''}number from {low:g} to {high:g}"
        )
    return values'''

SHAPED = '''\
def shaped(values: np.ndarray, shape: list[int], place: str) -> np.ndarray:
    """Return rows in this shape; flat ones are folded, axes of size 1 come and go."""
    given = [size for size in values.shape[1:] if size != 1]
    if given not in ([size for size in shape if size != 1], [math.prod(shape)]):
        raise ValueError(f"{place} is {given} a row, and {shape} is expected")
    return values.reshape(len(values), *shape)'''

SHAPED_DYNAMIC = '''\
def shaped(values: np.ndarray, shape: list[int | str], place: str) -> np.ndarray:
    """Return rows in this shape, which may name axes of any size; flat ones are folded."""
    given = list(values.shape[1:])
    fixed = [size for size in shape if isinstance(size, int)]
    if len(given) == len(shape) and all(
        isinstance(size, str) or size == found
        for size, found in zip(shape, given, strict=True)
    ):
        sizes = given
    else:
        sizes = [size if isinstance(size, int) else -1 for size in shape]
        is_flat = len(given) == 1 and given[0] % math.prod(fixed) == 0
        whole = [size for size in given if size != 1]
        if len(fixed) == len(shape):
            wanted = [size for size in shape if size != 1]
            is_flat = whole in (wanted, [math.prod(fixed)])
        if sizes.count(-1) > 1 or not is_flat:
            raise ValueError(f"{place} is {given} a row, and {shape} is expected")
    if 0 in values.shape or 0 in fixed:
        raise ValueError(f"{place} has an axis of size 0: {values.shape}")
    return values.reshape(len(values), *sizes)'''

STANDARD = '''\
def standard(rows: np.ndarray) -> dict[str, list[float]]:
    """Return mean and deviation of each element; one that never changes is only shifted."""
    rows = rows.reshape(len(rows), -1).astype("float64")
    constant = (rows == rows[0]).all(axis=0)
    mean = np.where(constant, rows[0], rows.mean(axis=0))
    scale = np.where(constant, 1.0, rows.std(axis=0))
    scale[scale == 0] = 1.0
    return {"mean": mean.tolist(), "scale": scale.tolist()}'''

PREPARED = '''\
def prepared(inputs: dict[str, np.ndarray], record: dict[str, Any]) -> list[np.ndarray]:
    """Return the inputs as the network takes them."""
    arrays = []
    for name, kind in record["inputs"].items():
        values = inputs[name]
{standardised}        arrays.append(np.ascontiguousarray(values.astype(kind["dtype"])))
    return arrays'''

STANDARDISED = """\
        if "mean" in kind:
            flat = values.reshape(len(values), -1).astype("float64")
            values = ((flat - kind["mean"]) / kind["scale"]).reshape(values.shape)
"""

PERMUTATION = '''\
def permutation(count: int, *key: str | int) -> np.ndarray:
    """Return 0 .. count - 1 in an order that depends on the key alone."""
    digest = hashlib.sha256(json.dumps(key).encode()).digest()
    bits = np.random.Philox(key=np.frombuffer(digest[:16], dtype="<u8"))
    return np.argsort(bits.random_raw(count), kind="stable")'''

REQUIRE_WRITABLE = '''\
def require_writable(path: Path, data: Path) -> None:
    """Raise an error now, rather than after the training, where no file can be written."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder, and a file is expected")
    if not path.parent.is_dir():
        raise ValueError(f"{path}: there is no folder {path.parent}")
    for read in (data, Path(__file__)):
        if path.exists() and read.exists() and path.samefile(read):
            raise ValueError(f"--output: {path} would be lost; give another name")
    with tempfile.TemporaryFile(dir=path.parent):
        pass'''
