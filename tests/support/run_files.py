"""The files that a training leaves: made without a training, and compared with those of another one."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from seq2seq_arith.arithmetic.scoring import Scores, SliceScore
from seq2seq_arith.arithmetic.suites import VERSION
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.trainer.config import TrainConfig
from seq2seq_arith.trainer.runs import checkpoints, history
from seq2seq_arith.trainer.runs.evaluated import Evaluation
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.runs.summary import Summary

ROWS = [
    dict.fromkeys(history.COLUMNS, 0.5)
    | {
        "epoch": epoch,
        "steps": 10 * epoch,
        "round": 0,
        "val_examples": 9,
        "trained_digits": 3,
        "val_exact_match": exact,
    }
    for epoch, exact in ((1, 0.25), (2, 0.75), (3, 0.75))
]


TIMES = ("examples_per_second", "seconds", "epoch_seconds", "cpu_seconds")


def weights(checkpoint: Path) -> dict[str, bytes]:
    """The arrays of a checkpoint, as bytes by name."""
    return {name: array.tobytes() for name, array in checkpoints.load(checkpoint)[0].items()}


def learned(folder: Path) -> tuple[list, list[dict], dict, bytes]:
    """What a training leaves, without times: the weights of both checkpoints, the history, the state, the samples."""
    state = checkpoints.load(folder / "last.npz")[1]
    rows = [_without_times(row) for row in state.pop("history")]
    both = [weights(folder / name) for name in ("best.npz", "last.npz")]
    return both, rows, _without_times(state), (folder / "samples.jsonl").read_bytes()


def _without_times(values: dict) -> dict:
    return {name: value for name, value in values.items() if name not in TIMES}


def suite_scores(right: int = 200, per_slice: int = 1000, **row: Any) -> Scores:
    """The scores of a suite of one slice, at the size of addition, of so many right answers to its questions."""
    about = {"slice": "equal", "set": "standard", "size": 3, "version": VERSION} | row
    return Scores((SliceScore(1000, right, **about),), per_slice=per_slice, seed=0)


def write_run(
    folder: Path, rows: list[dict] = ROWS, stopped: str = "all 3 epochs are done", task: Task | None = None
) -> Run:
    """A run that was stopped for this reason, after the epochs of these rows."""
    run = Run(folder, task or Task("addition"), "abc", "/data", TrainConfig(epochs=3))
    run.write_config()
    if rows:
        history.write_csv(run.history, rows)
        for path, state in ((run.best, {"row": rows[-1]}), (run.last, {"stopped": stopped, "history": rows})):
            checkpoints.save(path, {"weight": np.zeros(2, np.float32)}, state)
        summary_of(2, None).write(run.summary)
    return run


def summary_of(best_epoch: int, scores: Scores | None) -> Summary:
    """What a training took: 1 of everything."""
    numbers = ("weights", "examples", "flops", "seconds", "cpu_seconds", "character_accuracy", "exact_match")
    fields = dict.fromkeys(("dataset", "model", "input_format", "hints"), "x") | dict.fromkeys(numbers, 1)
    return Summary(**fields, best_epoch=best_epoch, scores=scores)


def write_evaluation(run: Run, best_epoch: int | None, *scores: Scores) -> None:
    """Writes an evaluation that found these scores, that of the run's own size first."""
    fields: dict[str, Any] = {"data": {}, "hints": "x", "notes": (), "sets": {}, "tables": {}, "mistakes": ()}
    every = dataclasses.replace(scores[0], rows=tuple(row for suite in scores for row in suite.rows))
    evaluation = Evaluation(path=run.evaluation, size=3, best_epoch=best_epoch, scores=every, **fields)
    evaluation.write()
