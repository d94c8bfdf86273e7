"""Questions and answers as a person reads them."""

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.trainer.data.records import Examples
from seq2seq_arith.trainer.data.views import to_codes
from seq2seq_arith.trainer.training import samples


def test_samples_are_marked():
    examples = Examples(to_codes(["271+792", "  57+66"], 7), to_codes(["469", "141"], 4))
    found = samples.make_samples(Task("addition"), examples, to_codes(["469", "140"], 4))
    rows = samples.sample_table(found)
    assert [line.split() for line in rows.splitlines()[2:]] == [
        ["297+172", "469", "469", "✓"],
        ["66+75", "141", "140", "✗"],
    ]


def test_an_answer_at_another_place_is_wrong_and_is_seen_to_be():
    examples = Examples(to_codes(["271+792"], 7), to_codes(["469"], 4))
    (found,) = samples.make_samples(Task("addition"), examples, to_codes([" 469"], 4))
    assert (found.prediction, found.right) == (" 469", False)
