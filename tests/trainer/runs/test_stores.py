"""Runs in an object store: trained, killed, gone on with, and asked; in memory, and in slow tests by emulators."""

import dataclasses
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import configs
import emulators
import memory_store
import pytest

from seq2seq_arith.base.errors import InputError, StoreError, TrainingError
from seq2seq_arith.pipelines.places import clients
from seq2seq_arith.pipelines.places.paths import Entry, ObjectPath, parse_place
from seq2seq_arith.trainer.config import override
from seq2seq_arith.trainer.runs import checkpoints, files, stores
from seq2seq_arith.trainer.runs.run import open_run
from seq2seq_arith.trainer.training import session

CONFIG = override(configs.TAGGER, hidden=8, layers=1, batch_size=32, epochs=2, steps_per_epoch=20)
LEARNED = ("last.npz", "best.npz")


@pytest.fixture
def bucket(monkeypatch) -> str:
    """A bucket of a store in memory."""
    monkeypatch.setitem(clients.CLIENTS, memory_store.SCHEME, memory_store.MemoryStore)
    return f"{memory_store.SCHEME}://{uuid.uuid4().hex}"


def weights(folder) -> dict[str, dict[str, bytes]]:
    loaded = {name: checkpoints.load(Path(folder) / name)[0] for name in LEARNED}
    return {name: {key: array.tobytes() for key, array in arrays.items()} for name, arrays in loaded.items()}


def test_a_run_in_a_store_learns_what_one_on_a_disk_does(bucket, data_dir, tasks, tmp_path, capsys):
    url, task = f"{bucket}/runs/addition", tasks["addition"]
    on_disk = session.train(task, str(data_dir), str(tmp_path / "disk"), CONFIG).run
    session.train(task, str(data_dir), url, CONFIG)
    assert f"{url} is finished" in capsys.readouterr().out
    names = {entry.name for entry in ObjectPath(url).entries()}
    assert names == {path.name for path in on_disk.folder.iterdir() if not path.name.startswith(".")}
    opened = open_run(url)
    assert opened.place == url
    assert weights(opened.folder) == weights(on_disk.folder)
    assert opened.config == on_disk.config


@pytest.mark.slow
def test_it_goes_on_elsewhere(bucket, data_dir, tasks, tmp_path, monkeypatch):
    """What the first machine has put there is enough; here, the second one has no copy yet."""
    url, task = f"{bucket}/run", tasks["addition"]
    config = dataclasses.replace(CONFIG, schedule="constant", warmup=0)
    session.train(task, str(data_dir), url, config)
    monkeypatch.setattr(stores, "_copies", {})
    stores._folder.cache_clear()
    longer = dataclasses.replace(config, epochs=3)
    session.train(task, str(data_dir), url, longer)
    whole = session.train(task, str(data_dir), str(tmp_path / "whole"), longer).run
    assert weights(open_run(url).folder) == weights(whole.folder)
    assert len(open_run(url).history.read_text().splitlines()) == 4


def test_what_another_process_has_written_is_seen(bucket, data_dir, tasks):
    url = f"{bucket}/run"
    session.train(tasks["addition"], str(data_dir), url, CONFIG)
    open_run(url)
    place = ObjectPath(url)
    (place / "history.csv").write_text("changed")
    (place / "summary.json").unlink()
    opened = open_run(url)
    assert opened.history.read_text() == "changed"
    assert not opened.summary.exists()


def holder(**changes) -> bytes:
    there = {"host": "elsewhere", "process": 7, "time": time.time()}
    return json.dumps(there | changes).encode()


def ended() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (lambda: holder(), "process 7 on elsewhere is training .*/run; wait for it, or give another --run-dir"),
        (lambda: holder(time=time.time() - stores.LEASE_SECONDS - 1), ""),
        (lambda: holder(host=socket.gethostname(), process=os.getppid()), f"process {os.getppid()} on "),
        (lambda: holder(host=socket.gethostname(), process=ended()), ""),
        (lambda: b"no JSON", ""),
        (lambda: holder(process="x"), ""),
    ],
    ids=["another machine", "another that is silent", "this machine", "this one, ended", "damaged", "no process"],
)
def test_who_may_train(bucket, content, sentence):
    folder = stores.working_copy(f"{bucket}/run")
    lease = ObjectPath(f"{bucket}/run/{stores.LEASE}")
    lease.put(content())
    if sentence:
        with pytest.raises(InputError, match=sentence), stores.leased(folder):
            pass
        assert lease.is_file()
    else:
        with stores.leased(folder):
            assert json.loads(lease.read_bytes())["process"] == os.getpid()
        assert not lease.is_file()


