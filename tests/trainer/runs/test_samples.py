"""The answers after every epoch: written, and read back as far as they are whole."""

import pytest

from seq2seq_arith.trainer.runs import samples
from seq2seq_arith.trainer.runs.samples import EpochSamples, Sample

EPOCHS = [
    EpochSamples(1, (Sample("12+7", "19", "11"), Sample("999+1", "1000", "1000"))),
    EpochSamples(2, (Sample("12+7", "19", "19"), Sample("999+1", "1000", ""))),
]


def test_they_are_read_back(tmp_path):
    path = tmp_path / "samples.jsonl"
    samples.write_jsonl(path, EPOCHS)
    assert samples.read_jsonl(path) == EPOCHS
    assert [[each.right for each in epoch.samples] for epoch in EPOCHS] == [[False, True], [True, False]]


@pytest.mark.parametrize(
    ("content", "whole"),
    [
        (None, 0),
        (b"", 0),
        (b"\xff\n", 0),
        (b"[]\n", 0),
        (b'{"epoch": 1, "samples": [{"question": 1}]}\n', 0),
        (b"{", 2),
    ],
)
def test_what_is_damaged_or_missing_is_left_out(content, whole, tmp_path):
    path = tmp_path / "samples.jsonl"
    if content is not None:
        samples.write_jsonl(path, EPOCHS[:whole])
        path.write_bytes(path.read_bytes() + content)
    assert samples.read_jsonl(path) == EPOCHS[:whole]
