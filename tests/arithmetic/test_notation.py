"""The answers of the notations. test_draws and test_text test how they draw and write."""

import re

import pytest

from seq2seq_arith.arithmetic.notation import DASHES, DECIMAL, RESIDUES
from seq2seq_arith.arithmetic.numbers import from_ints


@pytest.mark.parametrize(
    ("value", "length"), [(0, 1), (9, 1), (10, 2), (99, 2), (100, 3), (10**18 - 1, 18), (10**18, 19), (10**40, 41)]
)
def test_measure_decimal(value, length):
    assert DECIMAL.measure(from_ints([value], 3)).tolist() == [length]


@pytest.mark.parametrize(
    ("notation", "symbol", "text", "operands"),
    [
        (DECIMAL, "+", "12+7", ("12", "7")),
        (DECIMAL, "*", "0*00", ("0", "00")),
        (DECIMAL, "-", "-1-2", None),
        (DECIMAL, "+", "12+", None),
        (DECIMAL, "+", "12-7", None),
        (DASHES, "p", "---p--", ("---", "--")),
        (DASHES, "p", "p--", None),
        (DASHES, "p", "-p-p-", None),
    ],
)
def test_split(notation, symbol, text, operands):
    assert notation.split(symbol, text) == operands


@pytest.mark.parametrize(
    ("notation", "text", "expected"),
    [(DECIMAL, "0", True), (DECIMAL, "10", True), (DECIMAL, "01", False), (DECIMAL, "00", False), (DECIMAL, "", False),
     (DASHES, "-", True), (DASHES, "---", True), (DASHES, "", False)],
)  # fmt: skip
def test_operands_as_the_datasets_write_them(notation, text, expected):
    assert notation.is_operand(text) is expected


@pytest.mark.parametrize("notation", [DECIMAL, DASHES, RESIDUES], ids=repr)
def test_patterns_agree(notation):
    """The example is an operand, every operand can be typed, and no pattern has a group."""
    for pattern in (notation.operand, notation.typed):
        assert re.compile(pattern).groups == 0
        assert all(re.fullmatch(pattern, operand) for operand in notation.example)


@pytest.mark.parametrize(
    ("notation", "size", "operand", "expected"),
    [(DECIMAL, 2, "99", True), (DECIMAL, 2, "100", False), (RESIDUES, 97, "96", True), (RESIDUES, 97, "97", False),
     (RESIDUES, 100, "99", True), (RESIDUES, 100, "100", False), (DASHES, 2, "--", True), (DASHES, 2, "---", False)],
)  # fmt: skip
def test_operands_that_a_task_has(notation, size, operand, expected):
    assert notation.allows(size, operand) is expected
