"""Where a dataset stands: complete under its name or not there at all, and never in the place of anything else."""

import errno
import fcntl
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from programs import tree

from seq2seq_arith.pipelines import InputError, Task
from seq2seq_arith.pipelines.create import create
from seq2seq_arith.pipelines.publish import (
    dataset_path,
    layout_of,
    local_path,
    locked,
    published,
    read_metadata,
    remove_leftovers,
    staged,
)
from seq2seq_arith.pipelines.shards import Layout

TASK = Task(num_examples=100)
LAYOUT = Layout(8)


def standing(data_dir: Path, task: Task = TASK, layout: Layout = LAYOUT) -> Path:
    """A directory that looks like a published dataset to those who do not read its shards."""
    path = dataset_path(data_dir, task)
    (path / "parquet").mkdir(parents=True)
    files = {name: "0" * 64 for shard in range(layout.num_shards) for name in layout.paths("train", shard)}
    metadata = {"parameters": task.parameters(), "num_shards": layout.num_shards, "files": files}
    for name in files:
        (path / name).touch()
    (path / "metadata.json").write_text(json.dumps(metadata))
    return path


@pytest.mark.parametrize(
    ("task", "path"),
    [
        (Task(), "data/seq2seq_arith/addition/1.0.0"),
        (Task("pq", seed=7), "data/seq2seq_arith/pq-s7/1.0.0"),
    ],
)
def test_dataset_path(task, path):
    assert dataset_path(Path("data"), task) == Path(path)


def test_nothing_stands_there(tmp_path):
    assert published(dataset_path(tmp_path / "new", TASK), TASK, LAYOUT, overwrite=False) is None
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("layout", [Layout(8), Layout(3), Layout(8, parquet=False)], ids=str)
def test_the_dataset_that_is_wanted(tmp_path, layout):
    path = standing(tmp_path, layout=layout)
    metadata = published(path, TASK, layout, overwrite=False)
    assert metadata == read_metadata(path)
    assert layout_of(metadata) == layout
    # To be made again, whether or not it is as wanted.
    assert published(path, TASK, layout, overwrite=True) is None


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (Layout(4), "8 shards with Parquet, not 4 shards with Parquet"),
        (Layout(8, parquet=False), "8 shards with Parquet, not 8 shards without Parquet"),
    ],
)
def test_other_files_are_refused_and_the_way_out_is_named(tmp_path, asked, words):
    path = standing(tmp_path)
    with pytest.raises(InputError, match=f"{words} as asked for; give --overwrite"):
        published(path, TASK, asked, overwrite=False)
    assert published(path, TASK, asked, overwrite=True) is None


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b"\xff\xfe",
        b'{"parameters": null}',
        json.dumps({"parameters": Task(num_examples=101).parameters()}).encode(),
        json.dumps({"parameters": [TASK.parameters()]}).encode(),
        b"[" * 100_000,
    ],
    ids=lambda content: str(content)[:30],
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_directory_that_is_not_ours_is_refused(tmp_path, content, overwrite):
    path = dataset_path(tmp_path, TASK)
    path.mkdir(parents=True)
    (path / "thesis.txt").write_text("years of work")
    if content is not None:
        (path / "metadata.json").write_bytes(content)
    before = tree(tmp_path)
    with pytest.raises(InputError, match=r"is no dataset of this program; move it away"):
        published(path, TASK, LAYOUT, overwrite)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("depth", range(4))
def test_a_file_in_the_way_is_refused(tmp_path, depth, overwrite):
    path = dataset_path(tmp_path / "data", TASK)
    obstacle = [path, *path.parents][depth]
    obstacle.parent.mkdir(parents=True, exist_ok=True)
    obstacle.write_text("years of work")
    with pytest.raises(InputError, match=str(obstacle)):
        published(path, TASK, LAYOUT, overwrite)
    assert obstacle.read_text() == "years of work"


@pytest.mark.parametrize(
    "metadata",
    [{}, {"files": None}, {"files": []}, {"files": {"parquet": 1}}, {"num_shards": "8"}, {"num_shards": None}],
    ids=str,
)
def test_layout_of_anything(metadata):
    assert layout_of(metadata) != Layout(8, True)


def test_staged_appears_when_the_block_ends(tmp_path):
    path = dataset_path(tmp_path / "data", TASK)
    with locked(path), staged(path) as directory:
        assert directory.parent == path.parent
        assert list(directory.iterdir()) == []
        (directory / "file").write_text("1")
        assert not path.exists()
    assert tree(path.parent) == {"1.0.0": None, "1.0.0/file": b"1"}


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, SystemExit, OSError(errno.ENOSPC, "full")])
def test_failure_inside_leaves_nothing(tmp_path, error):
    """Not even the folders that were made on the way, up to those that were there before."""
    (tmp_path / "data").mkdir()
    with pytest.raises(type(error) if isinstance(error, OSError) else error):
        path = dataset_path(tmp_path / "data" / "deep" / "deeper", TASK)
        with locked(path), staged(path) as directory:
            (directory / "parquet").mkdir()
            (directory / "parquet" / "file").write_text("1")
            raise error
    assert tree(tmp_path) == {"data": None}


def test_failure_inside_keeps_what_stood_there(tmp_path):
    path = standing(tmp_path)
    before = tree(tmp_path)
    with pytest.raises(ZeroDivisionError), locked(path), staged(path):
        raise ZeroDivisionError
    assert tree(tmp_path) == before


