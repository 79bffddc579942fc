#!/bin/sh
# polars 2.1.0: read_csv undoes doubled quotes in the values of a file, and not in its header: a column that is
# written "say ""a""" is called say ""a"", and select of its name finds nothing. Writing and reading a table
# gives it other columns.
# Exits with 1 if this has changed.
# Output:
#   written ['say "a"'] read ['say ""a""'] value say "b"
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check polars==2.1.0
"$folder/venv/bin/python" - "$folder/table.csv" <<'PYTHON'
import sys

import polars as pl

table = pl.DataFrame({'say "a"': ['say "b"']})
table.write_csv(sys.argv[1])
read = pl.read_csv(sys.argv[1])
found = f"written {table.columns} read {read.columns} value {read.item()}"
print(found)
expected = f"written ['say \"a\"'] read ['say \"\"a\"\"'] value {table.item()}"
raise SystemExit(found != expected)
PYTHON
