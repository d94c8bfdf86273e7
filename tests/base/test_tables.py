"""Plain-text tables."""

import doctest

import pytest

from seq2seq_arith.base import tables


def test_the_examples_in_the_docstrings():
    assert doctest.testmod(tables) == (0, 4)


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