@pytest.mark.parametrize("taken", [True, False], ids=["taken over", "removed"])
def test_a_run_that_is_lost_meanwhile(bucket, monkeypatch, taken):
    monkeypatch.setattr(stores, "RENEWAL_SECONDS", 0.01)
    folder = stores.working_copy(f"{bucket}/run")
    lease = ObjectPath(f"{bucket}/run/{stores.LEASE}")
    with pytest.raises(TrainingError, match="/run was removed or taken over by another process"), stores.leased(folder):
        if taken:
            lease.put(holder())
        else:
            lease.unlink()
        wait_for_the_end_of_renewing()
        with pytest.raises(TrainingError, match="taken over by another process"):
            files.write(folder / "history.csv", b"late")
    assert lease.is_file() == taken
    assert not (ObjectPath(f"{bucket}/run") / "history.csv").is_file()
    files.write(folder / "history.csv", b"in time")  # the next training of this process is not meant


def after_each_lease(monkeypatch, done):
    """Lets this be done right after this process has written its lease, by its number: before the answer is read."""
    write, numbers = memory_store.MemoryStore._write, itertools.count()

    def written(self, name, key, data, version, sha256):
        new = write(self, name, key, data, version, sha256)
        if new is not None and key.endswith(stores.LEASE) and json.loads(data)["process"] == os.getpid():
            return done(next(numbers), new, lambda content: write(self, name, key, content, None, ""))
        return new

    monkeypatch.setattr(memory_store.MemoryStore, "_write", written)


def wait_for_the_end_of_renewing():
    deadline = time.monotonic() + 60
    while any(thread.name == stores.RENEWING for thread in stores.threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_run_that_is_taken_over_at_the_moment_of_a_renewal(bucket, monkeypatch):
    """The version of the other process's lease is not taken for that of one's own."""

    def overtaken(number, new, write):
        if number == 1:
            write(holder())
        return new

    monkeypatch.setattr(stores, "RENEWAL_SECONDS", 0.01)
    after_each_lease(monkeypatch, overtaken)
    folder = stores.working_copy(f"{bucket}/run")
    with pytest.raises(TrainingError, match="taken over by another process"), stores.leased(folder):
        wait_for_the_end_of_renewing()
    assert json.loads(ObjectPath(f"{bucket}/run/{stores.LEASE}").read_bytes())["host"] == "elsewhere"


def test_a_renewal_whose_answer_is_lost(bucket, monkeypatch):
    """The client repeats it, and the store refuses it, for it was done."""
    monkeypatch.setattr(stores, "RENEWAL_SECONDS", 0.01)
    renewed = threading.Event()

    def refused(number, new, write):
        if number == 3:
            renewed.set()
        return None if number == 1 else new

    after_each_lease(monkeypatch, refused)
    with stores.leased(stores.working_copy(f"{bucket}/run")):
        assert renewed.wait(60)


def test_a_store_that_fails_for_too_long(bucket, monkeypatch):
    """Another machine may have taken the run over by then."""
    monkeypatch.setattr(stores, "RENEWAL_SECONDS", 0.01)
    monkeypatch.setattr(stores, "LEASE_SECONDS", 0.05)
    folder = stores.working_copy(f"{bucket}/run")

    def fails(self, *_, **__):
        raise StoreError("503")

    with pytest.raises(TrainingError, match="taken over by another process"), stores.leased(folder):
        monkeypatch.setattr(ObjectPath, "upload", fails)
        wait_for_the_end_of_renewing()


def test_a_lease_is_renewed_even_if_the_store_fails_once(bucket, monkeypatch):
    monkeypatch.setattr(stores, "RENEWAL_SECONDS", 0.01)
    folder = stores.working_copy(f"{bucket}/run")
    lease = ObjectPath(f"{bucket}/run/{stores.LEASE}")
    upload, failed = ObjectPath.upload, []

    def failing(self, *arguments, **options):
        if self == lease and not failed:
            failed.append(True)
            raise StoreError("503")
        return upload(self, *arguments, **options)

    with stores.leased(folder):
        first = json.loads(lease.read_bytes())["time"]
        monkeypatch.setattr(ObjectPath, "upload", failing)
        deadline = time.monotonic() + 60
        while json.loads(lease.read_bytes())["time"] == first:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert failed


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("epochs/../../secret", "has a file 'epochs/../../secret', which no run has"),
        ("/etc/secret", "has a file '/etc/secret', which no run has"),
        ("config.json", "/run/config.json is not the configuration of a run"),
        ("thesis.txt", "/run is no run: it has no config.json"),
    ],
)
def test_a_strangers_folder(bucket, name, sentence):
    (ObjectPath(f"{bucket}/run") / name).write_text("[]")
    with pytest.raises(InputError, match=sentence):
        open_run(f"{bucket}/run")


