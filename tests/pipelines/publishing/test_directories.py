"""A dataset in its place: complete under its name or not there at all, and never in the place of anything else."""

import contextlib
import errno
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from programs import tree
from stored import LAYOUTS, TASK, copy

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base import files as base_files
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines.formats.layout import Layout
from seq2seq_arith.pipelines.formats.location import dataset_path
from seq2seq_arith.pipelines.formats.metadata import read_metadata
from seq2seq_arith.pipelines.publishing.directories import DirectoryPublisher
from seq2seq_arith.pipelines.storage.staging import StagedDirectory

LAYOUT = LAYOUTS["three"]


def existing_dataset(data_dir: Path, task: Task = TASK, layout: Layout = LAYOUT) -> Path:
    """The directory of a published dataset."""
    path = dataset_path(data_dir, task)
    path.mkdir(parents=True)
    copy(task, layout, StagedDirectory(path))
    return path


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_the_dataset_that_is_wanted(tmp_path, layout):
    path = dataset_path(tmp_path, TASK)
    assert DirectoryPublisher(path).published(TASK, layout, overwrite=False) is None
    assert tree(tmp_path) == {}
    metadata = DirectoryPublisher(existing_dataset(tmp_path, layout=layout)).published(TASK, layout, overwrite=False)
    assert metadata == read_metadata(path)
    assert Layout.from_metadata(metadata) == layout
    # To be made again, whether or not it is as wanted.
    assert DirectoryPublisher(path).published(TASK, layout, overwrite=True) is None


@contextlib.contextmanager
def published(path: Path) -> Iterator[Path]:
    """The directory of a run that publishes at the path when the block ends."""
    publisher = DirectoryPublisher(path)
    with publisher.locked(), publisher.staged() as staging:
        yield staging.path


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(None, id="no metadata.json"),
        pytest.param(b"", id="empty"),
        pytest.param(b"[]", id="list"),
        pytest.param(b"\xff\xfe", id="bytes that are not UTF-8"),
        pytest.param(b'{"parameters": null}', id="no parameters"),
        pytest.param(json.dumps({"parameters": Task(num_examples=20).parameters()}).encode(), id="another task"),
        pytest.param(b"[" * 100_000, id="nested too deeply"),
    ],
)
def test_a_directory_that_is_not_ours_is_refused(tmp_path, content, input_error):
    path = dataset_path(tmp_path, TASK)
    path.mkdir(parents=True)
    (path / "thesis.txt").write_text("years of work")
    if content is not None:
        (path / "metadata.json").write_bytes(content)
    before = tree(tmp_path)
    with input_error(InputError):
        DirectoryPublisher(path).published(TASK, LAYOUT, overwrite=False)
    with pytest.raises(InputError):
        DirectoryPublisher(path).published(TASK, LAYOUT, overwrite=True)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("depth", [0, 2])
def test_a_file_in_the_way_is_refused(tmp_path, depth, input_error):
    path = dataset_path(tmp_path / "data", TASK)
    obstacle = [path, *path.parents][depth]
    obstacle.parent.mkdir(parents=True, exist_ok=True)
    obstacle.write_text("years of work")
    for overwrite in (False, True):
        with input_error(InputError):
            DirectoryPublisher(path).published(TASK, LAYOUT, overwrite)
    assert obstacle.read_text() == "years of work"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "full")])
def test_failure_inside_leaves_nothing(tmp_path, error):
    """Except for the lock: not even the config's folder."""
    data_dir = tmp_path / "deep" / "deeper"
    with pytest.raises(type(error)), published(dataset_path(data_dir, TASK)) as directory:
        (directory / "parquet").mkdir()
        (directory / "parquet" / "file").write_text("1")
        raise error
    assert list(tree(data_dir)) == ["seq2seq_arith", "seq2seq_arith/.lock-addition-n200"]


def test_a_dataset_that_has_lost_a_file_gets_no_name(tmp_path):
    """As of ``fetch``, too, which writes its files in this way."""
    path = dataset_path(tmp_path, TASK)
    publisher = DirectoryPublisher(path)
    with pytest.raises(FileNotFoundError, match="parquet/one"), publisher.locked(), publisher.staged() as staging:
        for name in ("parquet/one", "parquet/two"):
            with staging.whole_file(name) as file:
                file.write(b"content")
        (staging.path / "parquet/one").unlink()
    assert not path.parent.exists()


