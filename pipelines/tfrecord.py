"""TFRecord shards of two-field Examples, framed as a matrix: all records of a dataset have one length.

A record is the length of its data (uint64, little-endian), that length's masked CRC-32C, the data, and the data's
masked CRC-32C (``tensorflow/core/lib/io/record_writer.h``). The data is a ``tf.train.Example`` as
``SerializeToString(deterministic=True)`` writes it, so its map entries stand in the order of their keys.
"""

import dataclasses
import functools

import google_crc32c
import numpy as np

HEADER = 12  # bytes before the data
FOOTER = 4  # bytes after it

# Up to this many varying characters a table for each is faster than a call to the library for each record.
MAX_TABLES = 160


@dataclasses.dataclass(frozen=True)
class RecordFormat:
    """The records of all examples whose question and answer have these widths in characters."""

    question_width: int
    answer_width: int

    def __call__(self, questions: np.ndarray, answers: np.ndarray) -> np.ndarray:
        """The records of n examples.

        Args:
          questions: uint8 of shape (n, question_width).
          answers: uint8 of shape (n, answer_width).

        Returns:
          uint8 of shape (n, length), C-contiguous: the bytes of the file.
        """
        template, answer, question = self._template
        records = np.empty((len(questions), self.length), np.uint8)
        records[:] = template
        records[:, answer] = answers
        records[:, question] = questions
        masked = _mask(self._checksums(records))
        records[:, -FOOTER:] = masked.astype("<u4").view(np.uint8).reshape(-1, FOOTER)
        return records

    @property
    def length(self) -> int:
        """Bytes of one record, framing included."""
        return len(self._template[0])

    @functools.cached_property
    def _template(self) -> tuple[np.ndarray, slice, slice]:
        """A record of zero characters, and where its answer and question stand."""
        answer_entry = _entry(b"answer", bytes(self.answer_width))
        question_entry = _entry(b"question", bytes(self.question_width))
        data = _field(1, answer_entry + question_entry)
        length = len(data).to_bytes(8, "little")
        checksum = int(_mask(np.array([google_crc32c.value(length)], np.uint32))[0]).to_bytes(4, "little")
        record = np.frombuffer(length + checksum + data + bytes(FOOTER), np.uint8)
        question_end = len(record) - FOOTER
        answer_end = question_end - len(question_entry)
        answer = slice(answer_end - self.answer_width, answer_end)
        return record, answer, slice(question_end - self.question_width, question_end)

    def _checksums(self, records: np.ndarray) -> np.ndarray:
        """CRC-32C of each record's data, uint32 of shape (n,)."""
        if self.question_width + self.answer_width > MAX_TABLES:
            data = records[:, HEADER:-FOOTER]
            return np.array([google_crc32c.value(row.tobytes()) for row in data], np.uint32)
        constant, tables = self._tables
        checksums = np.full(len(records), constant, np.uint32)
        for column, table in tables:
            checksums ^= np.take(table, records[:, column])
        return checksums

    @functools.cached_property
    def _tables(self) -> tuple[int, list[tuple[int, np.ndarray]]]:
        """What each character at each place adds: a CRC is linear over XOR, so the record's is the sum of them."""
        template, *places = self._template
        data = template[HEADER:-FOOTER].copy()
        constant = google_crc32c.value(data.tobytes())
        tables = []
        for column in (column for place in places for column in range(place.start, place.stop)):
            table = np.empty(256, np.uint32)
            for character in range(256):
                data[column - HEADER] = character
                table[character] = google_crc32c.value(data.tobytes()) ^ constant
            data[column - HEADER] = 0
            tables.append((column, table))
        return constant, tables


def _entry(name: bytes, value: bytes) -> bytes:
    """An entry of ``Features.feature``: the name, and a Feature that is a BytesList of one value."""
    return _field(1, _field(1, name) + _field(2, _field(1, _field(1, value))))


def _field(number: int, payload: bytes) -> bytes:
    """A length-delimited protobuf field."""
    return bytes([number << 3 | 2]) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])


def _mask(checksums: np.ndarray) -> np.ndarray:
    """TFRecord's masking of a CRC: rotated right by 15 bits, plus a constant."""
    return (checksums >> np.uint32(15) | checksums << np.uint32(17)) + np.uint32(0xA282EAD8)
