"""The ArrayRecord files: that they hold the Examples of TFRecord, and that the bytes are a function of the rows."""

import numpy as np
import pytest
import reference
from array_record.python.array_record_module import ArrayRecordReader

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.formats.array_record import FORMAT
from seq2seq_arith.pipelines.formats.layout import Layout, choose_formats
from seq2seq_arith.pipelines.formats.shards import write_shard
from seq2seq_arith.pipelines.storage.staging import StagedDirectory

FORMATS = choose_formats({"parquet": False, "array_record": True})
FRAME_BEFORE, FRAME_AFTER = 12, 4  # bytes of TFRecord around an Example


def written(task: Task, directory, count: int):
    """The two files of one shard with so many draws."""
    directory.mkdir()
    layout = Layout(1, FORMATS)
    write_shard(task, layout, StagedDirectory(directory), "train", 0, np.arange(count, dtype=np.uint64))
    return [directory / path for path in layout.paths("train", 0)]


@pytest.mark.parametrize("task", [Task(), Task("pq", size=1000), Task("subtraction", size=40)], ids=str)
@pytest.mark.parametrize("count", [0, 1, 1000])
def test_it_holds_the_examples_in_their_order(task, count, tmp_path):
    _, path = written(task, tmp_path / "shard", count)
    reader = ArrayRecordReader(str(path))
    assert reader.num_records() == count
    rows = [reference.text(task, *reference.draw(task, number)) for number in range(count)]
    expected = [reference.record(*row)[FRAME_BEFORE:-FRAME_AFTER] for row in rows]
    assert (reader.read_all() if count else []) == expected


@pytest.mark.parametrize("task", [Task(num_examples=100_000), Task("pq", num_examples=2000)], ids=str)
def test_the_size_is_foreseen(task, tmp_path):
    """Within a third: the draws of a shard are those of another dataset of as many examples."""
    estimated = FORMAT.bytes_of(task, 1)
    counts = (task.num_train, task.num_validation)
    sizes = sum(written(task, tmp_path / str(count), count)[1].stat().st_size for count in counts)
    assert 2 / 3 < estimated / sizes < 3 / 2
