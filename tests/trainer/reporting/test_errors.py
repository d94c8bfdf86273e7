"""How wrong answers differ from the right ones."""

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import VISIBLE_PAD, to_codes
from seq2seq_arith.trainer.reporting import errors
from seq2seq_arith.trainer.reporting.errors import Position


def confusion(*pairs: tuple[str, str]) -> errors.Confusion:
    """Of right answers and the model's, to additions of three digits."""
    right, written = (to_codes(list(side), 4) for side in zip(*pairs, strict=True))
    return errors.confusion(Task("addition"), right, written)


def test_digits_are_compared_from_the_units():
    assert [(position.count, position.wrong) for position in confusion(("12", "")).positions] == [(1, 1), (1, 1)]
    confused = confusion(("1000", "990"), ("42", "42"), ("357", "347"))
    assert confused.positions == (
        Position("units", 3, 0, ()),
        Position("tens", 3, 2, ("9 for 0 × 1", "4 for 5 × 1")),
        Position("hundreds", 2, 1, ("9 for 0 × 1",)),
        Position("thousands", 1, 1, (f"{VISIBLE_PAD} for 1 × 1",)),
    )
    table = {
        (right, written): confused.counts[row, column]
        for row, right in enumerate(confused.characters)
        for column, written in enumerate(confused.characters)
        if confused.counts[row, column]
    }
    assert table == {("0", "9"): 2, ("5", "4"): 1, ("1", VISIBLE_PAD): 1}
    assert confused.characters == f"0123456789{VISIBLE_PAD}"
