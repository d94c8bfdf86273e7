"""The files that TFDS reads, written by TFDS itself."""

import hashlib

from seq2seq_arith.arithmetic.task import Task


def test_the_bytes_of_dataset_info(make):
    """Its description, its features and its splits are part of the dataset."""
    directory = make(Task("pq", digits=30, num_examples=101, seed=3), 3, parquet=True)
    digest = hashlib.sha256((directory / "dataset_info.json").read_bytes()).hexdigest()
    assert digest == "f633853a438921aae5068826948d0c2f6b982d4e0f50eb38050b44b8532bdaad"
