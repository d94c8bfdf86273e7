"""Runs that are killed, run out of disk, or meet one another: real processes, and real signals at random moments."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from programs import is_complete, run, start, tree

from seq2seq_arith.pipelines import Task
from seq2seq_arith.pipelines.publish import dataset_path

pytestmark = pytest.mark.slow

# About a second of work between the first trace on disk and the last.
TASK = Task("addition", digits=9, num_examples=400_000)
COMMAND = ("generate", "addition", "--digits=9", "--num-examples=400000")
PROCESSES = ("--direct_running_mode=multi_processing", "--direct_num_workers=2")


def descendants(group: int) -> list[int]:
    """The processes of a group other than its leader; ``start`` gives each run a group of its own."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[2]) == group and fields[0] != "Z" and int(stat.parent.name) != group:
                found.append(int(stat.parent.name))
    return found


def kill_all(process: subprocess.Popen) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)


def workers(process: subprocess.Popen) -> list[int]:
    """Beam's workers among a run's processes."""
    found = []
    for pid in descendants(process.pid):
        with contextlib.suppress(OSError):
            if b"sdk_worker" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def nothing_or_all(data_dir: Path) -> None:
    """What may be seen at any moment: nothing under the final name, or a complete dataset."""
    path = dataset_path(data_dir, TASK)
    assert not path.exists() or is_complete(path)


@pytest.fixture(scope="module")
def right(tmp_path_factory) -> dict[str, bytes | None]:
    data_dir = tmp_path_factory.mktemp("right")
    assert run(*COMMAND, "--data-dir", data_dir).returncode == 0
    return tree(data_dir)


@pytest.fixture(scope="module")
def survivor(tmp_path_factory) -> Path:
    """One data directory for all the killed runs, so that each finds what the ones before it have left."""
    return tmp_path_factory.mktemp("survivor")


def killed_at_random(data_dir: Path, seed: int, *more: str) -> None:
    process = start(*COMMAND, "--data-dir", data_dir, *more)
    try:
        # From the first trace on disk, for up to about as long as a run takes after that.
        while process.poll() is None and not any(data_dir.rglob("*.incomplete-*")):
            time.sleep(0.002)
        time.sleep(random.Random(seed).uniform(0, 2.5))
    finally:
        kill_all(process)


@pytest.mark.parametrize("seed", range(30))
def test_the_program_killed(survivor, right, seed):
    # A complete set would be kept, and the run over at once: every second time it is to be replaced.
    killed_at_random(survivor, seed, *["--overwrite"] * (seed % 2))
    nothing_or_all(survivor)
    if seed % 3 == 0:
        process = run(*COMMAND, "--data-dir", survivor)
        assert (process.returncode, process.stderr) == (0, "")
        assert tree(survivor) == right
        if seed % 2 == 0:
            shutil.rmtree(survivor / "seq2seq_arith")


@pytest.mark.parametrize("seed", range(20))
def test_a_worker_killed(tmp_path, right, seed):
    """The program fails and leaves nothing, or did without the worker; it neither hangs nor leaves workers behind."""
    process = start(*COMMAND, "--data-dir", tmp_path / "data", *PROCESSES)
    random_ = random.Random(seed)
    try:
        while process.poll() is None and not workers(process):
            time.sleep(0.01)
        # Workers start, import, work and end within some seconds.
        time.sleep(random_.uniform(0, 6))
        victims = workers(process)
        if victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(random_.choice(victims), signal.SIGKILL)
        _, stderr = process.communicate(timeout=120)
        assert descendants(process.pid) == []
    finally:
        if process.poll() is None:
            kill_all(process)
    if process.returncode == 0:
        assert tree(tmp_path / "data") == right
    else:
        assert victims
        assert "arith-data: a worker process died while" in stderr.splitlines()[-1]
        assert "Traceback" not in stderr
        assert tree(tmp_path) == {}
        assert run(*COMMAND, "--data-dir", tmp_path / "data").returncode == 0
        assert tree(tmp_path / "data") == right


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("to", ["program", "group"])
def test_stopped_with_workers(tmp_path, number, to):
    """Ctrl-C in a terminal goes to the workers as well."""
    process = start(*COMMAND, "--data-dir", tmp_path / "data", *PROCESSES)
    while process.poll() is None and not any(tmp_path.rglob("*.tfrecord-*")):
        time.sleep(0.01)
    assert process.poll() is None
    (process.send_signal if to == "program" else lambda sent: os.killpg(process.pid, sent))(number)
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 130
    assert stdout == ""
    assert stderr.splitlines()[-1] == "arith-data: stopped; nothing was left behind"
    assert tree(tmp_path) == {}
    assert descendants(process.pid) == []


