"""A dataset in its place: complete under its name or not there at all, and never in the place of anything else."""

import contextlib
import errno
import json
import os
import re
import subprocess
import sys
import threading
import time
import types
from collections.abc import Iterator
from pathlib import Path

import pytest
from programs import environment, files, run_here, tree
from stored import copy, make

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base import files as base_files
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines import create
from seq2seq_arith.pipelines.checking.verify import verify
from seq2seq_arith.pipelines.formats.layout import Layout, dataset_path, read_metadata
from seq2seq_arith.pipelines.places.staging import REPORT, StagedDirectory
from seq2seq_arith.pipelines.publishing.directories import DirectoryPublisher

TASK = Task(num_examples=100)
LAYOUT = Layout(8)


@pytest.fixture(autouse=True)
def _made_once(monkeypatch):
    """How a dataset is published does not depend on who makes its files: they are copies."""
    monkeypatch.setattr(create, "write_dataset", copy)


def standing(data_dir: Path, task: Task = TASK, layout: Layout = LAYOUT) -> Path:
    """The directory of a published dataset."""
    path = dataset_path(data_dir, task)
    path.mkdir(parents=True)
    copy(task, layout, StagedDirectory(path))
    return path


def test_nothing_stands_there(tmp_path):
    assert DirectoryPublisher(dataset_path(tmp_path / "new", TASK)).published(TASK, LAYOUT, overwrite=False) is None
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("layout", [Layout(8), Layout(3), Layout(8, ("tfrecord",))], ids=str)
def test_the_dataset_that_is_wanted(tmp_path, layout):
    path = standing(tmp_path, layout=layout)
    metadata = DirectoryPublisher(path).published(TASK, layout, overwrite=False)
    assert metadata == read_metadata(path)
    assert Layout.of_metadata(metadata) == layout
    # To be made again, whether or not it is as wanted.
    assert DirectoryPublisher(path).published(TASK, layout, overwrite=True) is None


@contextlib.contextmanager
def published(path: Path) -> Iterator[Path]:
    """The directory of a run that publishes at the path when the block ends."""
    publisher = DirectoryPublisher(path)
    with publisher.locked(), publisher.staged() as staging:
        yield staging.path


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (Layout(4), "8 shards with Parquet, not 4 shards with Parquet"),
        (Layout(8, ("tfrecord",)), "8 shards with Parquet, not 8 shards without Parquet"),
    ],
)
def test_other_files_are_refused_and_the_way_out_is_named(tmp_path, asked, words):
    path = standing(tmp_path)
    with pytest.raises(InputError, match=f"{words} as asked for; give --overwrite"):
        DirectoryPublisher(path).published(TASK, asked, overwrite=False)
    assert DirectoryPublisher(path).published(TASK, asked, overwrite=True) is None


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
        DirectoryPublisher(path).published(TASK, LAYOUT, overwrite)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("depth", range(4))
def test_a_file_in_the_way_is_refused(tmp_path, depth):
    path = dataset_path(tmp_path / "data", TASK)
    obstacle = [path, *path.parents][depth]
    obstacle.parent.mkdir(parents=True, exist_ok=True)
    obstacle.write_text("years of work")
    for overwrite in (False, True):
        with pytest.raises(InputError, match=str(obstacle)):
            DirectoryPublisher(path).published(TASK, LAYOUT, overwrite)
    assert obstacle.read_text() == "years of work"


def test_staged_appears_when_the_block_ends(tmp_path):
    path = dataset_path(tmp_path / "data", TASK)
    with published(path) as directory:
        assert directory.parent == path.parent
        assert list(directory.iterdir()) == []
        (directory / "file").write_text("1")
        assert not path.exists()
    assert tree(path.parent) == {"1.0.0": None, "1.0.0/file": b"1"}


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, SystemExit, OSError(errno.ENOSPC, "full")])
def test_failure_inside_leaves_nothing(tmp_path, error):
    """Except for the lock: not even the config's folder."""
    (tmp_path / "data").mkdir()
    with pytest.raises(type(error) if isinstance(error, OSError) else error):
        path = dataset_path(tmp_path / "data" / "deep" / "deeper", TASK)
        with published(path) as directory:
            (directory / "parquet").mkdir()
            (directory / "parquet" / "file").write_text("1")
            raise error
    assert list(tree(tmp_path / "data" / "deep" / "deeper")) == ["seq2seq_arith", "seq2seq_arith/.lock-addition-n100"]


