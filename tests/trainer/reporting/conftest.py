"""A report's content without a model: all that a page can show, and a name that HTML must not read as its own."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import run_files

from seq2seq_arith.arithmetic.scoring import Mistake, Scores, Share, SliceScore
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.trainer.config import ModelConfig, TrainConfig
from seq2seq_arith.trainer.reporting import collect, errors
from seq2seq_arith.trainer.reporting.collect import RunReport, SetAnswers, SetResult
from seq2seq_arith.trainer.runs.history import COLUMNS
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.runs.samples import EpochSamples, Sample
from seq2seq_arith.trainer.training.describe import Layer

FOREIGN = "<script src='https://example.com'>alert(1)</script> & \"run\""
TASK = Task("addition", num_examples=1000)
WRONG = Mistake("999+1", "1000", "990")


def _slice(name: str, right: int, size: int, set: str) -> SliceScore:
    return SliceScore(
        10,
        right,
        slice=name,
        set=set,
        version=2,
        size=size,
        why=f"Why {name} is hard.",
        seen=4,
        seen_right=min(right, 4),
        mistake=WRONG if right < 10 else None,
    )


def _suite(size: int, worst: int) -> list[SliceScore]:
    rights = {"random": 9, "carry-all": worst} | {f"lengths-{m}-{n}": 10 for m in range(1, 4) for n in range(1, 4)}
    return [_slice(name, right, size, "standard") for name, right in rights.items()]


def _held_out(size: int, worst: int) -> list[SliceScore]:
    return [_slice(name, right, size, "held_out") for name, right in (("runs", 10), ("two-chains", worst))]


def _asked() -> SetAnswers:
    answers = np.frombuffer(b"1000121 42  ", np.uint8).reshape(3, 4)
    predicted = np.frombuffer(b"990 121 43  ", np.uint8).reshape(3, 4)
    pairs = [(str(m), str(n)) for m in range(1, 4) for n in range(1, 4)]
    return SetAnswers(
        sets={
            collect.TRAINED: SetResult("seen", Share(900, 899)),
            collect.VALIDATION: SetResult("not seen", Share(100, 97)),
            collect.TEST: SetResult("not seen", Share(100, 96)),
        },
        unseen={
            collect.LENGTHS: {pair: Share(4, int(pair[1])) for pair in pairs},
            "carries": {(0,): Share(5, 5), (1,): Share(5, 2)},
        },
        seen={collect.LENGTHS: {pair: Share(5, 5) for pair in pairs}, "carries": {(0,): Share(9, 9)}},
        confusion=errors.confusion(TASK, answers, predicted),
        mistakes=(WRONG, Mistake("41+1", "42", "43"), Mistake("1+1", "2", "")),
    )


def _row(epoch: int) -> dict:
    values = (epoch, 10 * epoch, 1 / epoch, 0.5, 0.1, 1.2 / epoch, 0.5, min(epoch, 5) / 6, 99.0, 1.0 * epoch, 0, 9, 3)
    return dict(zip(COLUMNS, values, strict=True))


@pytest.fixture
def sample() -> RunReport:
    """The report of a run of twenty epochs, of which the fifth is the best."""
    model = ModelConfig(name="lstm", input_format="plain", hidden=8)
    history = [_row(epoch) for epoch in range(1, 21)]
    history[4] = history[4] | {"val_exact_match": 0.97}
    answers = tuple(
        EpochSamples(epoch, (Sample("12+7", "19", "19" if epoch > 3 else "1"), Sample("999+1", "1000", "990")))
        for epoch in range(1, 21)
    )
    return RunReport(
        label="first",
        run=Run(Path("runs/first"), TASK, "ab" * 32, "data", TrainConfig(model=model)),
        layers=(Layer("question", "Input", "7", 0, (), ""), Layer("logits", "Dense", "4 × 12", 99, ("question",), "")),
        facts={
            "model": "lstm: a network",
            "input_format": "raw: as it is",
            "hints": "none: nothing",
            "example": "of 1+1 …",
        },
        history=tuple(history),
        samples=answers,
        summary=run_files.summary_of(5, None),
        proof=None,
        sets=_asked(),
        scores=Scores((*_suite(3, 2), *_held_out(3, 3), *_suite(6, 0), *_held_out(6, 1)), per_slice=10, seed=0),
        searched=(
            {"digits": 3, "asked": 2048, "mistakes": 7, "wrong": [dataclasses.asdict(WRONG) | {"margin": -1.23456}]},
            {"digits": 6, "asked": 1024, "mistakes": 0, "wrong": []},
        ),
        notes=(),
    )


@pytest.fixture
def bare(sample) -> RunReport:
    """The report of a run that has not ended, whose dataset is gone, without samples, with a foreign name."""
    return dataclasses.replace(
        sample,
        label=FOREIGN,
        samples=(),
        summary=None,
        sets=None,
        scores=Scores(()),
        searched=(),
        notes=("there is no validation set",),
        history=sample.history[:1],
    )
