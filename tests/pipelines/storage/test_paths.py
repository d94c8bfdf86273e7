"""Places: how they are named, the objects of a store, and a directory that takes the files of a run."""

import random
import re
import shutil
import tempfile
from types import SimpleNamespace

import pytest
from programs import files

from seq2seq_arith.base import packages
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines.storage import paths
from seq2seq_arith.pipelines.storage.clients import ABSENT, PIECE
from seq2seq_arith.pipelines.storage.paths import ObjectPath, parse_place
from seq2seq_arith.pipelines.storage.staging import StagedDirectory


@pytest.mark.parametrize("url", ["gs://", "s3:///data", "s3://bucket//data"])
def test_empty_names(url, input_error):
    with input_error(InputError):
        parse_place(url)


@pytest.mark.parametrize(
    ("url", "missing", "extra"),
    [
        ("gs://bucket", "obstore", "gcp"),
        ("gs://bucket", "google.auth", "gcp"),
        ("s3://bucket", "obstore", "aws"),
        ("s3://bucket", "boto3", "aws"),
    ],
)
def test_what_is_not_installed(monkeypatch, url, missing, extra):
    """Also where the extra of another store has brought obstore."""
    monkeypatch.setattr(packages, "is_installed", lambda module: module != missing)
    with pytest.raises(
        InputError, match=re.escape(f"{url} needs {missing}, which is not installed: {packages.install_command(extra)}")
    ):
        parse_place(url)


def test_parents_keep_the_flags_of_the_service():
    parents = (ObjectPath("gs://bucket", ("--project=p",)) / "data" / "1.0.0").parents
    assert [(str(parent), parent.flags) for parent in parents] == [
        (name, ("--project=p",)) for name in ("gs://bucket/data", "gs://bucket")
    ]


def test_conditional_writes(data_dir):
    path = data_dir / "mark"
    assert path.read() is None
    assert path.put(b"first", ABSENT)
    data, version = path.read()
    assert data == b"first"
    assert not path.put(b"second", ABSENT)
    assert path.put(b"third", version)
    assert not path.put(b"fourth", version)
    assert path.read()[0] == b"third"
    assert path.put(b"fifth")
    path.unlink()
    path.unlink()
    assert not path.put(b"sixth", version)
    assert path.read() is None


@pytest.mark.parametrize("size", [0, 1, PIECE, PIECE + 1, 3 * PIECE])
def test_bytes(data_dir, size):
    content = random.Random(size).randbytes(size)
    path = data_dir / "folder" / "object"
    with tempfile.TemporaryFile() as file:
        file.write(content)
        path.upload(file)
    assert paths.read_bytes(path) == content
    assert path.is_file()
    assert paths.sizes(data_dir) == {"folder/object": size}


def test_an_object_that_is_not_there(data_dir):
    (data_dir / "other").put(b"")
    with pytest.raises(FileNotFoundError):
        paths.read_bytes(data_dir / "object")
    assert not (data_dir / "object").is_file()


def test_a_listing_is_of_one_prefix(data_dir):
    for name in ("a/1", "a/b/2", "ab/3", "a.incomplete-x/4"):
        (data_dir / name).put(name.encode())
    assert {entry.name for entry in (data_dir / "a").entries()} == {"1", "b/2"}
    assert {entry.name.partition("/")[2] for entry in data_dir.parents[0].entries()} == set(paths.sizes(data_dir))


def test_the_home_directory(tmp_path, monkeypatch):
    """A shell does not expand ``--data-dir=~/data``."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert paths.parse_place("~/data") == paths.local_path("~/data") == tmp_path / "data"


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


def test_a_disk_without_space(tmp_path, input_error, monkeypatch):
    monkeypatch.setattr(paths, "free_disk", lambda directory: (directory, 5_000))
    paths.check_space(5_000, tmp_path, "give another directory")
    with input_error(InputError):
        paths.check_space(5_001, tmp_path, "give another directory")
    monkeypatch.setattr(paths, "free_disk", lambda directory: (directory, 0))
    with input_error(InputError):
        paths.check_space(1, tmp_path, "give another directory")
    # As of /proc, which has no disk.
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=0, used=0, free=0))
    with input_error(InputError):
        paths.check_space(1, tmp_path, "give another directory")
