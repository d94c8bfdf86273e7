"""A directory that takes the files of a run."""

import pytest
from programs import files

from seq2seq_arith.pipelines.places.staging import StagedDirectory


@pytest.mark.parametrize("name", ["shard", "parquet/shard"])
def test_a_file_has_its_name_only_when_it_is_whole(tmp_path, name):
    staging = StagedDirectory(tmp_path)
    with staging.whole_file(name) as file:
        file.write(b"half")
        assert not (tmp_path / name).exists()
    assert files(tmp_path) == {name: b"half"}
    with pytest.raises(ZeroDivisionError), staging.whole_file(name) as file:
        file.write(b"other")
        raise ZeroDivisionError
    # The file that was there stays, and the one that was begun is gone.
    assert files(tmp_path) == {name: b"half"}


@pytest.mark.parametrize("name", ["shard", "parquet/shard"])
def test_a_directory_that_was_removed_stays_removed(tmp_path, name):
    """A thread of a cancelled run must not bring back what has been cleaned up."""
    with pytest.raises(FileNotFoundError), StagedDirectory(tmp_path / "gone").whole_file(name):
        raise AssertionError("entered")
    assert list(tmp_path.iterdir()) == []