def test_too_many_files(bucket, monkeypatch):
    monkeypatch.setattr(stores, "MOST_FILES", 2)
    for name in range(3):
        (ObjectPath(f"{bucket}/run") / str(name)).write_text("")
    with pytest.raises(InputError, match="has more files than a run; give the folder of a run"):
        open_run(f"{bucket}/run")


def test_tensorboard_wants_a_disk(bucket, data_dir, tasks):
    with pytest.raises(InputError, match="TensorBoard's files go to a disk, and memory://"):
        session.train(tasks["addition"], str(data_dir), f"{bucket}/run", CONFIG, tensorboard=True)


@pytest.fixture(scope="module")
def command(data_dir):
    """A training of many short epochs, which no machine ends within the seconds in which it is stopped."""
    size = ["--num-examples", 1003, "--epochs", 100, "--checkpoint-seconds", 0.2, "--batch-size", 16]
    arguments = ["train", "addition", "--data-dir", data_dir, *size, "--run-dir"]
    return [sys.executable, "-m", "seq2seq_arith.trainer", *map(str, arguments)]


@pytest.fixture(scope="module")
def whole(command, tmp_path_factory):
    """The same training, never stopped."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    ended = subprocess.run([*command, str(folder)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return folder


@pytest.mark.slow
@pytest.mark.usefixtures("servers")
@pytest.mark.parametrize("scheme", ["gs", "s3"])
def test_a_killed_run_goes_on_bitwise_from_a_real_store(scheme, command, whole):
    """SIGKILL after the first checkpoint has arrived, and the same command again, as if on another machine."""
    url = f"{emulators.new_bucket(scheme)}/runs/addition"
    place = parse_place(url)
    with subprocess.Popen([*command, url], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as victim:
        while not (place / "last.npz").is_file():
            assert victim.poll() is None
            time.sleep(0.05)
        victim.send_signal(signal.SIGKILL)
    assert (place / stores.LEASE).is_file() and not (place / "summary.json").is_file()
    again = subprocess.run([*command, url], capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert f"{url} was stopped after step" in again.stdout
    assert weights(open_run(url).folder) == weights(whole)
    asked = subprocess.run([*command[:3], "predict", url, "1+2"], capture_output=True, text=True, check=False)
    assert asked.returncode == 0, asked.stderr
    missing = subprocess.run([*command[:3], "predict", f"{url}s"], capture_output=True, text=True, check=False)
    sentence = f"arith-model: {url}s is no run: it has no config.json; give the --run-dir of arith-model train\n"
    assert (missing.returncode, missing.stderr) == (2, sentence)


@pytest.mark.parametrize(
    "names",
    [["a/../../b"], ["/a"], ["a//b"], ["a/./b"], ["a\0b"], ["a" * 300], ["config.json", "config.json/a"]],
    ids=["out", "absolute", "empty", "dot", "zero", "long", "a file and a folder"],
)
def test_an_object_that_is_no_file_of_a_run(bucket, names):
    for name in names:
        (ObjectPath(f"{bucket}/run") / name).put(b"content")
    with pytest.raises(InputError, match=r"/run has a file .*, which no run has; give the folder of a run"):
        stores.working_copy(f"{bucket}/run")


def test_a_prefix_with_too_many_objects_is_not_listed_to_its_end(bucket, monkeypatch):
    listed = []

    def entries(self):
        for number in range(10**9):
            listed.append(number)
            yield Entry(f"{number}", 1, 0.0)

    monkeypatch.setattr(ObjectPath, "entries", entries)
    with pytest.raises(InputError, match="has more files than a run"):
        stores.working_copy(f"{bucket}/run")
    assert len(listed) == stores.MOST_FILES + 1
