"""Runs that are killed, run out of disk, or meet one another: real processes, and real signals at chosen moments."""

import contextlib
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from programs import found, is_complete, run, start, tree

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.formats.layout import dataset_path

# About a second of work between the first file on the disk and the last.
TASK = Task("addition", digits=9, num_examples=400_000)
COMMAND = ("generate", "addition", "--digits=9", "--num-examples=400000")


def kill_all(process: subprocess.Popen) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)


def nothing_or_all(data_dir: Path) -> None:
    """Fails unless there is nothing under the final name, or a complete dataset."""
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


def wait_until(process: subprocess.Popen, condition: Callable[[], object]) -> None:
    """Returns as soon as a condition holds; fails if the process has ended before."""
    while process.poll() is None and not condition():
        time.sleep(0.002)
    assert process.poll() is None, f"the moment was missed: {process.communicate()}"


def begun(data_dir: Path, num_shards: int) -> bool:
    """Whether a run has made its directory, and at least so many of its 16 TFRecord shards."""
    if not num_shards:
        return bool(found(data_dir, "*.incomplete-????????"))
    shards = Counter(path.parent for path in found(data_dir, "*.incomplete-????????/*.tfrecord-*"))
    return max(shards.values(), default=0) >= num_shards


@pytest.mark.slow
@pytest.mark.parametrize("moment", [0, 4, 8, 15])
def test_the_program_killed(survivor, right, moment):
    """When so many shards are written; a complete dataset is replaced, or else it would be kept."""
    process = start(*COMMAND, "--data-dir", survivor, "--overwrite")
    try:
        left = set(found(survivor, "*.incomplete-*"))
        wait_until(process, lambda: set(found(survivor, "*.incomplete-*")) - left and begun(survivor, moment))
    finally:
        kill_all(process)
    nothing_or_all(survivor)
    process = run(*COMMAND, "--data-dir", survivor, "--overwrite")
    assert process.returncode == 0, process.stderr
    assert tree(survivor) == right
