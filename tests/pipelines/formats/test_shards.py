"""The files of one shard: their bytes, and what is reported of them."""

import hashlib

import numpy as np
import pyarrow.parquet as pq
import pytest
import reference
from programs import files

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.formats.layout import Layout, choose_formats
from seq2seq_arith.pipelines.formats.shards import write_shard
from seq2seq_arith.pipelines.places.staging import StagedDirectory
from seq2seq_arith.pipelines.steps import dedup

TASKS = [
    Task(num_examples=500),
    Task("subtraction", digits=18, num_examples=100, reverse=True),
    Task("pq", digits=40, num_examples=400),
    # A block holds 16 rows here.
    Task("pq", digits=100_000, num_examples=50),
]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.config_name)
@pytest.mark.parametrize("parquet", [True, False], ids=["parquet", "tfrecord"])
def test_files_hold_the_draws_in_the_order_given(tmp_path, task, parquet):
    numbers = dedup.unique(task, np.arange(task.num_examples, dtype=np.uint64))[0]
    layout = Layout(3, choose_formats({"parquet": parquet}))
    report = write_shard(task, layout, StagedDirectory(tmp_path), "validation", 2, numbers)
    rows = [reference.text(task, *reference.draw(task, i)) for i in numbers.tolist()]
    found = files(tmp_path)
    tfrecord = layout.paths("validation", 2)[0]
    assert found[tfrecord] == b"".join(reference.record(*row) for row in rows)
    assert list(found) == sorted(layout.paths("validation", 2))
    if parquet:
        table = pq.read_table(tmp_path / layout.paths("validation", 2)[1])
        assert list(zip(*(column.to_pylist() for column in table.columns), strict=True)) == rows
    assert report.files == {path: hashlib.sha256(content).hexdigest() for path, content in found.items()}
    assert (report.split, report.shard, report.num_examples) == ("validation", 2, len(rows))
    assert report.num_bytes == len(found[tfrecord])


def test_a_shard_without_examples_is_written(tmp_path):
    report = write_shard(Task(), Layout(8), StagedDirectory(tmp_path), "train", 0, np.empty(0, np.uint64))
    tfrecord, parquet = (tmp_path / path for path in Layout(8).paths("train", 0))
    assert tfrecord.read_bytes() == b""
    assert pq.read_table(parquet).num_rows == 0
    assert (report.num_examples, report.num_bytes) == (0, 0)
