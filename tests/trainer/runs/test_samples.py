"""The answers after every epoch: written, and read back as far as they are whole."""

import pytest

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import to_codes
from seq2seq_arith.trainer.data.records import Examples
from seq2seq_arith.trainer.runs import samples
from seq2seq_arith.trainer.runs.samples import EpochSamples, Sample

EPOCHS = [
    EpochSamples(1, (Sample("12+7", "19", "11"), Sample("999+1", "1000", "1000"))),
    EpochSamples(2, (Sample("12+7", "19", "19"), Sample("999+1", "1000", ""))),
]


@pytest.mark.parametrize(
    ("damage", "whole"),
    [(b"", 2), (b"\xff\n", 2), (b"[]\n", 2), (b'{"epoch": 3, "samples": [{"question": 1}]}\n', 2), (b'{"epo', 2)],
)
def test_what_is_damaged_is_left_out(damage, whole, tmp_path):
    path = tmp_path / "samples.jsonl"
    samples.write_jsonl(path, EPOCHS)
    path.write_bytes(path.read_bytes() + damage)
    assert samples.read_jsonl(path) == EPOCHS[:whole]


def test_samples_are_marked():
    """An answer at another place is wrong, and is seen to be."""
    examples = Examples(to_codes(["271+792", "  57+66", "271+792"], 7), to_codes(["469", "141", "469"], 4))
    found = samples.make_samples(Task("addition"), examples, to_codes(["469", "140", " 469"], 4))
    assert samples.sample_rows(found) == [
        ["297+172", "469", "469", "✓"],
        ["66+75", "141", "140", "✗"],
        ["297+172", "469", " 469", "✗"],
    ]
