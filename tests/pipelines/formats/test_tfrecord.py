"""TFRecord framing and Example bytes, against TensorFlow's own reader and writer."""

import numpy as np
import pytest
import tensorflow as tf

from seq2seq_arith.pipelines.formats.tfrecord import MAX_TABLES, RecordFormat

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
