"""The Parquet files: what is in them, and that their bytes are a function of the rows alone."""

import dataclasses
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st

from seq2seq_arith.arithmetic import draws
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import answers, questions
from seq2seq_arith.pipelines.formats.layout import PARQUET, WRITTEN, format_of
from seq2seq_arith.pipelines.formats.parquet import row_group_rows

# 128 rows fill a row group, so that a small file has several.
LONG = Task("pq", size=100_000)


def written(task: Task, pieces: list[int], kind: str = PARQUET) -> bytes:
    """A file of the first draws, handed to the writer in pieces of so many rows."""
    file = io.BytesIO()
    first = 0
    with format_of(kind).writer(file, task) as writer:
        for rows in pieces:
            left, right = draws.operands(task, np.arange(first, first + rows, dtype=np.uint64))
            writer(questions(task, left, right), answers(task, left, right))
            first += rows
    return file.getvalue()


@pytest.mark.parametrize(
    ("task", "rows"),
    [
        (Task(), 2**20),  # 64 MiB hold 6,100,805 rows of 11 characters: the limit of 2^20 decides
        (Task("pq"), 2**14),  # 4,002 characters: 16,768 fit
        (LONG, 2**7),
        (Task("pq", size=16), 2**19),
        (Task("pq", size=15), 2**20),
    ],
    ids=str,
)
def test_row_group_rows(task, rows):
    assert row_group_rows(task) == rows


@pytest.mark.parametrize("kind", [PARQUET, WRITTEN])
def test_a_file_without_examples_is_read(kind):
    """A small dataset has some."""
    task = Task()
    columns = format_of(kind).read(written(task, [], kind), task, 0)
    assert [column.shape for column in columns] == [(0, task.question_width), (0, task.answer_width)]


@pytest.mark.parametrize("task", [Task(), Task("subtraction"), Task("pq", size=20)], ids=str)
@pytest.mark.parametrize("rows", [0, 1, 1000])
def test_rows(task, rows):
    table = pq.read_table(pa.BufferReader(written(task, [rows])))
    third = pq.read_table(pa.BufferReader(written(task, [rows], WRITTEN)))
    assert third.select(["question", "answer"]).equals(table)
    assert third.schema.field("written") == pa.field("written", pa.string(), nullable=False)
    plain = dataclasses.replace(task, reverse=False)
    questions = [reference.text(plain, *reference.draw(task, i))[0].rstrip() for i in range(rows)]
    assert third["written"].to_pylist() == questions
    expected = [reference.text(task, *reference.draw(task, i)) for i in range(rows)]
    assert list(zip(*(table[name].to_pylist() for name in ("question", "answer")), strict=True)) == expected


def test_schema_and_layout():
    file = pq.ParquetFile(pa.BufferReader(written(LONG, [128, 128, 44])))
    names = ["question", "answer"]
    assert file.schema_arrow == pa.schema([pa.field(name, pa.string(), nullable=False) for name in names])
    assert file.schema_arrow.metadata is None
    assert file.metadata.metadata is None
    groups = [file.metadata.row_group(index) for index in range(file.metadata.num_row_groups)]
    assert [group.num_rows for group in groups] == [128, 128, 44]
    for column in (group.column(index) for group in groups for index in range(2)):
        assert column.compression == "ZSTD"
        assert not column.has_dictionary_page
        assert not [encoding for encoding in column.encodings if "DICT" in encoding]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="only Linux lists the threads of a process")
def test_reading_leaves_no_thread_behind(tmp_path):
    """One of Arrow's could still hold the file's bytes when Python ends, which then ends the process by SIGABRT."""
    (tmp_path / "file").write_bytes(written(Task(), [1000], WRITTEN))
    program = f"""
import os
from pathlib import Path
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.formats.layout import WRITTEN, format_of
data, read = Path({str(tmp_path / "file")!r}).read_bytes(), format_of(WRITTEN).read
before = len(os.listdir("/proc/self/task"))
read(data, Task(), 1000)
print(len(os.listdir("/proc/self/task")) - before)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "0\n", done.stderr


# The writer's pieces are powers of two, all equal but for the last one: draws.BLOCK, or less where rows are long.
@given(st.sampled_from([1, 2, 16, 128, 256]), st.integers(1, 300), st.sampled_from([PARQUET, WRITTEN]))
def test_pieces_do_not_matter(size, rows, kind):
    pieces = [size] * (rows // size) + [rows % size] * (rows % size > 0)
    whole = written(Task(size=18), [rows], kind)
    assert written(Task(size=18), pieces, kind) == whole


def test_pieces_do_not_matter_across_row_groups():
    assert len({written(LONG, pieces) for pieces in ([32] * 9, [128, 128, 32], [256, 32], [16] * 18)}) == 1
