"""How wrong answers differ from the right ones."""

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import VISIBLE_PAD, to_codes
from seq2seq_arith.trainer.reporting import errors
from seq2seq_arith.trainer.reporting.errors import Place


def confusion(*pairs: tuple[str, str]) -> errors.Confusion:
    """Of right answers and the model's, to additions of three digits."""
    right, said = (to_codes(list(side), 4) for side in zip(*pairs, strict=True))
    return errors.confusion(Task("addition"), right, said)


def test_digits_are_compared_from_the_units():
    assert [(place.count, place.wrong) for place in confusion(("12", "")).places] == [(1, 1), (1, 1)]
    found = confusion(("1000", "990"), ("42", "42"), ("357", "347"))
    assert found.places == (
        Place("units", 3, 0, ()),
        Place("tens", 3, 2, ("9 for 0 × 1", "4 for 5 × 1")),
        Place("hundreds", 2, 1, ("9 for 0 × 1",)),
        Place("thousands", 1, 1, (f"{VISIBLE_PAD} for 1 × 1",)),
    )
    table = {
        (right, said): found.counts[row, column]
        for row, right in enumerate(found.characters)
        for column, said in enumerate(found.characters)
        if found.counts[row, column]
    }
    assert table == {("0", "9"): 2, ("5", "4"): 1, ("1", VISIBLE_PAD): 1}
    assert found.characters == f"0123456789{VISIBLE_PAD}"
