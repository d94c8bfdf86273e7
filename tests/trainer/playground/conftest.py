"""Runs that were not trained: their answers are wrong, and exact; or they have no network, and cannot answer."""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.trainer.config import TrainConfig, override
from seq2seq_arith.trainer.data.views import make_view
from seq2seq_arith.trainer.models.build import build_model
from seq2seq_arith.trainer.runs import checkpoints
from seq2seq_arith.trainer.runs.run import Run

Make = Callable[..., Run]


@pytest.fixture(scope="session")
def untrained() -> Make:
    """Makes a run with fresh weights as its best ones; and, of so many epochs, with others for each.

    With ``weights``, these are so many of no network, for tests that only list runs.
    """

    def make(folder: Path, task: Task, epochs: int = 0, weights: int | None = None, **model: Any) -> Run:
        config = override(TrainConfig(), **{"hidden": 16, "layers": 1, **model})
        run = Run(folder, task, "0" * 64, "data", dataclasses.replace(config, replicas=1))
        run.claim()
        for epoch in range(epochs + 1):
            keras.utils.set_random_seed(epoch)
            values = {"kernel": np.zeros(weights or 1, np.float32)}
            if weights is None:
                values = checkpoints.values(build_model(config.model, make_view(config.model.view, task)).variables)
            checkpoints.save(run.of_epoch(epoch) if epoch else run.best, values, {"row": {"epoch": 1}})
        return run

    return make


@pytest.fixture(scope="session")
def unbuilt(untrained) -> Make:
    """As ``untrained``, of no network."""
    return functools.partial(untrained, weights=1)
