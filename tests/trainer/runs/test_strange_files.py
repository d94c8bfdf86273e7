"""Runs of strangers: what is not a file, or too large, neither blocks a command nor fills the memory."""

import contextlib
import errno
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
from seq2seq_arith.trainer.runs import checkpoints, evaluated, files, samples
from seq2seq_arith.trainer.runs.run import open_run
from seq2seq_arith.trainer.runs.summary import Summary
from seq2seq_arith.trainer.sweeps import results

SECONDS, BYTES = 60, 2**31  # more than any of these commands takes


def large(path: Path) -> None:
    """A file of a terabyte that takes no room."""
    path.touch()
    os.truncate(path, 2**40)


KINDS = {
    "pipe": os.mkfifo,
    "zeros": lambda path: path.symlink_to("/dev/zero"),
    "folder": Path.mkdir,
    "terabyte": large,
}


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
        ("zeros", "config.json", "runs RUNS", 0, "run is damaged: .*config.json cannot be read: "),
        ("terabyte", "config.json", "train addition --data-dir D --run-dir RUN", 2, "config.json cannot be read: "),
        ("zeros", "best.npz", "predict RUN 1+2", 2, "the checkpoint .*best.npz "),
        ("terabyte", "best.npz", "export RUN OUT", 2, "the checkpoint .*best.npz "),
        ("pipe", "last.npz", "runs RUNS", 0, "run is damaged: the checkpoint .*last.npz "),
        ("folder", "history.csv", "describe RUN", 2, "history.csv cannot be read: .*; remove it, or give another run"),
        ("terabyte", "history.csv", "plot RUN --output OUT.png", 2, "history.csv cannot be read: "),
        # Nothing depends on it but what is shown.
        ("pipe", "evaluation.json", "runs RUNS", 0, "addition .* - +finished"),
        ("zeros", ".lock", "runs RUNS", 0, "addition .* (finished|damaged)"),
        ("folder", "results.jsonl", "results RUN", 2, "results.jsonl cannot be read "),
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


@pytest.mark.parametrize("kind", KINDS)
def test_no_reader_of_python_reads_a_strange_file(folder, kind):
    run = open_run(folder)
    for path in (run.summary, run.evaluation, run.samples, run.of_epoch(1), run.previous):
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        KINDS[kind](path)
    with bounded():
        with pytest.raises(InputError, match=r"summary\.json cannot be read: .*; remove it, or give another run"):
            Summary.read(run.summary)
        with pytest.raises(InputError, match="has not been trained and evaluated"):
            results.row_of(folder, "run", 0, {})
        for path in (run.of_epoch(1), run.previous):
            with pytest.raises(InputError, match=f"the checkpoint .*{path.name}"):
                checkpoints.load(path)
        assert evaluated.read(run, None).evaluation == {}
        assert samples.read_jsonl(run.samples) == []


def test_a_file_without_permission_needs_another_cure(folder):
    error = files.unreadable(folder / "summary.json", PermissionError(errno.EACCES, "Permission denied"))
    assert str(error) == f"{folder}/summary.json cannot be read: Permission denied; give yourself access to it"


def test_files_of_a_run_are_far_below_the_limits(trained):
    found = {path.name: path.stat().st_size for path in trained.folder.iterdir() if path.is_file()}
    limits = {name: most for name in found for end, most in files.MOST.items() if name.endswith(end)}
    assert {"config.json", "summary.json", "history.csv", "samples.jsonl"} <= limits.keys()
    assert all(100 * found[name] < most for name, most in limits.items())


@pytest.mark.parametrize("name", ["config.json", "summary.json", "evaluation.json", "samples.jsonl"])
def test_deep_json_is_damaged(folder, name):
    (folder / name).write_text('{"a":' * 10**5)
    run = None
    with pytest.raises(InputError) if name in ("config.json", "summary.json") else contextlib.nullcontext():
        run = open_run(folder)
        Summary.read(run.summary)
    if run is not None:
        assert name != "evaluation.json" or evaluated.read(run, None).evaluation == {}
        assert name != "samples.jsonl" or samples.read_jsonl(run.samples) == []


def test_a_checkpoint_larger_than_the_memory_is_not_read(trained, monkeypatch):
    size = trained.best.stat().st_size
    monkeypatch.setattr(checkpoints, "free_memory", lambda: size - 1)
    with pytest.raises(InputError, match=rf"best\.npz has {size:,} bytes, and there is less free memory; free some"):
        checkpoints.load(trained.best)
