"""Fixtures of the Python interface."""

from typing import Any

import pytest

import seq2seq_arith as sa
from seq2seq_arith.trainer.api.dataset import Dataset
from seq2seq_arith.trainer.api.trained_run import TrainedRun

# A network that is quick to build, at a constant learning rate.
SMALL: dict[str, Any] = {"recipe": "notebook", "model": "simple_rnn", "hidden": 8, "steps_per_epoch": 8, "patience": 0}


@pytest.fixture(scope="session")
def data(data_dir, tasks) -> Dataset:
    """The small dataset of addition."""
    return sa.load(tasks["addition"].config_name, data_dir=data_dir)


@pytest.fixture(scope="session")
def small(data, tmp_path_factory) -> TrainedRun:
    """A run of two epochs, which has learned next to nothing."""
    return sa.train(data, run_dir=tmp_path_factory.mktemp("runs") / "small", epochs=2, **SMALL)
