"""The tree of errors is the one that its module draws."""

import pytest

from seq2seq_arith.base import errors


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("9" * 400, "'" + "9" * 59 + "…"),
        (10**400, "1" + "0" * 59 + "…"),
        ("9" * 298, "'" + "9" * 298 + "'"),
        (None, "None"),
    ],
)
def test_a_long_value_does_not_hide_the_sentence(value, shown):
    assert errors.shown(value) == shown