def test_what_a_lost_worker_has_begun_is_not_published(tmp_path):
    """It keeps writing while the dataset is published, and its file gets no name."""
    path = tmp_path / "1.0.0"
    with DirectoryPublisher(path).staged() as staging:
        directory = staging.path
        (directory / "parquet").mkdir()
        (directory / "whole").touch()
        begun = [directory / ".temp-1", directory / "parquet" / ".temp-2"]
        open_files = [file.open("xb") for file in begun]
    for file, name in zip(open_files, begun, strict=True):
        file.write(b"late")
        file.close()
        with pytest.raises(FileNotFoundError):
            name.replace(name.with_name("shard"))
    assert set(tree(tmp_path)) == {"1.0.0", "1.0.0/parquet", "1.0.0/whole"}


def test_a_reader_finds_the_old_set_or_the_new_one(tmp_path, monkeypatch):
    """The names are exchanged in one step: the path is there after every change that the run makes."""
    path = existing_dataset(tmp_path)
    seen = []

    def observed(directory: Path, existing: Path) -> bool:
        seen.append((path / "new").exists())
        exchanged = exchange(directory, existing)
        seen.append((path / "new").exists())
        return exchanged

    def renamed(self, target):
        raise AssertionError("one name after the other")

    exchange = base_files.exchange
    monkeypatch.setattr(base_files, "exchange", observed)
    with published(path) as directory:
        (directory / "new").touch()
        monkeypatch.setattr(Path, "rename", renamed)
    assert seen == [False, True]
    assert set(tree(path.parent)) == {"1.0.0", "1.0.0/new"}


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs the names of open files: /proc")
@pytest.mark.parametrize("before", [False, True], ids=["new", "replaced"])
def test_the_disk_has_all_before_the_name_and_the_name_before_the_end(tmp_path, monkeypatch, before):
    """A machine that loses its power finds no dataset, or a whole one."""
    path, fsync = dataset_path(tmp_path, TASK), os.fsync
    synced: list[tuple[Path, bool]] = []  # a file or folder, and whether the new dataset had its name
    existing_dataset(tmp_path / "made before")  # the first copy of a dataset is made by Beam, which also syncs files
    if before:
        existing_dataset(tmp_path)

    def syncing(descriptor: int) -> None:
        synced.append((Path(f"/proc/self/fd/{descriptor}").readlink(), (path / "new").exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", syncing)
    with published(path) as directory:
        copy(TASK, LAYOUT, StagedDirectory(directory))
        (directory / "new").touch()
    early = [file for file, named in synced if not named]
    described = {directory / name for name in ("dataset_info.json", "features.json", "metadata.json")}
    assert {*described, directory / "parquet", directory} <= set(early)
    assert sum(file.name.startswith(".temp-") for file in early) == len(list(LAYOUT.shard_files()))
    assert before or {tmp_path, path.parents[1], path.parent} <= set(early)  # which have new folders
    assert (path.parent, True) in synced


def test_where_names_cannot_be_exchanged(tmp_path, monkeypatch):
    """The old set is put back if the new one cannot take its name."""
    path, rename = existing_dataset(tmp_path), Path.rename
    before = tree(path.parent)

    def failing(self, target):
        if "old" not in self.name and target == path:
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(base_files, "exchange", lambda *_: False)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", failing)
        with pytest.raises(OSError, match="Input/output error"), published(path) as directory:
            (directory / "new").touch()
    assert tree(path.parent) == before
    with published(path) as directory:
        (directory / "new").touch()
    assert set(tree(path.parent)) == {"1.0.0", "1.0.0/new"}


def test_a_dataset_that_is_a_link_is_replaced_and_its_target_stays(tmp_path):
    path = existing_dataset(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    before = tree(elsewhere)
    with published(path) as directory:
        (directory / "new").touch()
    assert not path.is_symlink()
    assert set(tree(path.parent)) == {"1.0.0", "1.0.0/new"}
    assert tree(elsewhere) == before


def aged(path: Path, seconds: float) -> None:
    """Sets back the time of the last change of everything there."""
    then = time.time() - seconds
    for entry in (*path.rglob("*"), path):
        os.utime(entry, (then, then), follow_symlinks=False)


DAY = 86_400


@pytest.mark.parametrize(
    ("name", "age", "newest", "stays"),
    [
        ("deadbeef", 0, None, False),  # a local run, whose workers ended with it
        ("old-deadbeef", 0, None, False),
        ("job-deadbeef", DAY - 60, None, True),
        ("job-deadbeef", DAY + 60, None, False),
        ("job-deadbeef", 9 * DAY, "parquet/.temp-1", True),  # a long shard, of which more has just been written
        ("job-deadbeef", 9 * DAY, "parquet", True),
    ],
)
def test_which_leftovers_are_spared(tmp_path, name, age, newest, stays):
    path = dataset_path(tmp_path, TASK)
    leftover = path.with_name(f"1.0.0.incomplete-{name}")
    for folder in (path, path.with_name("1.0.1"), leftover / "parquet"):
        folder.mkdir(parents=True)
    for file in ("shard", "parquet/.temp-1"):
        (leftover / file).touch()
    aged(leftover, age)
    if newest:
        os.utime(leftover / newest)
    before = tree(leftover)
    with published(path):
        pass
    assert tree(leftover) == (before if stays else {})
    assert {entry.name for entry in path.parent.iterdir()} == {"1.0.0", "1.0.1"} | ({leftover.name} if stays else set())


@pytest.mark.parametrize("outlives", [False, True])
def test_a_run_marks_its_folder(tmp_path, outlives):
    """By its name, which is there from the first moment on; a failed run leaves nothing, nor what was left before."""
    path = dataset_path(tmp_path, TASK)
    (path.parent / "1.0.0.incomplete-deadbeef").mkdir(parents=True)
    publisher = DirectoryPublisher(path)
    with pytest.raises(ZeroDivisionError), publisher.locked(), publisher.staged(outlives=outlives) as staging:
        assert staging.path.name.startswith("1.0.0.incomplete-job-") == outlives
        raise ZeroDivisionError
    assert not path.parent.exists()


def test_one_run_at_a_time_makes_a_dataset(tmp_path, input_error):
    """The lock is that dataset's alone. It dies with its process, as ``tests/base/test_files.py`` shows."""
    path = dataset_path(tmp_path / "data", TASK)
    other, leftover = dataset_path(path.parents[2], Task(num_examples=20)), path.parent / "1.0.0.incomplete-the-other"
    with DirectoryPublisher(path).locked():
        leftover.mkdir(parents=True)
        with input_error(InputError), published(path):
            raise AssertionError("entered")
        assert leftover.exists()
        with DirectoryPublisher(other).locked():
            assert (other.parents[1] / ".lock-addition-n20").is_file()
    with published(path) as directory:
        (directory / "file").write_text("1")
    assert tree(path.parent) == {"1.0.0": None, "1.0.0/file": b"1"}


@pytest.mark.parametrize("layout", [Layout(4), LAYOUTS["two"]], ids=str)
def test_other_files_are_refused_and_the_way_out_is_named(tmp_path, input_error, layout):
    path = existing_dataset(tmp_path)
    with input_error(InputError):
        DirectoryPublisher(path).published(TASK, layout, overwrite=False)
    assert DirectoryPublisher(path).published(TASK, layout, overwrite=True) is None


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder that even root cannot write to: /proc")
def test_places_that_cannot_be_used(tmp_path, input_error):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    link = dataset_path(tmp_path / "link", TASK)
    link.parent.mkdir(parents=True)
    link.symlink_to(tmp_path / "not mounted")
    for data_dir in ("/proc/data", "x" * 256, "loop", "link"):
        publisher = DirectoryPublisher(dataset_path(tmp_path / data_dir, TASK))
        with input_error(InputError):
            publisher.published(TASK, LAYOUT, overwrite=True)
            with publisher.locked():
                raise AssertionError("entered")


@pytest.mark.parametrize(
    "harm",
    [
        lambda path: (path / LAYOUT.paths("train", 1)[0]).write_bytes(b"x" * 10**4),
        lambda path: (path / LAYOUT.paths("train", 1)[1]).write_bytes(b""),
        lambda path: (path / LAYOUT.paths("train", 1)[0]).unlink(),
        lambda path: (path / "dataset_info.json").write_text("{}"),
        lambda path: (path / "metadata.json").write_text(json.dumps(read_metadata(path) | {"more": 1})),
    ],
    ids=["longer", "empty", "lost", "description", "metadata"],
)
def test_only_a_whole_set_is_as_asked_for(tmp_path, input_error, harm):
    path = existing_dataset(tmp_path)
    harm(path)
    publisher = DirectoryPublisher(path)
    with input_error(InputError):
        publisher.published(TASK, LAYOUT, overwrite=False)
    assert publisher.published(TASK, LAYOUT, overwrite=True) is None
