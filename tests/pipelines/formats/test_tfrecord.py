"""TFRecord framing and Example bytes, against TensorFlow's own reader and writer."""

import numpy as np
import pytest
import tensorflow as tf

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.checking import independent
from seq2seq_arith.pipelines.formats import Problem
from seq2seq_arith.pipelines.formats.tfrecord import FORMAT, MAX_TABLES, RecordFormat

# Checksums go by tables up to MAX_TABLES characters and by the library above; the lengths of protobuf's fields take a
# byte more at 128 and at 16,384.
WIDTHS = [
    *((1, 1), (7, 4), (60, 61), (MAX_TABLES - 80, 80), (MAX_TABLES - 80, 81), (125, 130), (2001, 2001)),
    *((16_383, 16_384), (200_001, 200_001)),
]


def example_bytes(question: bytes, answer: bytes) -> bytes:
    features = {
        name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        for name, value in (("question", question), ("answer", answer))
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString(deterministic=True)


def characters(rng: np.random.Generator, rows: int, width: int) -> np.ndarray:
    return rng.integers(0, 256, (rows, width)).astype(np.uint8)


@pytest.mark.parametrize(("question_width", "answer_width"), WIDTHS)
def test_bytes_are_what_tensorflow_writes(tmp_path, question_width, answer_width):
    rng = np.random.default_rng(question_width)
    question, answer = characters(rng, 5, question_width), characters(rng, 5, answer_width)
    records = RecordFormat(question_width, answer_width)(question, answer)
    path = str(tmp_path / "tensorflow.tfrecord")
    with tf.io.TFRecordWriter(path) as writer:
        for row in range(5):
            writer.write(example_bytes(question[row].tobytes(), answer[row].tobytes()))
    assert records.tobytes() == (tmp_path / "tensorflow.tfrecord").read_bytes()
    assert records.shape == (5, RecordFormat(question_width, answer_width).length)


@pytest.mark.parametrize(("question_width", "answer_width"), [(1, 1), (7, 4), (15, 8), (100, 100)])
def test_intact_sees_every_flipped_bit(question_width, answer_width):
    """One bit of each record is flipped, another one in each."""
    record = RecordFormat(question_width, answer_width)
    bits = 8 * record.length
    rng = np.random.default_rng(0)
    rows = characters(rng, bits + 1, question_width), characters(rng, bits + 1, answer_width)
    records = record(*rows)
    assert record.intact(records).all()
    for bit in range(bits):
        records[bit, bit // 8] ^= 1 << bit % 8
    assert np.flatnonzero(record.intact(records)).tolist() == [bits]


TASK, ROWS = Task("subtraction", size=2), [("12-3 ", "9  "), ("5-7  ", "-2 "), ("0-0  ", "0  ")]
DATA = b"".join(independent.record(*row) for row in ROWS)


def test_what_is_read_back():
    assert [tuple(map(bytes, pair)) for pair in zip(*FORMAT.read(DATA, TASK, 3), strict=True)] == [
        (question.encode(), answer.encode()) for question, answer in ROWS
    ]
    assert [side.shape for side in FORMAT.read(b"", TASK, 0)] == [(0, 5), (0, 3)]


@pytest.mark.parametrize("place", range(len(DATA)))
def test_every_flipped_byte(place):
    """Of the framing and of the fields around the characters, and of these by the checksum."""
    data = bytearray(DATA)
    data[place] ^= 1 + place % 255
    with pytest.raises(Problem, match=f"row {place // (len(DATA) // 3)}: is not a record of one question"):
        FORMAT.read(bytes(data), TASK, 3)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (DATA[:-1], "row 2: ends in the middle of a record"),
        (DATA[:11], "row 0: ends in the middle of a record"),
        (DATA[: len(DATA) // 3], "has 1 rows, not 3"),
        (DATA + DATA, "has 6 rows, not 3"),
        (DATA.replace(independent.record(*ROWS[1]), independent.record("5-7", "-2")), "row 1: is not a record"),
    ],
)
def test_what_is_not_so_many_records(data, complaint):
    with pytest.raises(Problem) as problem:
        FORMAT.read(data, TASK, 3)
    assert str(problem.value).startswith(complaint)
