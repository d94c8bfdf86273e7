"""The report of a run of a task of one's own: of one word, and of three numbers."""

import re

import pytest
from layout import ROOT

from seq2seq_arith.arithmetic import own_tasks
from seq2seq_arith.trainer.__main__ import main

OWN = f"{ROOT}/examples/task/own_tasks.py"
SMALL = ["--epochs", "1", "--hidden", "4", "--layers", "1", "--no-xla"]


@pytest.fixture
def forget(monkeypatch):
    """Makes the tasks that were named unknown again."""

    def forgotten():
        for name in ("_current", "_known"):
            monkeypatch.setattr(own_tasks, name, {})

    forgotten()
    return forgotten


@pytest.mark.release
@pytest.mark.parametrize(
    ("task", "size", "phrases"),
    [
        ("sort", ["--letters", "3"], ["Sort of at most 3 letters", "This task has no suite of hard questions."]),
        (
            "addition_of_three",
            ["--digits", "1"],
            ["Addition_of_three of at most 1 digit", "This task has no suite of hard questions."],
        ),
    ],
)
def test_it_needs_the_file_and_says_what_there_is(task, size, phrases, forget, tmp_path, capsys):
    run, page = str(tmp_path / "run"), tmp_path / "report.html"
    where = ["--data-dir", str(tmp_path / "data"), "--run-dir", run]
    assert main(["train", task, "--task-file", OWN, *size, "--num-examples", "200", *where, *SMALL]) == 0
    forget()
    capsys.readouterr()
    assert main(["report", run, "-o", str(page)]) == 2
    assert f"if you trust it, add: --task-file {OWN}" in capsys.readouterr().err
    assert not page.exists()
    assert main(["report", run, "--task-file", OWN, "--per-slice", "2", "-o", str(page)]) == 0
    said = re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]*>", " ", page.read_text(), flags=re.DOTALL))
    assert [phrase for phrase in [*phrases, f"--task-file {OWN}"] if phrase not in said] == []