def test_failure_inside_keeps_what_stood_there(tmp_path):
    path = standing(tmp_path)
    before = tree(tmp_path)
    with pytest.raises(ZeroDivisionError), published(path):
        raise ZeroDivisionError
    assert tree(tmp_path) == before | {"seq2seq_arith/.lock-addition-n100": b""}


def test_a_dataset_that_has_lost_a_file_gets_no_name(tmp_path):
    """As of ``fetch``, too, which writes its files in this way."""
    path = dataset_path(tmp_path, TASK)
    publisher = DirectoryPublisher(path)
    reason = "somebody has removed its file parquet/one"
    with pytest.raises(FileNotFoundError, match=reason), publisher.locked(), publisher.staged() as staging:
        for name in ("parquet/one", "parquet/two"):
            with staging.whole_file(name) as file:
                file.write(b"content")
        (staging.path / "parquet/one").unlink()
    assert not path.parent.exists()


def test_what_a_lost_worker_has_begun_is_not_published(tmp_path):
    """It goes on writing while the dataset is published, and its file gets no name."""
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


def test_what_stood_there_is_replaced_whole(tmp_path):
    path = standing(tmp_path)
    (path / "old").write_text("old")
    with published(path) as directory:
        (directory / "new").write_text("new")
        assert (path / "old").exists()
    assert tree(path.parent) == {"1.0.0": None, "1.0.0/new": b"new"}


def no_exchange(path: Path, other: Path) -> bool:
    """As ``files.exchange`` where the system cannot."""
    return False


def test_a_reader_finds_the_old_set_or_the_new_one(tmp_path, monkeypatch):
    """The names are exchanged in one step: the path is there after every change that the run makes."""
    path = standing(tmp_path)
    seen = []

    def observed(directory: Path, standing: Path) -> bool:
        seen.append((path / "new").exists())
        exchanged = exchange(directory, standing)
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


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    """What is asked of the disk, in order: ("sync", a file or folder) and ("name", the path that something gets)."""
    events: list[tuple[str, str]] = []
    fsync, exchange = os.fsync, base_files.exchange

    def note(kind: str, path: Path | str) -> None:
        """Random parts of names are left out."""
        if Path(path).is_relative_to(tmp_path):
            shown = re.sub(r"(incomplete-|temp-)[0-9a-f]+", r"\1", str(Path(path).relative_to(tmp_path)))
            events.append((kind, shown))

    def syncing(descriptor: int) -> None:
        note("sync", Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    def renaming(method):
        def renamed(self, target):
            note("name", target)
            return method(self, target)

        return renamed

    def exchanging(path: Path, other: Path) -> bool:
        note("name", other)
        return exchange(path, other)

    monkeypatch.setattr(os, "fsync", syncing)
    monkeypatch.setattr(base_files, "exchange", exchanging)
    for name in ("rename", "replace"):
        monkeypatch.setattr(Path, name, renaming(getattr(Path, name)))
    return events


CONFIG = "seq2seq_arith/addition-n100"
STAGED = f"{CONFIG}/1.0.0.incomplete-"


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs the names of open files: /proc")
@pytest.mark.parametrize("before", [False, True], ids=["new", "replaced"])
def test_the_disk_has_all_before_the_name_and_the_name_before_the_end(tmp_path, recorded, before):
    """A machine that loses its power finds no dataset, or a whole one."""
    layout = Layout.of(TASK, 2)
    if before:
        standing(tmp_path, layout=layout)
        recorded.clear()
    publisher = DirectoryPublisher(dataset_path(tmp_path, TASK))
    with publisher.locked(), publisher.staged() as staging:
        # The folder's own entry, and those of the folders above it, if they are new.
        made = [("sync", CONFIG)] if before else [("sync", name) for name in (".", "seq2seq_arith", CONFIG)]
        assert sorted(recorded) == made
        recorded.clear()
        copy(TASK, layout, staging)
        # Each shard: its content, its name, and the entry of that name.
        shards = [Path(STAGED) / name for _, _, name in layout.shard_files()]
        expected = [
            [("sync", f"{shard.parent}/.temp-"), ("name", f"{shard}"), ("sync", f"{shard.parent}")] for shard in shards
        ]
        by_shard = [recorded[start : start + 3] for start in range(0, len(recorded), 3)]
        assert sorted(by_shard) == sorted(expected)
        recorded.clear()
    described = [("sync", f"{STAGED}/{file}") for file in ("dataset_info.json", "features.json", "metadata.json")]
    assert sorted(recorded[:3]) == described
    assert recorded[3:] == [
        ("sync", f"{STAGED}/parquet"),
        ("sync", STAGED),
        ("name", f"{CONFIG}/1.0.0"),
        ("sync", CONFIG),
    ]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs the names of open files: /proc")
def test_the_disk_has_the_name_of_a_set_that_is_put_back(tmp_path, recorded):
    path = standing(tmp_path)
    path.rename(path.with_name("1.0.0.incomplete-old-deadbeef"))
    recorded.clear()
    with DirectoryPublisher(path).locked():
        assert recorded == [("name", f"{CONFIG}/1.0.0"), ("sync", CONFIG)]


def test_a_reader_of_the_old_set_keeps_it(tmp_path):
    """An open file is read to its end. A file that is opened afterwards is the new set's."""
    other = Layout.of(TASK, 8, ("tfrecord",))
    path, layout = standing(tmp_path), LAYOUT
    names = layout.paths("train", 0)
    before = {name: (path / name).read_bytes() for name in names}
    with contextlib.ExitStack() as stack:
        opened = {name: stack.enter_context((path / name).open("rb")) for name in names}
        begun = {name: file.read(10) for name, file in opened.items()}
        make(TASK, other, tmp_path, overwrite=True)
        assert not (path / names[1]).exists()
        assert {name: begun[name] + file.read() for name, file in opened.items()} == before
    assert read_metadata(path)["files"].keys() == {*other.paths("train", 0)} | {
        name for _, _, name in other.shard_files()
    } | {"dataset_info.json", "features.json"}


def test_where_names_cannot_be_exchanged(tmp_path, monkeypatch):
    path = standing(tmp_path)
    monkeypatch.setattr(base_files, "exchange", no_exchange)
    with published(path) as directory:
        (directory / "new").touch()
    assert set(tree(path.parent)) == {"1.0.0", "1.0.0/new"}


def test_the_old_set_is_put_back_if_the_new_one_cannot_take_its_name(tmp_path, monkeypatch):
    path = standing(tmp_path)
    before, rename = tree(path.parent), Path.rename

    def failing(self, target):
        if "old" not in self.name and target == path:
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(base_files, "exchange", no_exchange)
    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OSError, match="Input/output error"), published(path) as directory:
        (directory / "new").touch()
    assert tree(path.parent) == before


