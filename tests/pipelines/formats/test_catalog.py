"""The files that TFDS reads, written by TFDS itself."""

import hashlib
import json

import pytest
from programs import files, is_complete

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.formats.catalog import config_description, metadata_digest
from seq2seq_arith.pipelines.formats.layout import SPLITS
from seq2seq_arith.pipelines.formats.tfrecord import tfrecord_path

TASK = Task("pq", digits=30, num_examples=101, seed=3)


@pytest.fixture(scope="module")
def directory(make):
    return make(TASK, 3, parquet=True)


def test_metadata(directory):
    metadata = json.loads((directory / "metadata.json").read_text())
    assert list(metadata) == [
        "parameters", "question_width", "answer_width", "alphabet", "num_shards", "draws_used", "duplicates", "splits",
        "files", "sha256",
    ]  # fmt: skip
    assert metadata["parameters"] == TASK.parameters()
    assert (metadata["question_width"], metadata["answer_width"], metadata["alphabet"]) == (61, 61, " -pq")
    assert metadata["num_shards"] == 3
    assert metadata["duplicates"] == metadata["draws_used"] - 101
    assert metadata["splits"] == {"train": 91, "validation": 10}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files(directory).items()}
    assert digests | metadata["files"] == digests
    assert set(digests) - set(metadata["files"]) == {"metadata.json"}
    assert metadata["sha256"] == metadata_digest(metadata)
    assert is_complete(directory)


def test_a_change_of_the_metadata_is_noticed(directory):
    metadata = json.loads((directory / "metadata.json").read_text())
    for name in set(metadata) - {"sha256"}:
        assert metadata_digest(metadata | {name: "changed"}) != metadata["sha256"]
    assert metadata_digest(metadata | {"sha256": "changed"}) == metadata["sha256"]


def test_dataset_info(directory):
    info = json.loads((directory / "dataset_info.json").read_text())
    assert info["name"] == "seq2seq_arith"
    assert info["configName"] == "pq-d30-n101-s3"
    assert info["version"] == "1.0.0"
    assert info["fileFormat"] == "tfrecord"
    # Without it TFDS would read the files of a split in an order of its own.
    assert info["disableShuffling"] is True
    assert info["supervisedKeys"]["tuple"]["items"] == [{"featureKey": "question"}, {"featureKey": "answer"}]
    for split in info["splits"]:
        sizes = [(directory / tfrecord_path(split["name"], shard, 3)).stat().st_size for shard in range(3)]
        assert int(split["numBytes"]) == sum(sizes)
        record = sum(sizes) // {"train": 91, "validation": 10}[split["name"]]
        assert [int(length) for length in split["shardLengths"]] == [size // record for size in sizes]
    assert [split["name"] for split in info["splits"]] == list(SPLITS)


def test_the_bytes_of_dataset_info(directory):
    """Its description, its features and its splits are part of the dataset."""
    digest = hashlib.sha256((directory / "dataset_info.json").read_bytes()).hexdigest()
    assert digest == "f633853a438921aae5068826948d0c2f6b982d4e0f50eb38050b44b8532bdaad"


def test_nothing_depends_on_where_or_when(directory, make):
    again = make(TASK, 3, parquet=True, threads=1)
    assert again != directory
    assert files(again) == files(directory)
    for name in ("dataset_info.json", "features.json", "metadata.json"):
        assert str(directory) not in (directory / name).read_text()


@pytest.mark.parametrize(
    ("task", "description"),
    [
        (Task(), "addition, operands of at most 3 digits, 50000 examples, seed 0, questions reversed, unordered"),
        (
            Task("pq", seed=2),
            "pq, operands of at most 1000 dashes, 50000 examples, seed 2, questions as they are read, ",
        ),
        (Task("pq", ordered=True, reverse=True), "50000 examples, seed 0, questions reversed, ordered pairs distinct"),
    ],
)
def test_config_description(task, description):
    assert description in config_description(task)
