"""How the words of a person for a place lead to a dataset."""

import re
import shutil

import pytest

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines.formats.location import dataset_path, find_dataset


@pytest.mark.parametrize(
    ("folder", "complaint"),
    [
        ("data", "has several datasets; give one of {0}/pq/1.0.0, {0}/pq-s7/1.0.0"),
        ("data/seq2seq_arith", "has several datasets; give one of {0}/pq/1.0.0, {0}/pq-s7/1.0.0"),
        ("data/seq2seq_arith/pq", ""),
        ("data/seq2seq_arith/pq/1.0.0", ""),
        ("data/seq2seq_arith/pq-s8", "is not a dataset; give DATA_DIR/seq2seq_arith/CONFIG/1.0.0"),
        ("other", "is not a dataset; give DATA_DIR/seq2seq_arith/CONFIG/1.0.0"),
    ],
)
def test_the_dataset_of_a_place(folder, complaint, tmp_path):
    """A folder without ``metadata.json`` is not a dataset; a folder above a single dataset names it."""
    for seed, file in ((0, "metadata.json"), (7, "metadata.json"), (8, "features.json")):
        path = dataset_path(tmp_path / "data", Task("pq", seed=seed))
        path.mkdir(parents=True)
        (path / file).touch()
    place, first = tmp_path / folder, dataset_path(tmp_path / "data", Task("pq"))
    if not complaint:
        assert find_dataset(str(place)) == first
        return
    with pytest.raises(InputError, match=re.escape(f"{place} {complaint}".format(first.parents[1]))):
        find_dataset(str(place))
    shutil.rmtree(dataset_path(tmp_path / "data", Task("pq", seed=7)))
    if folder.startswith("data") and "s8" not in folder:
        assert find_dataset(str(place)) == first
