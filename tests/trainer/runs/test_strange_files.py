"""Runs of strangers: what is not a file, or too large, neither blocks a command nor fills the memory."""

import contextlib
import os
import re
import resource
import shutil
import signal
from pathlib import Path

import psutil
import pytest

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.__main__ import main
from seq2seq_arith.trainer.runs import checkpoints

SECONDS, BYTES = 60, 2**31  # more than any of these commands takes


def large(path: Path) -> None:
    """A file of a terabyte that takes no room."""
    path.touch()
    os.truncate(path, 2**40)


KINDS = {"pipe": os.mkfifo, "zeros": lambda path: path.symlink_to("/dev/zero"), "folder": Path.mkdir, "terabyte": large}


@contextlib.contextmanager
def bounded():
    """Ends a command that would block, or take all memory."""

    def stop(*_: object) -> None:
        raise AssertionError("it blocks")

    before = signal.signal(signal.SIGALRM, stop)
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + BYTES, limits[1]))
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        resource.setrlimit(resource.RLIMIT_AS, limits)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def folder(trained, tmp_path):
    """A copy of a run that has been trained."""
    return shutil.copytree(trained.folder, tmp_path / "runs" / "run")


@pytest.mark.parametrize(
    ("kind", "name", "words", "code", "sentence"),
    [
        ("pipe", "config.json", "predict RUN 1+2", 2, "config.json cannot be read: "),
        ("zeros", "best.npz", "predict RUN 1+2", 2, "the checkpoint .*best.npz "),
        ("terabyte", "best.npz", "export RUN OUT", 2, "the checkpoint .*best.npz "),
        ("folder", "history.csv", "describe RUN", 2, "history.csv cannot be read: .*; remove it, or give another run"),
        # Nothing depends on it but what is shown.
        ("pipe", "evaluation.json", "runs RUNS", 0, "addition .* - +finished"),
        ("zeros", ".lock", "runs RUNS", 0, "addition .* (finished|damaged)"),
    ],
)
def test_a_command_reads_no_strange_file(folder, capsys, monkeypatch, kind, name, words, code, sentence):
    path = folder / name
    path.unlink(missing_ok=True)
    KINDS[kind](path)
    monkeypatch.chdir(folder.parents[1])
    asked = [{"RUN": str(folder), "RUNS": str(folder.parent)}.get(word, word) for word in words.split()]
    with bounded():
        assert main(asked) == code
    printed = capsys.readouterr()
    assert re.search(sentence, printed.out if code == 0 else printed.err), printed
    assert len(printed.err.splitlines()) == (code != 0)


def test_a_checkpoint_larger_than_the_memory_is_not_read(trained, monkeypatch):
    size = trained.best.stat().st_size
    monkeypatch.setattr(checkpoints, "free_memory", lambda: size - 1)
    with pytest.raises(InputError, match=rf"best\.npz has {size:,} bytes, and there is less free memory; free some"):
        checkpoints.load(trained.best)