def test_a_set_that_a_killed_run_has_set_aside_is_put_back(tmp_path):
    """The run was killed between its two renames, where names cannot be exchanged."""
    path = standing(tmp_path)
    before = tree(path)
    path.rename(path.with_name("1.0.0.incomplete-old-deadbeef"))
    path.with_name("1.0.0.incomplete-deadbeef").mkdir()
    publisher = DirectoryPublisher(path)
    with publisher.locked():
        assert publisher.published(TASK, LAYOUT, overwrite=False) == read_metadata(path)
    publisher.tidy()
    assert tree(path) == before
    assert [entry.name for entry in path.parent.iterdir()] == ["1.0.0"]


KINDS = ("link", "dangling link", "file", "pipe")


def put(path: Path, kind: str, target: Path) -> None:
    """Puts something in the place of a run's folder."""
    if kind == "file":
        path.touch()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "empty folder":
        path.mkdir()
    elif kind in ("link", "dangling link"):
        path.symlink_to(target if kind == "link" else target / "nowhere")
    else:
        standing(path.parents[2] / "made", Task(num_examples=101 if kind == "another set" else 100)).rename(path)
        for lost in {"half-deleted set": LAYOUT.paths("train", 0), "set without metadata": ["metadata.json"]}.get(
            kind, ()
        ):
            (path / lost).unlink()


@pytest.mark.parametrize("kind", [*KINDS, "empty folder", "half-deleted set", "set without metadata", "another set"])
def test_what_was_not_set_aside_is_not_put_back(tmp_path, kind):
    """It gets no dataset's name. The next run removes it, makes the dataset, and leaves a link's target alone."""
    path, mine = dataset_path(tmp_path / "data", TASK), tmp_path / "mine"
    standing(tmp_path / "mine")  # whole, and not in this place
    path.parent.mkdir(parents=True)
    put(path.with_name("1.0.0.incomplete-old-deadbeef"), kind, dataset_path(mine, TASK))
    before = tree(mine)
    publisher = DirectoryPublisher(path)
    with publisher.locked():
        assert not os.path.lexists(path)
        assert publisher.published(TASK, LAYOUT, overwrite=False) is None
    assert make(TASK, LAYOUT, tmp_path / "data")
    assert verify(path).problems == []
    assert [entry.name for entry in path.parent.iterdir()] == ["1.0.0"]
    assert tree(mine) == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_leftover_that_is_not_a_directory(tmp_path, monkeypatch, kind):
    """It is removed at once, without a pause before another attempt, and a link's target is left alone."""
    path, mine = standing(tmp_path / "data"), tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    put(path.with_name("1.0.0.incomplete-deadbeef"), kind, mine)
    naps = []
    monkeypatch.setattr(base_files, "time", types.SimpleNamespace(time=time.time, sleep=naps.append))
    DirectoryPublisher(path).tidy()
    assert naps == []
    assert [entry.name for entry in path.parent.iterdir()] == ["1.0.0"]
    assert files(mine) == {"thesis.txt": b"years of work"}


