"""Training on a dataset in an object store: of this process, and in slow tests of real stores' emulators."""

import emulators
import memory_store
import numpy as np
import pytest

from seq2seq_arith.pipelines.formats.location import dataset_path
from seq2seq_arith.pipelines.storage.paths import ObjectPath
from seq2seq_arith.trainer.data import records


@pytest.fixture(
    params=["memory", pytest.param("gs", marks=pytest.mark.slow), pytest.param("s3", marks=pytest.mark.release)]
)
def stored(request, data_dir, tasks, monkeypatch) -> ObjectPath:
    """The data directory of a store that has the addition set."""
    if request.param == "memory":
        place = ObjectPath(f"{memory_store.new_bucket(monkeypatch)}/data")
    else:
        request.getfixturevalue("servers")
        place = ObjectPath(f"{emulators.new_bucket(request.param)}/data")
    for file in dataset_path(data_dir, tasks["addition"]).iterdir():
        (dataset_path(place, tasks["addition"]) / file.name).put(file.read_bytes())
    return place


def test_a_store_gives_the_examples_that_a_disk_gives(stored, data_dir, tasks):
    here, there = (records.open_source(tasks["addition"], str(place)) for place in (data_dir, stored))
    assert here.sha256 == there.sha256
    for name, split in here.splits.items():
        of_disk, of_store = split.head(len(split)), there.splits[name].head(len(split))
        np.testing.assert_array_equal(of_disk.questions, of_store.questions)
        np.testing.assert_array_equal(of_disk.answers, of_store.answers)
