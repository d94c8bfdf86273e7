"""Runs that were not trained: their answers are wrong, and exact; or they have no network, and cannot answer."""

import dataclasses
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
    """Makes a run with fresh weights as its best ones; and, of so many epochs, with others for each."""

    def make(folder: Path, task: Task, epochs: int = 0, **model: Any) -> Run:
        config = override(TrainConfig(), **{"hidden": 16, "layers": 1, **model})
        run = Run(folder, task, "0" * 64, "data", dataclasses.replace(config, replicas=1))
        run.claim()
        for epoch in range(epochs + 1):
            keras.utils.set_random_seed(epoch)
            values = checkpoints.values(build_model(config.model, make_view(config.model.view, task)).variables)
            path = run.of_epoch(epoch) if epoch else run.best
            checkpoints.save(path, values, {"epoch": epoch} if epoch else {"row": {"epoch": 1}})
        return run

    return make


@pytest.fixture(scope="session")
def unbuilt() -> Make:
    """Makes a run whose best weights are of no network, for tests that only list runs."""

    def make(folder: Path, task: Task, *, epochs: int = 0, weights: int = 1, **model: Any) -> Run:
        run = Run(folder, task, "0" * 64, "data", dataclasses.replace(override(TrainConfig(), **model), replicas=1))
        run.claim()
        for path in (run.best, *(run.of_epoch(epoch) for epoch in range(1, epochs + 1))):
            checkpoints.save(path, {"kernel": np.zeros(weights, np.float32)}, {"row": {"epoch": 1}})
        return run

    return make