@pytest.mark.parametrize("presses", [2, 5, 20])
def test_ctrl_c_pressed_again(tmp_path, presses):
    process = start(*COMMAND, "--data-dir", tmp_path / "data")
    while process.poll() is None and not any(tmp_path.rglob("*.tfrecord-*")):
        time.sleep(0.01)
    for _ in range(presses):
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    process.communicate(timeout=120)
    assert process.returncode != 0
    assert tree(tmp_path) == {}


@pytest.fixture
def small_disk(tmp_path):
    """A disk of a few megabytes."""

    def mounted(megabytes: int) -> Path:
        disk = tmp_path / "disk"
        disk.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(disk)]
        done = subprocess.run(command, capture_output=True, text=True) if shutil.which("mount") else None
        if done is None or done.returncode:
            pytest.skip(f"cannot mount a tmpfs here: {done.stderr.strip() if done else 'there is no mount'}")
        return disk

    yield mounted
    if (tmp_path / "disk").is_mount():
        subprocess.run(["umount", str(tmp_path / "disk")], check=True)


@pytest.mark.parametrize("flags", [(), PROCESSES], ids=["in process", "multi_processing"])
def test_a_disk_that_fills_up(small_disk, flags):
    """Filled while the run goes on, so that no estimate beforehand can see it."""
    disk = small_disk(60)
    process = start(*COMMAND, "--data-dir", disk / "data", *flags)
    while process.poll() is None and not any(disk.rglob("*.incomplete-*")):
        time.sleep(0.002)
    with contextlib.suppress(OSError), (disk / "filler").open("wb", buffering=0) as filler:
        while True:
            filler.write(bytes(2**16))
    stdout, stderr = process.communicate(timeout=120)
    assert (process.returncode, stdout) == (1, "")
    if not flags:  # Beam's workers write what they think to stderr themselves
        assert len(stderr.splitlines()) == 1
    path = dataset_path(disk / "data", TASK)
    assert stderr.splitlines()[-1] == (
        f"arith-data: {path} could not be written: No space left on device; nothing was left behind"
    )
    assert list(tree(disk)) == ["filler"]


def test_a_disk_that_is_too_small(small_disk):
    disk = small_disk(4)
    process = run(*COMMAND, "--data-dir", disk / "data")
    assert (process.returncode, process.stdout) == (2, "")
    assert len(process.stderr.splitlines()) == 1
    assert str(disk) in process.stderr
    assert tree(disk) == {}


def test_two_runs_at_once(tmp_path, right):
    """One makes the dataset; the other says so, or finds it there; the result is whole."""
    for turn in range(5):
        data_dir = tmp_path / str(turn)
        processes = [start(*COMMAND, "--data-dir", data_dir) for _ in range(2)]
        answers = [process.communicate(timeout=300) for process in processes]
        codes = sorted(process.returncode for process in processes)
        assert codes in ([0, 0], [0, 2])
        for process, (stdout, stderr) in zip(processes, answers, strict=True):
            if process.returncode == 2:
                (line,) = stderr.splitlines()
                assert f"another run is making {dataset_path(data_dir, TASK)}" in line
            else:
                assert "tfds.load" in stdout
        assert tree(data_dir) == right
        shutil.rmtree(data_dir)
