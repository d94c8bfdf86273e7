"""Records: opening a dataset, reading ranges of it, and refusing a damaged one."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import tensorflow_datasets as tfds

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import to_strings
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.files import json_sha256
from seq2seq_arith.pipelines.formats.layout import DATASET_INFO, TFRECORD, shard_file
from seq2seq_arith.pipelines.formats.location import dataset_path
from seq2seq_arith.pipelines.showing import sample
from seq2seq_arith.trainer.data import records


@pytest.fixture
def copied(data_dir, tasks, tmp_path):
    """A copy of the addition set: where it is, and its source."""
    shutil.copytree(data_dir, tmp_path, dirs_exist_ok=True)
    return dataset_path(tmp_path, tasks["addition"]), records.open_source(tasks["addition"], str(tmp_path))


@pytest.mark.parametrize("name", ["addition", "pq"])
def test_splits_are_read_as_tfds_reads_them(data_dir, tasks, name):
    source = records.open_source(tasks[name], str(data_dir))
    builder = tfds.builder(f"seq2seq_arith/{tasks[name].config_name}", data_dir=data_dir)
    for split in ("train", "validation"):
        examples = source.splits[split].head(2000)
        expected = [(e["question"].decode(), e["answer"].decode()) for e in tfds.as_numpy(builder.as_dataset(split))]
        assert list(zip(*map(to_strings, (examples.questions, examples.answers)), strict=True)) == expected


def test_any_range_is_a_part_of_the_whole(data_dir, tasks):
    """Also one of several shards, and in another order."""
    split = records.open_source(tasks["addition"], str(data_dir)).splits["train"]
    whole, length = split.head(len(split)), split.lengths[0]
    assert len(split) == len(whole) == 903
    for first, count in ((0, 1), (length - 1, 2), (5, 600), (902, 1), (0, 903)):
        order = np.random.default_rng(first).permutation(count)
        found, expected = split.read(first, count), whole[first : first + count]
        np.testing.assert_array_equal(found.questions, expected.questions)
        np.testing.assert_array_equal(found.answers, expected.answers)
        strings = np.concatenate([expected.questions, expected.answers], axis=1)
        np.testing.assert_array_equal(split.read_strings(first, count, order), strings[order])


@pytest.mark.parametrize(
    "harm",
    [
        lambda content: content[:-5],
        lambda content: content[:60] + bytes([content[60] ^ 1]) + content[61:],
        lambda content: None,
    ],
    ids=["cut", "changed", "gone"],
)
def test_a_damaged_file_is_refused(copied, harm, input_error):
    directory, source = copied
    path = directory / shard_file(TFRECORD, "train", 3, 8)
    content = harm(path.read_bytes())
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with input_error(InputError):
        source.splits["train"].head(903)


def test_a_dataset_below_the_name_of_another_is_refused(copied, tasks, tmp_path, input_error):
    directory, _ = copied
    other = dataclasses.replace(tasks["addition"], seed=7)
    shutil.copytree(directory, dataset_path(tmp_path, other))
    with input_error(InputError):
        records.open_source(other, str(tmp_path))


def test_counts_of_another_dataset_are_refused(copied, tasks, tmp_path, monkeypatch, input_error):
    """By training, and by ``arith-data show``."""
    directory, _ = copied
    for module in (records, sample):
        monkeypatch.setattr(module, "read_shard_lengths", lambda _: {"train": [1] * 8, "validation": [1]})
    for read in (lambda: records.open_source(tasks["addition"], str(tmp_path)), lambda: sample.read(directory)):
        with input_error(InputError):
            read()


def test_a_file_to_which_bytes_were_appended_is_refused(copied, tasks, tmp_path, input_error):
    """By training, and by ``arith-data show``."""
    directory, _ = copied
    path = directory / shard_file(TFRECORD, "train", 3, 8)
    path.write_bytes(path.read_bytes() + b"more")
    for read in (lambda: records.open_source(tasks["addition"], str(tmp_path)), lambda: sample.read(directory)):
        with input_error(InputError):
            read()


def test_a_changed_description_is_refused(copied, tasks, tmp_path, input_error):
    path = copied[0] / "dataset_info.json"
    path.write_text(path.read_text() + " ")
    with input_error(InputError):
        records.open_source(tasks["addition"], str(tmp_path))


def test_forged_metadata_is_refused(copied, tasks, tmp_path, input_error):
    path = copied[0] / "metadata.json"
    metadata = json.loads(path.read_text()) | {"num_shards": 10**9}
    path.write_text(json.dumps(metadata | {"sha256": json_sha256(metadata)}))
    with input_error(InputError):
        records.open_source(tasks["addition"], str(tmp_path))


def test_a_dataset_in_place_of_its_data_directory(data_dir, tasks, input_error):
    path = data_dir / "seq2seq_arith" / tasks["addition"].config_name / "1.0.0"
    with input_error(InputError):
        records.open_source(tasks["addition"], str(path))


def test_a_dataset_without_our_metadata(tmp_path, input_error):
    path = dataset_path(tmp_path, Task())
    path.mkdir(parents=True)
    (path / DATASET_INFO).touch()
    with input_error(InputError):
        records.open_source(Task(), str(tmp_path))
