"""``arith-data fetch``: a copy that is whole, or none."""

import os
import shutil
import signal
import threading
import time

import pytest
from programs import files, find_paths, run, run_here, start, without_lock
from rewriting import rewritten
from stored import LAYOUTS, TASK, make, objects

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError, StoreError
from seq2seq_arith.pipelines.checking.verify import verify
from seq2seq_arith.pipelines.commands.fetch import AT_ONCE, copy
from seq2seq_arith.pipelines.formats.layout import FORMATS, Layout
from seq2seq_arith.pipelines.formats.location import dataset_path
from seq2seq_arith.pipelines.storage import paths

pytestmark = pytest.mark.usefixtures("copied")


def test_every_format_goes_through_a_store(data_dir, with_beam, tmp_path):
    """Also ArrayRecord, whose writer wants a file of this machine: the same bytes as on a disk, and a copy of them."""
    layout = Layout(2, tuple(FORMATS))
    make(TASK, layout, data_dir)
    make(TASK, layout, tmp_path / "disk")
    assert verify(dataset_path(data_dir, TASK)).problems == []
    copy(dataset_path(data_dir, TASK), tmp_path / "here")
    assert files(tmp_path / "here") == files(tmp_path / "disk")


def test_fetch_asks_for_room_only_if_there_is_something_to_copy(tmp_path, monkeypatch):
    make(TASK, LAYOUTS["two"], tmp_path / "there")
    source = dataset_path(tmp_path / "there", TASK)
    full = shutil.disk_usage(tmp_path)._replace(free=0)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: full)
        with pytest.raises(InputError):
            copy(source, tmp_path / "here")
    assert without_lock(tmp_path / "here") == {}
    copy(source, tmp_path / "here")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    assert copy(source, tmp_path / "here")[2] is False


def test_fetch_of_what_is_not_finished_or_here_with_other_files(tmp_path, input_error):
    for place in ("there", "here"):
        make(TASK, LAYOUTS["two"], tmp_path / place)
    shard = LAYOUTS["two"].paths("train", 0)[0]
    rewritten(dataset_path(tmp_path / "here", TASK), lambda metadata: metadata["files"].update({shard: "0" * 64}))
    source, before = dataset_path(tmp_path / "there", TASK), files(tmp_path / "here")
    process = run_here("fetch", source, tmp_path / "here")
    assert process.returncode == 2
    input_error.printed(process.stderr)
    assert files(tmp_path / "here") == before
    (source / "dataset_info.json").unlink()
    process = run_here("fetch", source, tmp_path / "elsewhere")
    assert process.returncode == 2
    input_error.printed(process.stderr)


@pytest.mark.parametrize(("kind", "reason"), [("folder", "is missing"), ("pipe", "cannot be read: Not a regular file")])
def test_fetch_from_what_cannot_be_read(tmp_path, kind, reason):
    """The source is to blame, and not the disk that is written."""
    make(TASK, LAYOUTS["two"], tmp_path / "there")
    source = dataset_path(tmp_path / "there", TASK)
    shard = source / LAYOUTS["two"].paths("train", 0)[0]
    shard.unlink()
    os.mkfifo(shard) if kind == "pipe" else shard.mkdir()
    process = run_here("fetch", source, tmp_path / "here")
    assert process.returncode == 1
    assert process.stderr == f"arith-data: {shard} {reason}; nothing was left behind\n"
    assert without_lock(tmp_path / "here") == {}


def test_again_and_with_other_files(data_dir, local, tmp_path):
    path = dataset_path(data_dir, TASK)
    make(TASK, LAYOUTS["three"], data_dir)
    # The URL with a slash, and the one of the config.
    for url, words in ((f"{path}/", "is a copy of"), (path.parents[0], "is there already, and the same as")):
        process = run_here("fetch", url, tmp_path)
        assert process.returncode == 0, process.stderr
        assert words in process.stdout
    make(TASK, LAYOUTS["two"], data_dir, overwrite=True)
    process = run_here("fetch", path, tmp_path)
    assert process.returncode == 2
    assert "give --overwrite" in process.stderr
    assert without_lock(tmp_path) == local["three"]
    assert run_here("fetch", path, tmp_path, "--overwrite").returncode == 0
    assert without_lock(tmp_path) == local["two"]


