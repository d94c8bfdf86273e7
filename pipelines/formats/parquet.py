"""Parquet shards: two columns of strings, ``question`` and ``answer``, neither null.

Questions of addition are stored from the last character to the first, and readers other than this project show
``83+12`` with the answer ``59``. So the format ``parquet_written`` has a third column, ``written``: the question as
people write it.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.formats import Problem, check_count
from seq2seq_arith.pipelines.formats.layout import SPLITS, Format, Write

SCHEMA = pa.schema([pa.field(name, pa.string(), nullable=False) for name in ("question", "answer")])
WRITTEN_SCHEMA = SCHEMA.append(pa.field("written", pa.string(), nullable=False))
MAX_ROW_GROUP_BYTES = 64 * 2**20
MAX_ROW_GROUP_ROWS = 2**20

# In addition to its rows, a file has about a thousand bytes, and several copies of its smallest and largest strings.
FILE_BYTES, STRINGS_PER_FILE = 1000, 3.4
# The maximum size of the indexes of a file: bytes, and rows.
INDEX_BYTES, INDEX_ROWS = 2**19, 32


def row_group_rows(task: Task) -> int:
    """Rows in a full row group: the largest power of two whose strings fit into 64 MiB, 2^20 at most."""
    fitting = MAX_ROW_GROUP_BYTES // (task.question_width + task.answer_width)
    return min(MAX_ROW_GROUP_ROWS, 1 << (fitting.bit_length() - 1))


@contextlib.contextmanager
def writer(file: Any, task: Task, schema: pa.Schema = SCHEMA) -> Iterator[Write]:
    """A ``Write`` to an open binary file, a row group whenever one is full.

    Each call adds a power of two of examples up to ``row_group_rows``, except for the last one. For one version of
    PyArrow, the bytes depend on the rows alone: the pieces of separate calls are joined first.
    """
    options: Any = {"compression": "zstd", "compression_level": 3, "use_dictionary": False, "store_schema": False}
    size = row_group_rows(task)
    pieces: list[pa.Table] = []
    with pq.ParquetWriter(file, schema, **options) as opened:

        def flush() -> None:
            # One chunk per column: the chunks of a column move its page boundaries.
            opened.write_table(pa.concat_tables(pieces).combine_chunks(), row_group_size=size)
            pieces.clear()

        def write(questions: np.ndarray, answers: np.ndarray) -> None:
            columns = [strings(questions), strings(answers)]
            if schema is WRITTEN_SCHEMA:
                columns.append(as_written(task, columns[0]))
            pieces.append(pa.table(columns, schema=schema))
            if sum(map(len, pieces)) >= size:
                flush()

        yield write
        if pieces:
            flush()


def read(data: bytes, task: Task, count: int, schema: pa.Schema = SCHEMA) -> tuple[np.ndarray, np.ndarray]:
    """The questions and answers of a file, as ``Format.read``. A larger table, such as a forged one, is not read."""
    file = pq.ParquetFile(pa.BufferReader(data))
    if [(field.name, field.type, field.nullable) for field in file.schema_arrow] != [
        (field.name, field.type, field.nullable) for field in schema
    ]:
        raise Problem(f"its columns are {file.schema_arrow.to_string()!r}")
    check_count(file.metadata.num_rows, count)
    groups = map(file.metadata.row_group, range(file.metadata.num_row_groups))
    columns = [group.column(at) for group in groups for at in range(group.num_columns)]
    max_bytes = (count + INDEX_ROWS) * (2 * task.question_width + task.answer_width + 64) + INDEX_BYTES
    # A dictionary holds a long string once for all rows.
    if any(column.has_dictionary_page for column in columns) or (
        sum(column.total_uncompressed_size for column in columns) > max_bytes
    ):
        raise Problem("its columns contain other strings than such a dataset has")
    # Shards are read side by side already. And after this call, one of Arrow's threads may still drop the last
    # reference to ``data``, for which it waits for Python's lock. If the interpreter ends meanwhile, Python unwinds the
    # thread's stack, within a destructor: C++ answers with SIGABRT, after the result was printed.
    # PyArrow 18 cannot read a file without row groups, which is one without examples.
    table = file.read(use_threads=False) if file.metadata.num_row_groups else schema.empty_table()
    table.validate(full=True)
    if schema is WRITTEN_SCHEMA:
        is_right = pc.equal(table["written"], as_written(task, table["question"]))
        if not pc.all(is_right, min_count=0).as_py():
            raise Problem(f"row {pc.index(is_right, False)}: another question is written than stored")
    return (
        _characters(table["question"], "question", task.question_width),
        _characters(table["answer"], "answer", task.answer_width),
    )


def _characters(column: pa.ChunkedArray, name: str, width: int) -> np.ndarray:
    """Strings as uint8 of shape (n, width); Problem if one of them has another width.

    By their bytes: the comparison with a Python number would import pandas, which takes a quarter of a second.
    """
    parts, row = [np.empty((0, width), np.uint8)], 0
    for chunk in filter(len, column.chunks):
        _, offsets, content = chunk.buffers()
        bounds = np.frombuffer(offsets, np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
        if len(wrong := np.flatnonzero(np.diff(bounds) != width)):
            raise Problem(f"row {row + wrong[0]}: the {name} is not {width} characters wide")
        parts.append(np.frombuffer(content, np.uint8, len(chunk) * width, bounds[0]).reshape(-1, width))
        row += len(chunk)
    return np.concatenate(parts)


def _bytes_of(task: Task, num_shards: int) -> int:
    width = task.question_width + task.answer_width
    files = num_shards * len(SPLITS)
    return int(
        task.num_examples * width * task.notation.parquet_share + files * (FILE_BYTES + STRINGS_PER_FILE * width)
    )


FORMAT = Format(
    writer=writer,
    read=read,
    bytes_of=_bytes_of,
    extension="parquet",
    library="pyarrow",
    block_rows=row_group_rows,
)


def as_written(task: Task, stored: pa.Array) -> pa.Array:
    """Stored questions as people write them."""
    return pc.ascii_trim_whitespace(pc.ascii_reverse(stored) if task.reverse else stored)


def strings(rows: np.ndarray) -> pa.Array:
    """Fixed-width rows as strings, without a copy where they are contiguous."""
    count, width = rows.shape
    offsets = np.arange(0, (count + 1) * width, width, dtype=np.int32)
    data = np.ascontiguousarray(rows)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(data))
