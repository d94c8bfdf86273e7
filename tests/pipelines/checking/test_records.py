"""TFRecord files read back, exactly and by blocks, against records that are put together by hand."""

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st

from seq2seq_arith.pipelines.checking import Problem, records

ROWS = [("12-3 ", "9  "), ("5-7  ", "-2 "), ("0-0  ", "0  ")]
DATA = b"".join(reference.record(*row) for row in ROWS)


def decoded(texts: tuple[np.ndarray, np.ndarray]) -> list[tuple[str, str]]:
    questions, answers = ([row.tobytes().decode() for row in side] for side in texts)
    return list(zip(questions, answers, strict=True))


def test_both_ways_read_the_same():
    assert list(records.read(DATA)) == ROWS
    uniform = records.uniform_records(5, 3)
    assert uniform.length == len(reference.record(*ROWS[0]))
    assert decoded(uniform.read(DATA, 0, 3)) == ROWS
    assert decoded(uniform.read(DATA, 1, 2)) == ROWS[1:2]
    assert decoded(uniform.read(b"", 0, 0)) == list(records.read(b"")) == []


@given(st.text("0123456789+", min_size=1, max_size=300), st.text("0123456789", min_size=1, max_size=300))
def test_any_widths(question, answer):
    """Beyond 127 bytes the lengths in a protobuf message take more bytes themselves."""
    data = reference.record(question, answer)
    assert list(records.read(data)) == [(question, answer)]
    assert decoded(records.uniform_records(len(question), len(answer)).read(data, 0, 1)) == [(question, answer)]


@pytest.mark.parametrize("place", range(len(DATA)))
def test_every_flipped_byte(place):
    data = bytearray(DATA)
    data[place] ^= 1 + place % 255
    with pytest.raises(Problem, match=f"row {place // (len(DATA) // 3)}: "):
        list(records.read(bytes(data)))
    assert records.uniform_records(5, 3).read(bytes(data), 0, 3) is None


@pytest.mark.parametrize("length", [1, 11, 12, 13, len(DATA) - 1])
def test_a_record_that_ends_early(length):
    with pytest.raises(Problem, match=r"row \d: ends in the middle of a record"):
        list(records.read(DATA[:length]))


def framed(content: bytes) -> bytes:
    """Any content with the right framing."""
    length = len(content).to_bytes(8, "little")
    return length + reference._masked_crc(length) + content + reference._masked_crc(content)


def features(*entries: tuple[str, str]) -> bytes:
    return reference._delimited(1, b"".join(reference._feature(*entry) for entry in entries))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"\xff", "row 0: is no Example of one question and one answer"),
        (b"", "row 0: is no Example of one question and one answer"),
        (features(("question", "1+1")), "row 0: is no Example of one question and one answer"),
        (features(("question", "1+1"), ("answer", "²")), "row 0: is no Example of one question and one answer"),
        (
            features(("answer", "2"), ("more", "x"), ("question", "1+1")),
            "row 0: has the features ['answer', 'more', 'question']",
        ),
    ],
)
def test_what_is_not_an_example(content, complaint):
    with pytest.raises(Problem) as problem:
        list(records.read(framed(content)))
    assert str(problem.value) == complaint
    assert list(records.read(framed(features(("question", "1+1"), ("answer", "2"))))) == [("1+1", "2")]
