"""Tables as plain text, as HTML, and as rows."""

import re

import pytest

from seq2seq_arith.base import tables


@pytest.mark.parametrize(
    ("header", "rows", "lines"),
    [
        (["n", "share"], [["1,000", "0.5"], ["2", "12%"]], ["    n  share", "1,000    0.5", "    2    12%"]),
        (["of"], [["1"], ["none"]], ["of", "1", "none"]),  # a word: the column stands to the left
        (["right", "of"], [["1.000", "12"], ["-", ""]], ["right  of", "1.000  12", "    -"]),  # no number
    ],
)
def test_numbers_stand_to_the_right(header, rows, lines):
    first, _, *others = tables.table(header, rows).splitlines()
    assert [first, *others] == lines


ROWS = [
    {"name": "a", "right": True, "share": 0.99999, "seconds": 1.26, "weights": 19948},
    {"name": "<b>", "right": False, "share": None, "seconds": 10.0, "weights": 7},
]


def test_a_table_is_a_sequence_of_its_rows():
    table = tables.Table(ROWS)
    assert list(table) == ROWS
    assert (len(table), table[-1], table.column("weights")) == (2, ROWS[1], [19948, 7])
    assert list(table[1:]) == ROWS[1:]
    table[0]["name"] = "another"
    assert ROWS[0]["name"] == "a"


def test_a_table_shows_numbers_as_people_read_them():
    """A share is cut off and not rounded; text and HTML have the same cells."""
    table = tables.Table(ROWS, title="two runs")
    assert repr(table).splitlines() == [
        "two runs",
        "name  right   share  seconds  weights",
        "----  -----  ------  -------  -------",
        "a     ✓      0.9999      1.3   19,948",
        "<b>   ✗           -     10.0        7",
    ]
    shown = ["name", "right", "share", "seconds", "weights", "a", "✓", "0.9999", "1.3", "19,948"]
    cells = re.findall(">([^<]+)<", table._repr_html_())
    assert cells == ["two runs", *shown, "&lt;b&gt;", "✗", "-", "10.0", "7"]


def test_a_long_table_says_how_much_it_does_not_show():
    table = tables.Table({"runs/my_run": number} for number in range(1000))
    lines = repr(table).splitlines()
    assert (lines[0].strip(), lines[-1], len(lines)) == ("runs/my_run", "(940 more rows)", 63)
    assert table._repr_html_().endswith("(940 more rows)")
