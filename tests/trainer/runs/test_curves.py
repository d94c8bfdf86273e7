"""The curves of several runs in one picture."""

import pytest

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.config import TrainConfig
from seq2seq_arith.trainer.runs import curves, history
from seq2seq_arith.trainer.runs.run import Run


def made(folder, epochs):
    """A run whose history has so many epochs; the last loss is zero, which has no logarithm."""
    run = Run(folder, Task("addition"), "abc", "/data", TrainConfig())
    run.claim()
    values = [epoch / epochs for epoch in range(1, epochs + 1)]
    rows = [
        dict.fromkeys(history.COLUMNS, 0.5)
        | {"epoch": number, "steps": number, "val_loss": 1 - value, "val_exact_match": value}
        for number, value in enumerate(values, start=1)
    ]
    history.write_csv(run.history, rows)
    return run


def test_a_history_is_read_as_it_was_written(tmp_path):
    found = curves.read(made(tmp_path / "run", 4))
    assert found == {"epoch": [1, 2, 3, 4], "val_loss": [0.75, 0.5, 0.25, 0], "val_exact_match": [0.25, 0.5, 0.75, 1]}


@pytest.mark.parametrize(
    "suffix, start", [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF"), ("PNG", b"\x89PNG")]
)
def test_a_picture(tmp_path, suffix, start):
    runs = {name: curves.read(made(tmp_path / name, epochs)) for name, epochs in (("short", 1), ("long", 70))}
    curves.plot(tmp_path / f"curves.{suffix}", runs)
    assert (tmp_path / f"curves.{suffix}").read_bytes().startswith(start)


def test_each_curve_has_a_style_of_its_own():
    """Colour, style and marker have different numbers of choices, so that no two runs share all of them."""
    looks = {
        (curves.COLOURS[number % len(curves.COLOURS)], curves.STYLES[number % len(curves.STYLES)])
        for number in range(curves.MOST_RUNS)
    }
    assert len(looks) == curves.MOST_RUNS


@pytest.mark.parametrize(
    ("folders", "labels"),
    [
        (["runs/lstm"], ["lstm"]),
        (["runs/lstm/", "runs/gru"], ["lstm", "gru"]),
        (["a/run", "b/run"], ["a/run", "b/run"]),
        (["."], ["."]),
    ],
)
def test_labels(folders, labels):
    assert curves.labels(folders) == labels


@pytest.mark.parametrize("content", ["", "epoch\n", "epoch,val_loss,val_exact_match\n1,x,2\n", "\0"])
def test_a_damaged_history_is_refused(tmp_path, content):
    run = made(tmp_path / "run", 2)
    run.history.write_text(content)
    with pytest.raises(InputError, match=r"history\.csv is damaged"):
        curves.read(run)


def test_refusals(tmp_path):
    run = made(tmp_path / "run", 2)
    found = curves.read(run)
    with pytest.raises(InputError, match=r"curves\.txt; give a file that ends in \.png, \.svg, \.pdf"):
        curves.plot(tmp_path / "curves.txt", {"run": found})
    with pytest.raises(InputError, match="there are 13 runs"):
        curves.plot(tmp_path / "curves.png", {str(number): found for number in range(13)})
    run.history.unlink()
    with pytest.raises(InputError, match=r"has no history\.csv yet; train it for at least one epoch"):
        curves.read(run)
