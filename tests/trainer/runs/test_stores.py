"""Runs in an object store: trained, killed, gone on with, and asked; in memory, and in slow tests by emulators."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import configs
import emulators
import memory_store
import pytest
from processes import emptied
from programs import run_here
from run_files import learned

from seq2seq_arith.base import process
from seq2seq_arith.base.errors import InputError, TrainingError
from seq2seq_arith.pipelines.storage import clients, paths
from seq2seq_arith.pipelines.storage.paths import ObjectPath, parse_place
from seq2seq_arith.trainer.__main__ import main
from seq2seq_arith.trainer.config import override
from seq2seq_arith.trainer.runs import files, stores
from seq2seq_arith.trainer.runs.run import open_run
from seq2seq_arith.trainer.training import session

CONFIG = override(configs.TAGGER, hidden=8, layers=1, batch_size=32, epochs=2, steps_per_epoch=20)


@pytest.fixture
def place(monkeypatch) -> ObjectPath:
    """A run's place in a bucket of a store in memory, where nothing is yet."""
    return ObjectPath(f"{memory_store.new_bucket(monkeypatch)}/run")


def content(folder: Path) -> dict[str, bytes]:
    """The visible files of a run, with their bytes."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}


def test_a_run_is_in_the_store_as_it_is_on_a_disk(place, data_dir, tasks, capsys):
    trained = session.train(tasks["addition"], str(data_dir), str(place), CONFIG).run
    assert f"{place} is finished" in capsys.readouterr().out
    here = content(trained.folder)
    assert {"config.json", "summary.json", "history.csv", "previous.npz", "last.npz", "best.npz"} <= here.keys()
    with emptied(process.current().copies, process.current().copied):  # as on another machine
        opened = open_run(str(place))
        assert (opened.place, opened.config) == (str(place), trained.config)
        assert opened.folder != trained.folder
        assert content(opened.folder) == here


def test_what_another_process_has_written_is_seen(place, trained):
    for name, data in content(trained.folder).items():
        (place / name).put(data)
    open_run(str(place))
    (place / "history.csv").put(b"changed")
    (place / "summary.json").unlink()
    opened = open_run(str(place))
    assert opened.history.read_text() == "changed"
    assert not opened.summary.exists()


OTHERS = {"written": lambda there: there.put(b"another's"), "removed": lambda there: there.unlink()}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize("name", ["last.npz", "epochs/0003.npz", "history.csv", "samples.jsonl"])
def test_a_training_ends_when_another_process_has_changed_its_file(place, name, other):
    there = place / name
    there.put(b"read")
    folder = stores.working_copy(str(place))
    files.write(folder / name, b"written")
    other(there)
    changed = there.read()
    with pytest.raises(TrainingError, match=f"{there} was written or removed by another process while"):
        files.write(folder / name, b"late")
    assert there.read() == changed


def test_of_two_first_checkpoints_one_is_refused(place):
    folder = stores.working_copy(str(place))
    (place / "last.npz").put(b"another's")
    with pytest.raises(TrainingError):
        files.write(folder / "last.npz", b"ours")
    assert paths.read_bytes(place / "last.npz") == b"another's"


def test_a_checkpoint_is_written_again_and_again(place):
    folder = stores.working_copy(str(place))
    for number in range(3):
        files.write(folder / "last.npz", b"%d" % number)
        files.rename(folder / "last.npz", folder / "previous.npz")
    stores.working_copy(str(place))
    assert content(folder) == {"last.npz": b"2", "previous.npz": b"2"}


def test_a_run_that_was_removed_is_trained_anew(place):
    """In the process that has trained it before, such as a notebook's."""
    folder = stores.working_copy(str(place))
    files.write(folder / "last.npz", b"first")
    (place / "last.npz").unlink()
    assert content(stores.working_copy(str(place))) == {}
    files.write(folder / "last.npz", b"second")
    assert paths.read_bytes(place / "last.npz") == b"second"


def test_a_write_whose_answer_is_lost(place, monkeypatch):
    """The client repeats it, and the store refuses it, for it was done."""
    folder = stores.working_copy(str(place))
    upload = ObjectPath.upload
    monkeypatch.setattr(ObjectPath, "upload", lambda self, *given, **named: upload(self, *given, **named) and None)
    files.write(folder / "last.npz", b"first")
    files.write(folder / "last.npz", b"second")
    assert paths.read_bytes(place / "last.npz") == b"second"