def test_what_a_lost_worker_has_begun_is_not_published(tmp_path):
    """It goes on writing while the dataset is published, and its file gets no name."""
    path = tmp_path / "1.0.0"
    with staged(path, Layout(1)) as directory:
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


def test_what_stood_there_is_replaced_whole(tmp_path):
    path = standing(tmp_path)
    (path / "old").write_text("old")
    with locked(path), staged(path) as directory:
        (directory / "new").write_text("new")
        assert (path / "old").exists()
    assert tree(path.parent) == {"1.0.0": None, "1.0.0/new": b"new"}


def test_leftovers_are_removed_and_nothing_else(tmp_path):
    path = standing(tmp_path)
    beside = {"1.0.0.incomplete-deadbeef", "1.0.0.incomplete-old-deadbeef"}
    for name in beside:
        (path.parent / name / "parquet").mkdir(parents=True)
        (path.parent / name / "parquet" / "file").write_text("1")
    (path.parent / "1.0.1").mkdir()
    before = tree(path)
    remove_leftovers(path)
    assert {entry.name for entry in path.parent.iterdir()} == {"1.0.0", "1.0.1"}
    assert tree(path) == before


def test_staged_removes_leftovers_even_if_it_fails(tmp_path):
    path = dataset_path(tmp_path, TASK)
    (path.parent / "1.0.0.incomplete-deadbeef").mkdir(parents=True)
    with pytest.raises(ZeroDivisionError), locked(path), staged(path):
        raise ZeroDivisionError
    assert [entry.name for entry in path.parent.iterdir()] == []


HOLD = """
import sys
from pathlib import Path
from seq2seq_arith.pipelines.publish import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def held(tmp_path):
    """A path that another process is at, and that process."""
    path = dataset_path(tmp_path / "data", TASK)
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONSAFEPATH": "1"},
    )
    assert process.stdout.readline() == b"held\n"
    yield path, process
    process.kill()
    process.wait(60)
    process.stdout.close()


def test_another_run_is_refused_while_one_is_at_it(held):
    path, process = held
    leftover = path.parent / "1.0.0.incomplete-of-the-other"
    leftover.mkdir()
    with pytest.raises(InputError, match=f"another run is making {path}; wait for it"), locked(path), staged(path):
        raise AssertionError("entered")
    # What the other run is writing is left alone.
    assert leftover.exists()
    process.stdin.close()
    assert process.wait(60) == 0
    with locked(path), staged(path) as directory:
        (directory / "file").write_text("1")
    assert tree(path.parent) == {"1.0.0": None, "1.0.0/file": b"1"}


def test_a_lock_dies_with_its_process(held):
    path, process = held
    process.kill()
    process.wait(60)
    with locked(path):
        pass


def test_other_datasets_are_not_locked(held):
    path, _ = held
    other = dataset_path(path.parents[2], Task(num_examples=101))
    with locked(other):
        assert other.parent.is_dir()


def test_runs_that_end_and_begin_at_once(tmp_path):
    """One run removes the folders that it made while others begin: each makes its dataset or is told to wait."""
    path = dataset_path(tmp_path / "data", TASK)
    ended = []

    def attempt(number: int) -> None:
        for turn in range(30):
            try:
                with locked(path), staged(path) as directory:
                    (directory / "file").write_text("1")
                    if (number + turn) % 3:
                        raise ZeroDivisionError
                ended.append("made")
            except ZeroDivisionError:
                ended.append("failed")
            except InputError as error:
                ended.append("refused" if "another run is making" in str(error) else str(error))
            except BaseException as error:
                ended.append(repr(error))

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(ended) <= {"made", "failed", "refused"}
    assert len(ended) == 120
    assert {"made", "failed"} <= set(ended)
    assert tree(tmp_path)["data/seq2seq_arith/addition-n100/1.0.0/file"] == b"1"
    assert [entry.name for entry in path.parent.iterdir()] == ["1.0.0"]


def test_a_lock_is_one_of_the_operating_systems(tmp_path):
    """Not a file that a dead process would leave behind."""
    path = dataset_path(tmp_path, TASK)
    with locked(path):
        assert list(path.parent.iterdir()) == []
        descriptor = os.open(path.parent, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(descriptor)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder that even root cannot write to: /proc")
def test_a_place_that_cannot_be_written(tmp_path):
    with pytest.raises(InputError, match=r"/proc/data/.* cannot be written: .*; give another --data-dir"):
        path = dataset_path(Path("/proc/data"), TASK)
        with locked(path), staged(path):
            raise AssertionError("entered")


def test_a_dataset_is_made_on_a_disk_of_this_machine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert local_path("data/seq2seq_arith") == tmp_path / "data/seq2seq_arith"
    with pytest.raises(InputError, match=r"gs://bucket/data is on no disk of this machine; .* or fetch it with"):
        local_path("gs://bucket/data")


def test_a_set_that_has_lost_a_file_is_not_taken_for_complete(tmp_path):
    path = dataset_path(tmp_path, TASK)
    layout = Layout.of(TASK, 1)
    create(TASK, layout, tmp_path, [])
    assert published(path, TASK, layout, overwrite=False)
    lost = layout.paths("train", 0)[0]
    (path / lost).unlink()
    with pytest.raises(InputError, match=f"has lost its file {lost}; give --overwrite"):
        published(path, TASK, layout, overwrite=False)
    assert create(TASK, layout, tmp_path, [], overwrite=True)
    assert (path / lost).is_file()