def test_a_dataset_that_is_a_link_is_replaced_and_its_target_stays(tmp_path):
    path = standing(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    before = tree(elsewhere)
    with published(path) as directory:
        (directory / "new").touch()
    assert not path.is_symlink()
    assert set(tree(path.parent)) == {"1.0.0", "1.0.0/new"}
    assert tree(elsewhere) == before


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("x" * 256, "cannot be used: File name too long"),
        ("/".join(["x" * 200] * 21), "cannot be used: File name too long"),
        ("loop", "cannot be written: Too many levels of symbolic links"),
    ],
    ids=["name", "path", "loop"],
)
def test_a_path_that_no_system_takes(tmp_path, part, words):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    process = run_here("generate", "addition", "--data-dir", tmp_path / part)
    assert (process.returncode, process.stdout) == (2, "")
    (line,) = process.stderr.splitlines()
    assert f"{words}; give another --data-dir" in line


def test_a_dataset_that_is_a_link_to_nowhere(tmp_path):
    path = dataset_path(tmp_path, TASK)
    path.parent.mkdir(parents=True)
    path.symlink_to(tmp_path / "not mounted")
    with pytest.raises(InputError, match=f"{path} is a link that leads nowhere; remove it"):
        DirectoryPublisher(path).published(TASK, LAYOUT, overwrite=True)


# Root may read everything, so it becomes nobody. After its imports: nobody may not read those.
AS_NOBODY = """
import os, sys
from pathlib import Path
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines.formats.layout import Layout
from seq2seq_arith.pipelines.order import Order
from seq2seq_arith.pipelines.places.staging import StagedDirectory
from seq2seq_arith.pipelines.publishing.directories import DirectoryPublisher
if os.geteuid() == 0:
    os.seteuid(65534)
try:
    DirectoryPublisher(Path(sys.argv[1])).published(Task(), Layout(8), overwrite=False)
except InputError as error:
    print(error)
"""


def test_a_directory_without_permission(tmp_path):
    """Another person's home, for example."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700 if os.geteuid() == 0 else 0)
    path = dataset_path(home / "data", Task())
    command = [sys.executable, "-c", AS_NOBODY, path]
    process = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)
    assert (process.stdout, process.stderr) == (
        f"{path} cannot be used: Permission denied; give another --data-dir\n",
        "",
    )


def test_leftovers_are_removed_and_nothing_else(tmp_path):
    path = standing(tmp_path)
    beside = {"1.0.0.incomplete-deadbeef", "1.0.0.incomplete-old-deadbeef"}
    for name in beside:
        (path.parent / name / "parquet").mkdir(parents=True)
        (path.parent / name / "parquet" / "file").write_text("1")
    (path.parent / "1.0.1").mkdir()
    before = tree(path)
    DirectoryPublisher(path).tidy()
    assert {entry.name for entry in path.parent.iterdir()} == {"1.0.0", "1.0.1"}
    assert tree(path) == before


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
        ("job-deadbeef", 0, None, True),
        ("job-deadbeef", DAY - 60, None, True),
        ("job-deadbeef", DAY + 60, None, False),
        ("job-deadbeef", 9 * DAY, "parquet/.temp-1", True),  # a long shard, of which more has just been written
        ("job-deadbeef", 9 * DAY, "parquet", True),
    ],
)
@pytest.mark.parametrize("by", ["a run", "tidying"])
def test_which_leftovers_are_spared(tmp_path, by, name, age, newest, stays):
    path = standing(tmp_path)
    leftover = path.with_name(f"1.0.0.incomplete-{name}")
    (leftover / "parquet").mkdir(parents=True)
    for file in ("shard", "parquet/.temp-1"):
        (leftover / file).touch()
    aged(leftover, age)
    if newest:
        os.utime(leftover / newest)
    before = tree(leftover)
    if by == "tidying":
        DirectoryPublisher(path).tidy()
    else:
        make(TASK, LAYOUT, tmp_path, overwrite=True)
    assert tree(leftover) == (before if stays else {})
    assert leftover.exists() == stays
    assert verify(path, beside=False).problems == []


@pytest.mark.parametrize("kind", KINDS)
def test_no_job_writes_into_what_is_no_folder(tmp_path, kind):
    path, mine = standing(tmp_path / "data"), tmp_path / "mine"
    mine.mkdir()
    put(path.with_name("1.0.0.incomplete-job-deadbeef"), kind, mine)
    DirectoryPublisher(path).tidy()
    assert [entry.name for entry in path.parent.iterdir()] == ["1.0.0"]


@pytest.mark.parametrize("linked", ["folder", "report"])
def test_a_link_is_no_finished_run(tmp_path, linked):
    """Its folder would get the dataset's name."""
    path, mine = dataset_path(tmp_path / "data", TASK), tmp_path / "mine"
    mine.mkdir()
    (mine / REPORT).write_text("{}")
    folder = path.with_name("1.0.0.incomplete-job-deadbeef")
    (path.parent if linked == "folder" else folder).mkdir(parents=True)
    (folder if linked == "folder" else folder / REPORT).symlink_to(mine if linked == "folder" else mine / REPORT)
    publisher = DirectoryPublisher(path)
    assert publisher.finished() == []
    assert publisher.may_be_written() == (linked == "report")