@pytest.mark.parametrize("harm", ["change", "remove"])
def test_what_is_not_whole_is_not_published(data_dir, tmp_path, harm):
    path = dataset_path(data_dir, TASK)
    make(TASK, LAYOUTS["three"], data_dir)
    harmed = path / LAYOUTS["three"].paths("train", 1)[0]
    if harm == "change":
        harmed.put(b"changed")
    else:
        harmed.unlink()
    process = run_here("fetch", path, tmp_path)
    assert (process.returncode, process.stdout) == (1, "")
    complaint = {"change": "does not have the sha256 that metadata.json states", "remove": "is missing"}[harm]
    assert process.stderr == f"arith-data: {harmed} {complaint}; nothing was left behind\n"
    assert without_lock(tmp_path) == {}


@pytest.fixture
def whole(tmp_path):
    """A finished dataset on a disk."""
    make(TASK, LAYOUTS["three"], tmp_path / "whole")
    return dataset_path(tmp_path / "whole", TASK)


def test_a_source_without_end_is_refused_at_its_listed_size(whole, tmp_path, monkeypatch):
    sent = []

    read = paths.pieces

    def endless(path):
        if "tfrecord" not in path.name:
            yield from read(path)
            return
        while True:
            sent.append(len(sent))
            yield bytes(2**20)

    monkeypatch.setattr(paths, "pieces", endless)
    with pytest.raises(StoreError, match=r"is longer than the [\d,]+ bytes that were listed"):
        copy(whole, tmp_path / "copy")
    assert len(sent) <= 2 * AT_ONCE
    assert not list((tmp_path / "copy").rglob("*.tfrecord*"))


def test_a_file_that_is_not_listed_is_missing(whole, tmp_path, monkeypatch):
    """As of a listing that cannot be read."""
    monkeypatch.setattr(paths, "sizes", lambda directory: {})
    with pytest.raises(StoreError, match="is missing"):
        copy(whole, tmp_path / "copy")


def test_ctrl_c_ends_a_copy_from_a_silent_source(whole, tmp_path, monkeypatch):
    is_asked, never = threading.Event(), threading.Event()

    read = paths.pieces

    def silent(path):
        if "tfrecord" not in path.name:
            yield from read(path)
            return
        is_asked.set()
        never.wait()
        yield b""

    monkeypatch.setattr(paths, "pieces", silent)
    # As the programs do: a shell that starts the tests in the background lets them ignore Ctrl-C.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=lambda: is_asked.wait() and os.kill(os.getpid(), signal.SIGINT), daemon=True).start()
    start = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            copy(whole, tmp_path / "copy")
    finally:
        never.set()
        signal.signal(signal.SIGINT, handler)
    assert time.monotonic() - start < 30


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["SIGINT", "SIGKILL"])
def test_stopped(served_dir, tmp_path, number):
    task = Task("pq", num_examples=20_000)
    make(task, Layout(4, ("tfrecord",)), served_dir)
    path = dataset_path(served_dir, task)
    process = start("fetch", path, tmp_path / "data")
    while process.poll() is None and not find_paths(tmp_path, "*.tfrecord-*"):
        time.sleep(0.001)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=120)
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert stderr.splitlines()[-1] == "arith-data: stopped; nothing was left behind"
        assert without_lock(tmp_path) == {}
    assert not dataset_path(tmp_path / "data", task).exists()
    assert run("fetch", path, tmp_path / "data").returncode == 0
    assert without_lock(tmp_path / "data") == objects(served_dir)
