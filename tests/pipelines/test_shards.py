"""The files of one shard: names, numbers, bytes, and that each appears whole or not at all."""

import hashlib
import threading

import numpy as np
import pyarrow.parquet as pq
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from programs import files

from seq2seq_arith.pipelines import InputError, Task, dedup
from seq2seq_arith.pipelines.shards import HashedFile, Layout, _whole_file, default_num_shards, write_shard


@pytest.mark.parametrize(
    ("num_examples", "num_shards"),
    [
        (10, 8),
        (50_000, 8),
        (2**23, 8),
        (2**23 + 1, 16),
        (2**24, 16),
        (2**24 + 1, 32),
        (20_000_000, 32),
        (100_000_000, 128),
        (2**44, 2**24),
    ],
)
def test_default_number_of_shards(num_examples, num_shards):
    assert default_num_shards(num_examples) == num_shards
    assert Layout.of(Task(digits=18, num_examples=num_examples)).num_shards == num_shards


@given(st.integers(2**23 + 1, 2**44))
def test_default_number_of_shards_is_the_smallest_that_is_enough(num_examples):
    shards = default_num_shards(num_examples)
    assert shards & (shards - 1) == 0
    # P >= N / 2^20, and half of it is not.
    assert shards * 2**20 >= num_examples > shards // 2 * 2**20


@pytest.mark.parametrize(
    ("num_examples", "num_shards"),
    [
        (50_000, 0),
        (50_000, -1),
        (50_000, 501),
        (10, 65),
        (2**31, 2**24 + 1),
        (50_000, 8.0),
        (50_000, "8"),
        (10, True),
    ],
)
def test_refuses_shards_that_make_no_sense(num_examples, num_shards):
    with pytest.raises(InputError, match=f"num_shards is {num_shards!r}; .* from 1 to "):
        Layout.of(Task(num_examples=num_examples), num_shards)


@pytest.mark.parametrize(("num_examples", "num_shards"), [(10, 1), (10, 64), (50_000, 500), (2**31, 2**24)])
def test_accepts_shards_to_the_limit(num_examples, num_shards):
    assert Layout.of(Task(num_examples=num_examples), num_shards) == Layout(num_shards, True)


@pytest.mark.parametrize(
    ("layout", "paths"),
    [
        (Layout(8), ["seq2seq_arith-train.tfrecord-00003-of-00008", "parquet/train-00003-of-00008.parquet"]),
        (Layout(8, parquet=False), ["seq2seq_arith-train.tfrecord-00003-of-00008"]),
        (Layout(123_456), ["seq2seq_arith-train.tfrecord-00003-of-123456", "parquet/train-00003-of-123456.parquet"]),
    ],
)
def test_paths(layout, paths):
    assert layout.paths("train", 3) == paths


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
    layout = Layout(3, parquet)
    report = write_shard(task, layout, tmp_path, "validation", 2, numbers)
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
    report = write_shard(Task(), Layout(8), tmp_path, "train", 0, np.empty(0, np.uint64))
    tfrecord, parquet = (tmp_path / path for path in Layout(8).paths("train", 0))
    assert tfrecord.read_bytes() == b""
    assert pq.read_table(parquet).num_rows == 0
    assert (report.num_examples, report.num_bytes) == (0, 0)


def test_written_again_and_twice_at_once(tmp_path):
    """An engine may repeat a bundle, or run it twice at the same time."""
    numbers = np.arange(2000, dtype=np.uint64)
    first = write_shard(Task(), Layout(1), tmp_path, "train", 0, numbers)
    before = files(tmp_path)
    reports = []
    threads = [
        threading.Thread(target=lambda: reports.append(write_shard(Task(), Layout(1), tmp_path, "train", 0, numbers)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reports == [first] * 8
    assert files(tmp_path) == before


def test_a_file_has_its_name_only_when_it_is_whole(tmp_path):
    path = tmp_path / "whole"
    with _whole_file(path) as file:
        file.write(b"half")
        assert not path.exists()
    assert files(tmp_path) == {"whole": b"half"}
    with pytest.raises(ZeroDivisionError), _whole_file(path) as file:
        file.write(b"other")
        raise ZeroDivisionError
    # What stood there stays, and what was begun is gone.
    assert files(tmp_path) == {"whole": b"half"}


def test_a_directory_that_was_removed_stays_removed(tmp_path):
    """A thread of a run that was broken off must not bring back what has been cleaned up."""
    with pytest.raises(FileNotFoundError):
        write_shard(Task(), Layout(1), tmp_path / "gone", "train", 0, np.arange(5, dtype=np.uint64))
    assert files(tmp_path) == {}
    assert not (tmp_path / "gone").exists()


@given(st.lists(st.binary(max_size=50)))
def test_hashed_file(tmp_path_factory, pieces):
    path = tmp_path_factory.mktemp("hashed") / "file"
    with HashedFile(path) as file:
        for piece in pieces:
            file.write(piece)
        assert file.tell() == file.num_bytes == sum(map(len, pieces))
    assert path.read_bytes() == b"".join(pieces)
    assert file.sha256 == hashlib.sha256(b"".join(pieces)).hexdigest()
