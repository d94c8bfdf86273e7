"""The files that a training leaves, without a training."""

from pathlib import Path

import numpy as np

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.trainer.config import TrainConfig
from seq2seq_arith.trainer.runs import checkpoints, history
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.runs.summary import Summary

ROWS = [
    dict.fromkeys(history.COLUMNS, 0.5)
    | {"epoch": epoch, "steps": 10 * epoch, "round": 0, "val_examples": 9, "val_exact_match": exact}
    for epoch, exact in ((1, 0.25), (2, 0.75), (3, 0.75))
]
WORST = {"name": "equal", "exact_match": 0.1999, "digits": 3}


def made(folder: Path, rows: list[dict] = ROWS, stopped: str = "3 epochs were asked for", task: Task | None = None):
    """A run that was stopped for this reason, after the epochs of these rows."""
    run = Run(folder, task or Task("addition"), "abc", "/data", TrainConfig(epochs=3))
    run.claim()
    if rows:
        history.write_csv(run.history, rows)
        for path, state in ((run.best, {"row": rows[-1]}), (run.last, {"stopped": stopped, "history": rows})):
            checkpoints.save(path, {"weight": np.zeros(2, np.float32)}, state)
        summary(2, None).write(run.summary)
    return run


def summary(best_epoch: int, worst_slice: dict | None) -> Summary:
    """What a training took: 1 of everything."""
    numbers = ("weights", "examples", "operations", "seconds", "cpu_seconds", "character_accuracy", "exact_match")
    known = dict.fromkeys(("dataset", "model", "view", "given"), "x") | dict.fromkeys(numbers, 1)
    return Summary(**known, best_epoch=best_epoch, worst_slice=worst_slice)
