"""Questions and answers as a person reads them."""

from seq2seq_arith.arithmetic.tasks import Task
from seq2seq_arith.trainer.data.records import Examples
from seq2seq_arith.trainer.data.views import to_codes
from seq2seq_arith.trainer.training import samples


def test_samples_are_marked():
    examples = Examples(to_codes(["271+792", "  57+66"], 7), to_codes(["469", "141"], 4))
    rows = samples.sample_table(Task("addition"), examples, to_codes(["469", "140"], 4))
    assert [line.split() for line in rows.splitlines()[2:]] == [
        ["297+172", "469", "469", "✓"],
        ["66+75", "141", "140", "✗"],
    ]