def test_what_is_not_a_trainings_is_replaced_in_any_case(place):
    """Two processes may evaluate a run, or draw it."""
    folder = stores.working_copy(str(place))
    (place / "evaluation.json").put(b"another's")
    files.write(folder / "evaluation.json", b"ours")
    assert paths.read_bytes(place / "evaluation.json") == b"ours"


@pytest.mark.parametrize("name", ["a/../../b", "/etc/secret"], ids=["out", "absolute"])
def test_an_object_that_is_not_a_file_of_a_run(place, name, monkeypatch):
    monkeypatch.setattr(ObjectPath, "entries", lambda self: iter([clients.Entry(name, 1, 0.0)]))
    with pytest.raises(InputError, match=r"/run has a file .*, which no run has; give the folder of a run"):
        stores.working_copy(str(place))


def test_a_prefix_with_too_many_objects_is_not_listed_to_its_end(place, monkeypatch):
    listed = []

    def entries(self):
        for number in range(10**9):
            listed.append(number)
            yield clients.Entry(f"{number}", 1, 0.0)

    monkeypatch.setattr(ObjectPath, "entries", entries)
    with pytest.raises(InputError, match="has more files than a run"):
        stores.working_copy(str(place))
    assert len(listed) == stores.MAX_FILES + 1


def test_tensorboard_wants_a_disk(place, data_dir, tasks):
    with pytest.raises(InputError, match="TensorBoard's files need a disk, and memory://"):
        session.train(tasks["addition"], str(data_dir), str(place), CONFIG, session.TrainOptions(tensorboard=True))


def command(data_dir: Path, epochs: int) -> list[str]:
    """A training of many short epochs, up to its folder: each takes most of a second."""
    size = ["--num-examples", 1003, "--epochs", epochs, "--checkpoint-seconds", 0.2, "--batch-size", 16]
    arguments = ["train", "addition", "--data-dir", data_dir, *size, "--run-dir"]
    return [sys.executable, "-m", "seq2seq_arith.trainer", *map(str, arguments)]


BY_TURNS = ["gs", pytest.param("s3", marks=pytest.mark.release)]


@pytest.mark.slow
@pytest.mark.usefixtures("servers")
@pytest.mark.parametrize("scheme", BY_TURNS)
def test_a_killed_run_goes_on_bitwise_from_a_real_store(scheme, data_dir, tmp_path):
    """SIGKILL after the first checkpoint has arrived, and the same command again, as if on another machine."""
    whole, train = tmp_path / "whole", command(data_dir, epochs=10)
    ended = run_here(*train[3:], whole, main=main)
    assert ended.returncode == 0, ended.stderr
    url = f"{emulators.new_bucket(scheme)}/runs/addition"
    place = parse_place(url)
    with subprocess.Popen([*train, url], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as victim:
        while not (place / "last.npz").is_file():
            assert victim.poll() is None
            time.sleep(0.05)
        victim.send_signal(signal.SIGKILL)
    assert not (place / "summary.json").is_file()
    again = subprocess.run([*train, url], capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert f"{url} was stopped after step" in again.stdout
    assert learned(open_run(url).folder) == learned(whole)
    asked = run_here("predict", url, "1+2", main=main)
    assert asked.returncode == 0, asked.stderr
    missing = run_here("predict", f"{url}s", main=main)
    assert missing.returncode == 2
    assert missing.stderr.startswith(f"arith-model: there is no folder {url}s")


@pytest.mark.slow
@pytest.mark.usefixtures("servers")
@pytest.mark.parametrize("scheme", ["s3", pytest.param("gs", marks=pytest.mark.release)])
def test_of_two_trainings_in_a_real_store_one_ends(scheme, data_dir):
    """The second resumes from the first one's checkpoint, and whichever writes after the other is told.

    It starts long before the first one ends.
    """
    train = command(data_dir, epochs=60)
    url = f"{emulators.new_bucket(scheme)}/runs/addition"
    first = subprocess.Popen([*train, url], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while not (parse_place(url) / "last.npz").is_file():
        assert first.poll() is None
        time.sleep(0.05)
    second = subprocess.Popen([*train, url], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    last = [process.communicate(timeout=300)[1].splitlines()[-1:] for process in (first, second)]
    assert sorted((first.returncode, second.returncode)) == [0, 1], last
    (told,) = last[0 if first.returncode else 1]
    assert told.startswith(f"arith-model: {url}/") and "was written or removed by another process" in told
