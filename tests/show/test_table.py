"""Tables of the command line: as wide as they need to be, and cheap for thousands of rows."""

import json
import sys

import pytest
from click import unstyle
from click.testing import CliRunner

from nnspec.cli import main
from nnspec.show.table import table_lines

ROWS = [("a", "dense", "1,000"), ("a_long_name_of_a_layer", "flatten", "")]
HEADINGS = ("layer", "type", "size")


def test_a_table_has_the_width_of_its_widest_cells():
    lines = map(unstyle, table_lines("Net", HEADINGS, ROWS, numeric=1))
    assert list(lines) == [
        "Net",
        "",
        " layer                    type       size",
        " ────────────────────────────────────────",
        " a                        dense     1,000",
        " a_long_name_of_a_layer   flatten",
        "",
    ]


@pytest.mark.parametrize("width", [30, 34, 40])
def test_a_table_too_wide_for_the_terminal_folds_its_words(width):
    lines = [*map(unstyle, table_lines("Net", HEADINGS, ROWS, numeric=1, width=width))]
    assert max(map(len, lines)) <= width - 1
    assert len(lines) > 7
    text = [line.split("   ")[0].strip() for line in lines[4:]]
    assert "".join(text) == "aa_long_name_of_a_layer"


def test_a_summary_prints_thousands_of_layers_without_a_rich_table(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.table", None)
    layers = [{"type": "dense", "units": 4}, {"type": "relu"}] * 4000
    document = {"nnspec": 1, "name": "Long", "inputs": {"x": {"shape": [4]}}, "layers": layers}
    path = tmp_path / "long.json"
    path.write_text(json.dumps(document))
    result = CliRunner().invoke(main, ["summary", str(path)])
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert sum(" dense " in line or " relu " in line for line in lines) == 8000
    assert " dense_4000   dense   (4,)             20              16" in lines
