"""TFRecord shards of Examples with two features, written as a matrix: all records of a dataset have one length.

::

    8 bytes    4 bytes      length bytes                          4 bytes
    length     its CRC      tf.train.Example: answer, question    the data's CRC

The length is a little-endian uint64. Both CRCs are masked CRC-32C (``tensorflow/core/lib/io/record_writer.h``). The
data is a ``tf.train.Example`` as ``SerializeToString(deterministic=True)`` writes it, so its map entries stand in the
order of their keys.
"""

import contextlib
import dataclasses
import functools
from collections.abc import Iterator, Sequence

import google_crc32c
import numpy as np

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.files import HashedFile
from seq2seq_arith.pipelines.formats import Problem, check_count
from seq2seq_arith.pipelines.formats.layout import Format, Write

HEADER = 12  # bytes before the data
FOOTER = 4  # bytes after it

NOT_A_RECORD = "is not a record of one question and one answer of these widths, or has another checksum"

# Up to this many varying characters, a table per character is faster than a call to the library per record.
MAX_TABLES = 160


@dataclasses.dataclass(frozen=True)
class RecordFormat:
    """The records of all examples whose question and answer have these widths in characters."""

    question_width: int
    answer_width: int

    def __call__(self, questions: np.ndarray, answers: np.ndarray) -> np.ndarray:
        """The records of n examples, from uint8 of shapes (n, question_width) and (n, answer_width).

        Returns uint8 of shape (n, length), C-contiguous: the bytes of the file.
        """
        records = self._without_checksums(questions, answers)
        masked = _mask(self._checksums(records))
        records[:, -FOOTER:] = masked.astype("<u4").view(np.uint8).reshape(-1, FOOTER)
        return records

    def examples(self, questions: np.ndarray, answers: np.ndarray) -> list[bytes]:
        """The data of the records of n examples, which other containers of Examples store."""
        data = np.ascontiguousarray(self._without_checksums(questions, answers)[:, HEADER:-FOOTER])
        return data.view(f"V{data.shape[1]}").ravel().tolist()

    def texts_of(self, examples: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
        """The inverse of ``examples``; raises Problem if one of them is not such an Example."""
        size = self.length - HEADER - FOOTER
        for row, example in enumerate(examples):
            if len(example) != size:
                raise Problem(f"row {row}: {NOT_A_RECORD}")
        _, answer, question = self._template
        data = np.frombuffer(b"".join(examples), np.uint8).reshape(len(examples), size)
        questions, answers = (data[:, part.start - HEADER : part.stop - HEADER] for part in (question, answer))
        rewritten = self._without_checksums(questions, answers)[:, HEADER:-FOOTER]
        if not (same := (data == rewritten).all(axis=1)).all():
            raise Problem(f"row {np.argmin(same)}: {NOT_A_RECORD}")
        return questions, answers

    def texts(self, records: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The questions and answers of records, as ``__call__`` takes them: views of uint8 of shape (n, length)."""
        _, answer, question = self._template
        return records[:, question], records[:, answer]

    def _without_checksums(self, questions: np.ndarray, answers: np.ndarray) -> np.ndarray:
        template, answer, question = self._template
        records = np.empty((len(questions), self.length), np.uint8)
        records[:] = template
        records[:, answer] = answers
        records[:, question] = questions
        return records

    def intact(self, records: np.ndarray) -> np.ndarray:
        """Whether each record, uint8 of shape (n, length), is as this format writes its characters."""
        stored = np.ascontiguousarray(records[:, -FOOTER:]).view("<u4")[:, 0]
        intact = _mask(self._checksums(records)) == stored
        for start, constant in self._constants:
            intact &= self._column(records, start, "<u8") == constant
        return intact

    def _column(self, records: np.ndarray, start: int, dtype: str) -> np.ndarray:
        """The numbers at byte ``start`` of each record."""
        return records[:, start : start + np.dtype(dtype).itemsize].view(dtype)[:, 0]

    @property
    def length(self) -> int:
        """Bytes of one record, framing included."""
        return len(self._template[0])

    @functools.cached_property
    def _constants(self) -> list[tuple[int, int]]:
        """The constant bytes of every record, as offsets and numbers of eight bytes, which may overlap."""
        template, answer, question = self._template
        before, between = range(0, answer.start, 8), range(answer.stop, question.start, 8)
        offsets = [min(offset, part.stop - 8) for part in (before, between) for offset in part]
        return [(offset, int.from_bytes(template[offset : offset + 8].tobytes(), "little")) for offset in offsets]

    @functools.cached_property
    def _template(self) -> tuple[np.ndarray, slice, slice]:
        """A record of zero characters, and the slices of its answer and question."""
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
            # Record by record: a copy of all would be new memory each time, which is slower than the checksums.
            data = (record.tobytes() for record in records[:, HEADER:-FOOTER])
            return np.fromiter(map(google_crc32c.value, data), np.uint32, len(records))
        constant, tables = self._tables
        checksums = np.full(len(records), constant, np.uint32)
        for column, width, table in tables:
            checksums ^= np.take(table, self._column(records, column, f"<u{width}"))
        return checksums

    @functools.cached_property
    def _tables(self) -> tuple[int, list[tuple[int, int, np.ndarray]]]:
        """The contribution of the characters at each offset: a CRC is linear over XOR, so these sum up to it.

        First the CRC of a record of zero characters; then, for each pair of characters, or a last single one, the
        offset, the number of characters, and the contribution by the little-endian number of these characters.
        """
        template, *ranges = self._template
        data = template[HEADER:-FOOTER].copy()
        constant = google_crc32c.value(data.tobytes())

        def share(column: int) -> np.ndarray:
            table = np.empty(256, np.uint32)
            for character in range(256):
                data[column - HEADER] = character
                table[character] = google_crc32c.value(data.tobytes()) ^ constant
            data[column - HEADER] = 0
            return table

        tables = []
        for columns in ranges:
            for column in range(columns.start, columns.stop - 1, 2):
                shares = share(column + 1)[:, np.newaxis] ^ share(column)
                tables.append((column, 2, shares.ravel()))
            if (columns.stop - columns.start) % 2:
                tables.append((columns.stop - 1, 1, share(columns.stop - 1)))
        return constant, tables


@functools.cache
def record_format(task: Task) -> RecordFormat:
    """The records of a task; cached, because making their tables takes a moment."""
    return RecordFormat(task.question_width, task.answer_width)


@contextlib.contextmanager
def _writer(file: HashedFile, task: Task) -> Iterator[Write]:
    record = record_format(task)
    yield lambda questions, answers: file.write(record(questions, answers))


def _read(data: bytes, task: Task, count: int) -> tuple[np.ndarray, np.ndarray]:
    record = record_format(task)
    whole, rest = divmod(len(data), record.length)
    records = np.frombuffer(data, np.uint8, whole * record.length).reshape(whole, record.length)
    if not (intact := record.intact(records)).all():
        raise Problem(f"row {np.argmin(intact)}: {NOT_A_RECORD}")
    if rest:
        raise Problem(f"row {whole}: ends in the middle of a record")
    check_count(whole, count)
    return record.texts(records)


FORMAT = Format(
    writer=_writer,
    read=_read,
    bytes_of=lambda task, num_shards: task.num_examples * record_format(task).length,
)


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
