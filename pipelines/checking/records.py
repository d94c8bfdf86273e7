"""Reads TFRecord files of questions and answers, in two ways that share nothing with the writer.

``read`` is exact and slow: the CRC library and protobuf take each record apart, and each problem is named.
``UniformRecords.read`` is fast: it compares whole blocks of records with one that protobuf wrote, and gives up where
any byte of the framing differs, without saying why.
"""

import dataclasses
import functools
import struct
from collections.abc import Iterator
from typing import Any

import google_crc32c
import numpy as np
from google.protobuf import message

from seq2seq_arith.pipelines.checking import Problem

HEADER = 12  # bytes before the data: its length, and the length's checksum
FOOTER = 4  # bytes after it: its checksum


def read(data: bytes) -> Iterator[tuple[str, str]]:
    """The question and the answer of each record; raises Problem if one cannot be read."""
    position = row = 0
    while position < len(data):
        header = data[position : position + HEADER]
        if len(header) < HEADER:
            raise Problem(f"row {row}: ends in the middle of a record")
        length, length_crc = struct.unpack("<QI", header)
        if _masked(google_crc32c.value(header[:8])) != length_crc:
            raise Problem(f"row {row}: its length has another checksum")
        end = position + HEADER + length
        if end + FOOTER > len(data):
            raise Problem(f"row {row}: ends in the middle of a record")
        content = data[position + HEADER : end]
        if _masked(google_crc32c.value(content)) != struct.unpack("<I", data[end : end + FOOTER])[0]:
            raise Problem(f"row {row}: its data has another checksum")
        yield parsed(content, row)
        position = end + FOOTER
        row += 1


def parsed(content: bytes, row: int) -> tuple[str, str]:
    """The question and the answer of a serialized Example; raises Problem if it cannot be read."""
    try:
        features = _example_class().FromString(content).features.feature
        (question,), (answer,) = features["question"].bytes_list.value, features["answer"].bytes_list.value
        texts = question.decode("ascii"), answer.decode("ascii")
    except (message.DecodeError, ValueError):
        raise Problem(f"row {row}: is no Example of one question and one answer") from None
    if set(features) != {"question", "answer"}:
        raise Problem(f"row {row}: has the features {sorted(features)}")
    return texts


@dataclasses.dataclass(frozen=True)
class UniformRecords:
    """Records of one length, whose questions and whose answers have one width."""

    blank: np.ndarray  # uint8 of shape (length,): a record of spaces, framing included, its data's checksum aside
    question: slice  # where its characters stand in the record
    answer: slice  # likewise

    @property
    def length(self) -> int:
        """Bytes per record."""
        return len(self.blank)

    def read(self, data: bytes, start: int, end: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Some rows' questions and answers, uint8 (rows, width); None if any record has another framing or checksum."""
        rows = np.frombuffer(data, np.uint8, (end - start) * self.length, start * self.length)
        rows = rows.reshape(-1, self.length)
        if np.any(rows[:, :HEADER] != self.blank[:HEADER]):
            return None
        content = np.ascontiguousarray(rows[:, HEADER:-FOOTER])
        whole_rows = content.view(f"V{content.shape[1]}").ravel().tolist()
        checksums = np.fromiter(map(google_crc32c.value, whole_rows), np.uint32, len(rows))
        stated = np.ascontiguousarray(rows[:, -FOOTER:]).view("<u4").ravel()
        if np.any(_masked(checksums) != stated):
            return None
        return self.texts(content)

    def texts(self, content: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """As ``read``, of Examples without framing, uint8 (rows, bytes); None if other bytes are around the texts."""
        blank = self.blank[HEADER:-FOOTER]
        question, answer = (slice(text.start - HEADER, text.stop - HEADER) for text in (self.question, self.answer))
        first, second = sorted((question, answer), key=lambda text: text.start)
        for fixed in (slice(0, first.start), slice(first.stop, second.start), slice(second.stop, len(blank))):
            if np.any(content[:, fixed] != blank[fixed]):
                return None
        return content[:, question], content[:, answer]


@functools.cache
def uniform_records(question_width: int, answer_width: int) -> UniformRecords:
    """The records of a dataset, found out by serializing Examples of blank strings."""
    blank, question, answer = (
        np.frombuffer(_serialized(*texts), np.uint8)
        for texts in (
            (" " * question_width, " " * answer_width),
            ("x" * question_width, " " * answer_width),
            (" " * question_width, "x" * answer_width),
        )
    )
    length = struct.pack("<Q", len(blank))
    framed = length + struct.pack("<I", _masked(google_crc32c.value(length))) + blank.tobytes() + bytes(FOOTER)
    places = (np.flatnonzero(text != blank) + HEADER for text in (question, answer))
    return UniformRecords(np.frombuffer(framed, np.uint8), *(slice(at[0], at[-1] + 1) for at in places))


def _serialized(question: str, answer: str) -> bytes:
    example = _example_class()()
    for name, text in (("question", question), ("answer", answer)):
        example.features.feature[name].bytes_list.value.append(text.encode())
    return example.SerializeToString(deterministic=True)


def _masked(crc: Any) -> Any:
    """TFRecord's masking of one CRC, or of many: uint32 of shape (n,)."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _example_class() -> Any:
    """The message class ``tf.train.Example``: TFDS has a copy of it, without TensorFlow."""
    from tensorflow_datasets.proto import tf_example_pb2  # takes a second to import

    return tf_example_pb2.Example
