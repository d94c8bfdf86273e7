"""The files of one shard: their bytes, and what is reported of them; ``test_pipeline.py`` makes whole datasets."""

import hashlib

import numpy as np
import pyarrow.parquet as pq
import pytest
import reference
from programs import files

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.formats.layout import Layout
from seq2seq_arith.pipelines.formats.shards import write_shard
from seq2seq_arith.pipelines.places.staging import StagedDirectory


# A block of the second task holds 16 rows.
@pytest.mark.parametrize("task", [Task(), Task("pq", digits=100_000)], ids=str)
@pytest.mark.parametrize("count", [0, 50])
def test_files_hold_the_draws_in_the_order_given(tmp_path, task, count):
    numbers, layout = np.arange(count, dtype=np.uint64)[::-1], Layout(3)
    report = write_shard(task, layout, StagedDirectory(tmp_path), "validation", 2, numbers)
    rows = [reference.text(task, *reference.draw(task, i)) for i in numbers.tolist()]
    found = files(tmp_path)
    tfrecord, parquet = layout.paths("validation", 2)
    assert found[tfrecord] == b"".join(reference.record(*row) for row in rows)
    table = pq.read_table(tmp_path / parquet)
    assert list(zip(*(column.to_pylist() for column in table.columns), strict=True)) == rows
    assert report.files == {path: hashlib.sha256(content).hexdigest() for path, content in found.items()}
    assert (report.split, report.shard, report.num_examples) == ("validation", 2, count)
    assert report.num_bytes == len(found[tfrecord])
