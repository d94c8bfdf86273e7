"""The answers of the notations. test_draws and test_text test how they draw and write."""

import re

import pytest

from seq2seq_arith.arithmetic.notation import DASHES, DECIMAL, RESIDUES


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
