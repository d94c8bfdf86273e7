"""The tree of errors is the one that its module draws."""

import re

import pytest

from seq2seq_arith.base import errors
from seq2seq_arith.base.terminal import as_command


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
    ("given", "shown"),
    [
        ("learning_rate is " + "9" * 400 + "; give less", "learning_rate is " + "9" * 60 + "…; give less"),
        ("'" + "x" * 300 + "' is no number", "'" + "x" * 60 + "…' is no number"),
        (f"'{'word ' * 2}{'9' * 5000}' is no number", f"'word word {'9' * 60}…' is no number"),
        (repr("\0" * 5000) + " is no number", "'" + r"\x00" * 14 + r"\x0…' is no number"),
        ("9" * 299, "9" * 299),
        ("/folder" * 100 + "/x is no run", "/folder" * 100 + "/x is no run"),  # a path is whole
        ("/" + "a" * 5000 + "/b", "/" + "a" * 60 + "…/b"),
        ("word " * 100, "word " * 100),
    ],
)
def test_a_long_value_does_not_hide_the_sentence(given, shown):
    assert str(errors.InputError(given)) == shown


@pytest.mark.parametrize("name", ["a" * 255, "é" * 127, "\n" * 255, "'" * 255, '"' * 255, "a b" * 85, "\udcff" * 255])
@pytest.mark.parametrize("place", ["{}", "/data/{}/seq2seq_arith", "--data-dir={}"])
def test_a_command_or_a_path_is_whole(name, place):
    """The longest names that a system takes."""
    word = place.format(name)
    for sentence in (f"{word} is damaged; make it anew", f"make it with: {as_command(['arith-data', word])}"):
        assert str(errors.InputError(sentence)) == sentence


def test_ipython_shows_one_sentence_of_every_error():
    for name, value in vars(errors).items():
        if name.endswith("Error"):
            error = value("a", "full disk") if value is errors.WriteError else value("a sentence")
            assert error._render_traceback_() == [f"{name}: {error}"]