def test_looking_while_others_publish_and_tidy(tmp_path):
    """Who looks has no lock: folders and files disappear under its eyes."""
    path = dataset_path(tmp_path, TASK)
    publisher, ended = DirectoryPublisher(path), threading.Event()

    def change() -> None:
        for number in range(300):
            folder = path.with_name(f"1.0.0.incomplete-job-{number}")
            (folder / "parquet").mkdir(parents=True)
            for name in ("parquet/shard", REPORT):
                (folder / name).touch()
            aged(folder, 2 * DAY)
            base_files.remove_tree(folder)
            path.parent.rmdir()
        ended.set()

    thread = threading.Thread(target=change)
    thread.start()
    looked = 0
    while not ended.is_set():
        assert len(publisher.finished()) <= 1
        publisher.may_be_written()
        looked += 1
    thread.join()
    assert looked > 10


@pytest.mark.parametrize("outlives", [False, True])
def test_a_run_marks_its_folder(tmp_path, outlives):
    """By its name, which is there from the first moment on; a failed run leaves nothing, also on an engine."""
    publisher = DirectoryPublisher(dataset_path(tmp_path, TASK))
    with pytest.raises(ZeroDivisionError), publisher.locked(), publisher.staged(outlives=outlives) as staging:
        assert staging.path.name.startswith("1.0.0.incomplete-job-") == outlives
        raise ZeroDivisionError
    assert not staging.path.exists()


def test_staged_removes_leftovers_even_if_it_fails(tmp_path):
    path = dataset_path(tmp_path, TASK)
    (path.parent / "1.0.0.incomplete-deadbeef").mkdir(parents=True)
    with pytest.raises(ZeroDivisionError), published(path):
        raise ZeroDivisionError
    assert not path.parent.exists()


HOLD = """
import sys
from pathlib import Path
from seq2seq_arith.pipelines.order import Order
from seq2seq_arith.pipelines.places.staging import StagedDirectory
from seq2seq_arith.pipelines.publishing.directories import DirectoryPublisher
with DirectoryPublisher(Path(sys.argv[1])).locked():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_one_run_at_a_time_makes_a_dataset(tmp_path):
    """The lock is that dataset's alone, and dies with its process."""
    path = dataset_path(tmp_path / "data", TASK)
    other, leftover = dataset_path(path.parents[2], Task(num_examples=101)), path.parent / "1.0.0.incomplete-the-other"
    command = [sys.executable, "-c", HOLD, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()) as process:
        assert process.stdout.readline() == b"held\n"
        leftover.mkdir(parents=True)
        with pytest.raises(InputError, match=f"another run is making {path}; wait for it"), published(path):
            raise AssertionError("entered")
        assert leftover.exists()
        with DirectoryPublisher(other).locked():
            assert (other.parents[1] / ".lock-addition-n101").is_file()
        process.kill()
    with published(path) as directory:
        (directory / "file").write_text("1")
    assert tree(path.parent) == {"1.0.0": None, "1.0.0/file": b"1"}


