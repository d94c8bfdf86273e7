"""How the words of a person for a place lead to a dataset."""

import shutil

import pytest

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines.formats.location import dataset_path, find_dataset


@pytest.mark.parametrize(
    ("folder", "is_dataset"),
    [
        pytest.param("data", False, id="several datasets"),
        pytest.param("data/seq2seq_arith", False, id="several configurations"),
        pytest.param("data/seq2seq_arith/pq", True, id="configuration"),
        pytest.param("data/seq2seq_arith/pq/1.0.0", True, id="dataset"),
        pytest.param("data/seq2seq_arith/pq-s8", False, id="dataset without metadata.json"),
        pytest.param("other", False, id="missing folder"),
    ],
)
def test_the_dataset_of_a_place(folder, is_dataset, tmp_path, input_error):
    """A folder without ``metadata.json`` is not a dataset; a folder above a single dataset names it."""
    for seed, file in ((0, "metadata.json"), (7, "metadata.json"), (8, "features.json")):
        path = dataset_path(tmp_path / "data", Task("pq", seed=seed))
        path.mkdir(parents=True)
        (path / file).touch()
    place, first = tmp_path / folder, dataset_path(tmp_path / "data", Task("pq"))
    if is_dataset:
        assert find_dataset(str(place)) == first
        return
    with input_error(InputError):
        find_dataset(str(place))
    shutil.rmtree(dataset_path(tmp_path / "data", Task("pq", seed=7)))
    if folder.startswith("data") and "s8" not in folder:
        assert find_dataset(str(place)) == first
