"""The files that TFDS reads, written by TFDS itself."""

import hashlib
import json

import pytest
from programs import files, is_complete

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.formats.catalog import metadata_digest

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


def test_the_bytes_of_dataset_info(directory):
    """Its description, its features and its splits are part of the dataset."""
    digest = hashlib.sha256((directory / "dataset_info.json").read_bytes()).hexdigest()
    assert digest == "f633853a438921aae5068826948d0c2f6b982d4e0f50eb38050b44b8532bdaad"
