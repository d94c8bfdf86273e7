"""How a dataset lies in its directory: its files' names, its formats and its number of shards."""

import pytest
import tensorflow_datasets as tfds

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines.formats.layout import FORMATS, NAME, Layout, format_name, format_of, shard_file


@pytest.mark.parametrize(
    ("num_examples", "num_shards"),
    [(10, 8), (2**23, 8), (2**23 + 1, 16), (2**24, 16), (20_000_000, 32), (2**44, 2**24)],
)
def test_default_number_of_shards(num_examples, num_shards):
    layout = Layout.from_task(Task(size=18, num_examples=num_examples))
    assert layout.num_shards == num_shards
    names = tfds.core.ShardedFileTemplate(".", dataset_name=NAME, split="train", filetype_suffix="tfrecord")
    assert layout.paths("train", 3)[0] == names.sharded_filepath(shard_index=3, num_shards=num_shards).name


@pytest.mark.parametrize(
    ("num_examples", "num_shards"),
    [(50_000, 0), (50_000, 501), (10, 65), (2**31, 2**24 + 1), (50_000, 8.0), (50_000, "8"), (10, True)],
)
def test_refuses_shards_that_make_no_sense(num_examples, num_shards):
    with pytest.raises(InputError):
        Layout.from_task(Task(num_examples=num_examples), num_shards)


@pytest.mark.parametrize(
    "layout",
    [Layout(1), Layout(3, ("tfrecord",)), Layout(2, tuple(FORMATS)), Layout(2, ("tfrecord", "array_record"))],
    ids=str,
)
def test_a_layout_is_known_by_its_metadata(layout):
    files = {path: "" for _, _, path in layout.shard_files()}
    assert len(files) == 2 * layout.num_shards * len(layout.formats)
    assert Layout.from_metadata({"num_shards": layout.num_shards, "files": files}) == layout
    # The number is not guessed: without it, this is the metadata of no dataset.
    assert Layout.from_metadata({"files": files}).num_shards == 0


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_names_its_own_files(name):
    path = shard_file(name, "validation", 3, 123_456)
    assert format_name(path) == name
    assert format_name(f"x{path}") is None
    assert format_name(path.replace("validation", "more")) is None
    assert format_of(name).block_rows(Task()).bit_count() == 1
