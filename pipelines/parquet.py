"""Parquet shards: two columns of strings, ``question`` and ``answer``, neither null."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from seq2seq_arith.pipelines.tasks import Task

SCHEMA = pa.schema([pa.field(name, pa.string(), nullable=False) for name in ("question", "answer")])
MAX_ROW_GROUP_BYTES = 64 * 2**20
MAX_ROW_GROUP_ROWS = 2**20


def row_group_rows(task: Task) -> int:
    """Rows in a full row group: the largest power of two whose strings fit into 64 MiB, 2^20 at most."""
    fitting = MAX_ROW_GROUP_BYTES // (task.question_width + task.answer_width)
    return min(MAX_ROW_GROUP_ROWS, 1 << (fitting.bit_length() - 1))


class ParquetWriter:
    """Writes examples to an open binary file, a row group whenever one is full. A context manager.

    The bytes are a function of the rows alone, for one version of PyArrow: pieces are regrouped here.
    """

    def __init__(self, file: Any, task: Task) -> None:
        self._rows = row_group_rows(task)
        self._pieces: list[pa.Table] = []
        self._pending = 0
        self._writer = pq.ParquetWriter(
            file, SCHEMA, compression="zstd", compression_level=3, use_dictionary=False, store_schema=False
        )

    def write(self, questions: np.ndarray, answers: np.ndarray) -> None:
        """Adds rows: uint8 of shapes (n, question_width) and (n, answer_width); n is a power of two, but at the end."""
        self._pieces.append(pa.table([_strings(questions), _strings(answers)], schema=SCHEMA))
        self._pending += len(questions)
        if self._pending >= self._rows:
            self._flush()

    def _flush(self) -> None:
        # One chunk a column: how a column is chunked moves its page boundaries.
        self._writer.write_table(pa.concat_tables(self._pieces).combine_chunks(), row_group_size=self._rows)
        self._pieces, self._pending = [], 0

    def __enter__(self) -> "ParquetWriter":
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        if kind is None and self._pending:
            self._flush()
        self._writer.close()


def _strings(rows: np.ndarray) -> pa.Array:
    """Fixed-width rows as strings, without a copy where they are contiguous."""
    count, width = rows.shape
    offsets = np.arange(0, (count + 1) * width, width, dtype=np.int32)
    data = np.ascontiguousarray(rows)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(data))
