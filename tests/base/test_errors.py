"""The tree of errors is the one that its module draws."""

import re

import pytest

from seq2seq_arith.base import errors


def test_the_docstring_draws_every_error_below_its_base():
    drawn, above = {}, {}
    for line in errors.__doc__.splitlines():
        if found := re.match(r"([ │├└─]*)(\w+Error) ", line):
            depth = len(found[1]) // 4
            above[depth] = found[2]
            drawn[found[2]] = above.get(depth - 1) if depth > 1 else None
    real = {name: value.__base__.__name__ for name, value in vars(errors).items() if isinstance(value, type)}
    real = {name: base for name, base in real.items() if name.endswith("Error")}
    assert drawn.keys() == real.keys()
    assert {name: base for name, base in drawn.items() if base} == {
        name: base for name, base in real.items() if base in real
    }


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


def test_ipython_shows_one_sentence_of_every_error():
    for name, value in vars(errors).items():
        if name.endswith("Error"):
            error = value("a", "full disk") if value is errors.WriteError else value("a sentence")
            assert error._render_traceback_() == [f"{name}: {error}"]
