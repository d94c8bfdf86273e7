"""A dry run of a training: it says what would be done, refuses what a training would refuse, and does nothing."""

import dataclasses
import shutil

import pytest

from seq2seq_arith.trainer.__main__ import main
from seq2seq_arith.trainer.config import override
from seq2seq_arith.trainer.runs import checkpoints
from seq2seq_arith.trainer.training import describe


def lines(printed: str) -> dict[str, str]:
    """What is printed, by the word that a line begins with."""
    return {line.partition(" ")[0]: line.partition(" ")[2].strip() for line in printed.splitlines() if line}


def test_a_dataset_that_is_missing_is_named_and_not_made(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["--recipe", "notebook", "--digits", "2", "--epochs", "7", "--target", "0.9", "--dry-run"]
    assert main(["train", "addition", "--data-dir", "data", "--run-dir", "run", *words]) == 0
    printed = capsys.readouterr().out
    rows = lines(printed)
    assert rows["dataset"] == (
        "addition-d2-n5050: 4,545 training and 505 validation examples; it is made first, as this does: "
        "arith-data generate addition --digits 2 --num-examples 5050 --data-dir data"
    )
    assert rows["run"].endswith("run, a new one")
    assert rows["weights"] == "205,324"
    assert rows["hints"].startswith("reversed question: ")
    assert rows["at"] == "most       31,815 examples in 252 steps of 128"
    assert rows["memory"].endswith("GiB")
    assert printed.endswith(f"\n\n{describe.NOTHING}\n")
    assert list(tmp_path.iterdir()) == []


def test_it_says_where_a_run_would_go_on(trained, tmp_path):
    """As the training would, whatever ends it."""
    files = {path: path.stat().st_mtime_ns for path in trained.folder.rglob("*")}

    def line(run=trained, **changes) -> str:
        config = override(run.config, **changes)
        return lines(describe.preview(run.task, run.data_dir, str(run.folder), config))["run"]

    assert line() == f"{trained.folder}, where 20 of 20 epochs are done; it is finished: all 20 epochs are done"
    assert line(patience=5, target=0.1).endswith("it is finished: the exact match reached 0.1")
    assert {path: path.stat().st_mtime_ns for path in trained.folder.rglob("*")} == files
    arrays, state = checkpoints.load(trained.last)
    run = dataclasses.replace(trained, folder=shutil.copytree(trained.folder, tmp_path / "run"))
    checkpoints.save(run.last, arrays, state | {"stopped": "", "best_epoch": 1, "history": state["history"][:12]})
    assert f"{run.folder}, where 12 of 20 epochs are done; it would be resumed" in line(run)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--hidden", "7"], "train.model.hidden is 32 there and 7 here; "),
        (["--run-dir", "new", "--digits", "9", "--data-dir", "/proc/D"], "make it elsewhere and give that --data-dir"),
        (
            ["--run-dir", "new", "--model", "lstm", "--input-format", "plain", "--hidden", "16384", "--layers", "64"],
            "GiB of memory",
        ),
    ],
)
def test_it_refuses_what_the_training_would_refuse(trained, tmp_path, monkeypatch, capsys, words, sentence):
    monkeypatch.chdir(tmp_path)
    data = ["--num-examples", "1003", "--draws", "digits", "--data-dir", trained.data_dir]
    run = ["--run-dir", str(trained.folder), "--recipe", "notebook"]
    capsys.readouterr()
    assert main(["train", "addition", *data, *run, *words, "--dry-run"]) == 2
    assert sentence in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
