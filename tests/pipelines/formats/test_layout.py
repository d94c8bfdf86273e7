"""How a dataset lies in its directory: its files' names, its formats and its number of shards."""

import re
import shlex
import shutil

import pytest
import tensorflow_datasets as tfds
from layout import ROOT

from seq2seq_arith.arithmetic import own_tasks
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines.formats.layout import (
    FORMATS,
    NAME,
    Layout,
    dataset_path,
    find_dataset,
    format_name,
    format_of,
    generate_command,
)
from seq2seq_arith.pipelines.places.paths import ObjectPath


@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("data", "has several datasets; give one of {0}/pq/1.0.0, {0}/pq-s7/1.0.0"),
        ("data/seq2seq_arith", "has several datasets; give one of {0}/pq/1.0.0, {0}/pq-s7/1.0.0"),
        ("data/seq2seq_arith/pq", ""),
        ("data/seq2seq_arith/pq/1.0.0", ""),
        ("data/seq2seq_arith/pq-s8", "is not a dataset; give DATA_DIR/seq2seq_arith/CONFIG/1.0.0"),
        ("other", "is not a dataset; give DATA_DIR/seq2seq_arith/CONFIG/1.0.0"),
    ],
)
def test_the_dataset_of_a_place(folder, said, tmp_path):
    """A folder without ``metadata.json`` is not a dataset; a folder above a single dataset names it."""
    for seed, file in ((0, "metadata.json"), (7, "metadata.json"), (8, "features.json")):
        path = dataset_path(tmp_path / "data", Task("pq", seed=seed))
        path.mkdir(parents=True)
        (path / file).touch()
    place, first = tmp_path / folder, dataset_path(tmp_path / "data", Task("pq"))
    if not said:
        assert find_dataset(str(place)) == first
        return
    with pytest.raises(InputError, match=re.escape(f"{place} {said}".format(first.parents[1]))):
        find_dataset(str(place))
    shutil.rmtree(dataset_path(tmp_path / "data", Task("pq", seed=7)))
    if folder.startswith("data") and "s8" not in folder:
        assert find_dataset(str(place)) == first


@pytest.mark.parametrize(
    ("num_examples", "num_shards"),
    [(10, 8), (2**23, 8), (2**23 + 1, 16), (2**24, 16), (20_000_000, 32), (2**44, 2**24)],
)
def test_default_number_of_shards(num_examples, num_shards):
    layout = Layout.of(Task(digits=18, num_examples=num_examples))
    assert layout.num_shards == num_shards
    names = tfds.core.ShardedFileTemplate(".", dataset_name=NAME, split="train", filetype_suffix="tfrecord")
    assert layout.paths("train", 3)[0] == names.sharded_filepath(shard_index=3, num_shards=num_shards).name


@pytest.mark.parametrize(
    ("num_examples", "num_shards"),
    [(50_000, 0), (50_000, 501), (10, 65), (2**31, 2**24 + 1), (50_000, 8.0), (50_000, "8"), (10, True)],
)
def test_refuses_shards_that_make_no_sense(num_examples, num_shards):
    with pytest.raises(InputError):
        Layout.of(Task(num_examples=num_examples), num_shards)


@pytest.mark.parametrize(
    "layout",
    [Layout(1), Layout(3, ("tfrecord",)), Layout(2, tuple(FORMATS)), Layout(2, ("tfrecord", "array_record"))],
    ids=str,
)
def test_a_layout_is_known_by_its_metadata(layout):
    files = {path: "" for _, _, path in layout.shard_files()}
    assert len(files) == 2 * layout.num_shards * len(layout.formats)
    assert Layout.of_metadata({"num_shards": layout.num_shards, "files": files}) == layout
    # The number is not guessed: without it, this is the metadata of no dataset.
    assert Layout.of_metadata({"files": files}).num_shards == 0


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_names_its_own_files(name):
    path = format_of(name).path("validation", 3, 123_456)
    assert format_name(path) == name
    # Where Layout.of_metadata looks for it.
    assert path.startswith(f"{name}/") or f".{name}-" in path
    assert format_name(f"x{path}") is None
    assert format_of(name).block_rows(Task()).bit_count() == 1


def test_the_command_of_a_task_of_ones_own_in_a_store(no_custom_tasks):
    """Of the flags of the store, which may hold secrets, none is printed."""
    example = ROOT / "examples/task/own_tasks.py"
    own_tasks.use(example)
    task, data_dir = Task("sort", num_examples=100), ObjectPath("s3://b/my data", ("--s3_secret_access_key=hidden",))
    made = shlex.split(generate_command(task, Layout.of(task), data_dir, ["--overwrite"]))
    assert made[:5] == ["arith-data", "generate", "sort", "--task-file", str(example)]
    assert made[-3:] == ["--data-dir", "s3://b/my data", "--overwrite"]