def test_what_a_finished_job_has_left_is_published_and_leftovers_go(tmp_path):
    path = dataset_path(tmp_path, TASK)
    job = path.with_name("1.0.0.incomplete-job-deadbeef")
    for folder in (job, path.with_name("1.0.0.incomplete-deadbeef")):
        folder.mkdir(parents=True)
    copy(TASK, LAYOUT, StagedDirectory(job))
    (job / REPORT).write_text("{}")
    publisher = DirectoryPublisher(path)
    with publisher.locked():
        assert publisher.finished() == [job / REPORT]
        with publisher.taken_up(job / REPORT):
            pass
    assert [entry.name for entry in path.parent.iterdir()] == ["1.0.0"]
    assert verify(path, beside=False).problems == []
    assert not (path / REPORT).exists()


def test_runs_that_end_and_begin_at_once(tmp_path):
    """A run that fails removes the config's folder while others begin: each makes its dataset or is told to wait."""
    path = dataset_path(tmp_path / "data", TASK)
    ended = []

    def attempt(number: int) -> None:
        for turn in range(30):
            try:
                with published(path) as directory:
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


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder that even root cannot write to: /proc")
def test_a_place_that_cannot_be_written(tmp_path):
    with pytest.raises(InputError, match=r"/proc/data/.* cannot be written: .*; give another --data-dir"):
        path = dataset_path(Path("/proc/data"), TASK)
        with published(path):
            raise AssertionError("entered")


def edited(**changes):
    """Changes entries of the metadata, and leaves its sha256 as it was."""

    def edit(path: Path) -> None:
        metadata = json.loads((path / "metadata.json").read_text())
        (path / "metadata.json").write_text(json.dumps(metadata | changes))

    return edit


def link(path: Path) -> None:
    """Moves a shard elsewhere, and leaves a link, which is right."""
    shard = path / LAYOUT.paths("train", 0)[0]
    shard.rename(path.parents[2] / "moved")
    shard.symlink_to(path.parents[2] / "moved")


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda path: None, ""),
        (link, ""),
        (lambda path: (path / LAYOUT.paths("train", 1)[0]).write_bytes(b""), r"tfrecord-00001-of-00008: has 0 bytes, "),
        (lambda path: (path / LAYOUT.paths("train", 1)[0]).write_bytes(b"x" * 10**4), "has 10,000 bytes, not the "),
        (lambda path: (path / LAYOUT.paths("train", 1)[1]).write_bytes(b""), r"train-00001-of-00008.parquet: is empty"),
        (lambda path: (path / LAYOUT.paths("train", 1)[0]).unlink(), "has lost its file seq2seq_arith-train.tfrecord-"),
        (lambda path: (path / "dataset_info.json").write_text("{}"), r"dataset_info.json: does not count "),
        (edited(sha256="0" * 64), "metadata.json: its content does not have the sha256 that it states"),
        (edited(draws_used=float("nan")), "metadata.json: draws_used is nan"),
        (
            edited(files={"parquet/../../etc/passwd": "0" * 64}),
            "metadata.json: its files are not those of its parameters",
        ),
        (edited(more=1), "metadata.json: has the entry 'more', which does not belong to it"),
    ],
)
def test_only_a_whole_set_is_as_asked_for(tmp_path, harm, words):
    path = standing(tmp_path)
    harm(path)
    publisher = DirectoryPublisher(path)
    if not words:
        assert publisher.published(TASK, LAYOUT, overwrite=False)
        return
    with pytest.raises(InputError, match=words) as caught:
        publisher.published(TASK, LAYOUT, overwrite=False)
    assert str(caught.value).endswith("; give --overwrite to make the dataset anew")
    assert publisher.published(TASK, LAYOUT, overwrite=True) is None


def test_a_config_that_cannot_be_named(tmp_path):
    """The dataset stands all the same."""
    (tmp_path / "data" / "seq2seq_arith").mkdir(parents=True)
    (tmp_path / "data" / "seq2seq_arith" / ".config").write_text("a file")
    process = run_here("generate", "addition", "--num-examples", "100", "--data-dir", tmp_path / "data")
    path = dataset_path(tmp_path / "data", TASK)
    assert process.returncode == 1
    assert process.stderr.splitlines()[-1].startswith(f"arith-data: {path} is complete, but which config is the ")
    assert verify(path, beside=False).problems == []
