"""Tables as plain text, as HTML, and as rows."""

import doctest
import html.parser

import pytest

from seq2seq_arith.base import tables


def test_the_examples_in_the_docstrings():
    assert doctest.testmod(tables) == (0, 10)


def test_numbers_stand_to_the_right():
    assert tables.table(["n", "share"], [["1,000", "0.5"], ["2", "12%"]]).splitlines() == [
        "    n  share",
        "-----  -----",
        "1,000    0.5",
        "    2    12%",
    ]


def test_a_column_with_a_word_stands_to_the_left():
    assert tables.table(["of"], [["1"], ["none"]]).splitlines() == ["of", "----", "1", "none"]


def test_what_stands_for_no_number_does_not_move_a_column():
    assert tables.table(["right", "of"], [["1.000", "12"], ["-", ""]]).splitlines()[2:] == ["1.000  12", "    -"]


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("", ""),
        ("12+345", "12+345"),
        ("-" * 12, "-" * 12),
        ("-" * 431 + "p" + "-" * 5, "-{431}p-----"),
        ("-" * 13 + "p" + "-" * 1000, "-{13}p-{1000}"),
    ],
)
def test_long_runs_are_shortened(text, short):
    assert tables.shortened(text) == short


ROWS = [
    {"name": "a", "right": True, "share": 0.99999, "seconds": 1.26, "weights": 19948},
    {"name": "<b>", "right": False, "share": None, "seconds": 10.0, "weights": 7},
]


class Cells(html.parser.HTMLParser):
    """The text of every cell."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(markup)

    def handle_data(self, data: str) -> None:
        self.found.append(data)


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
    assert Cells(table._repr_html_()).found == ["two runs", *shown, "<b>", "✗", "-", "10.0", "7"]


def test_a_long_table_says_how_much_it_does_not_show():
    table = tables.Table({"n": number} for number in range(1000))
    assert repr(table).splitlines()[-1] == "(940 more rows)"
    assert table._repr_html_().endswith("(940 more rows)")
    assert len(repr(table).splitlines()) == 63


def test_a_table_without_rows_names_its_columns():
    table = tables.Table([], ["question", "answer"])
    assert (repr(table), len(table)) == ("no rows of question, answer", 0)
