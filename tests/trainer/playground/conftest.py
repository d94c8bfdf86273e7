"""Runs that were not trained, as quick to make as their networks are to build: their answers are wrong, and exact."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
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
