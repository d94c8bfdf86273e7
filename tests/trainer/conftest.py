"""Fixtures of the trainer layer: four logical CPU devices, and small datasets that arith-data makes."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import configs
import pytest
import tensorflow as tf

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.__main__ import main as arith_data
from seq2seq_arith.trainer.config import TrainConfig, override
from seq2seq_arith.trainer.data import records
from seq2seq_arith.trainer.data.lanes import Lanes
from seq2seq_arith.trainer.data.records import Examples, Source
from seq2seq_arith.trainer.data.views import make_view
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.training import devices, learner, session
from seq2seq_arith.trainer.training.learner import Learner

devices.split_cpu(4)
tf.config.experimental.enable_op_determinism()

TASKS = {
    "addition": Task("addition", num_examples=1003),
    "subtraction": Task("subtraction", digits=2, num_examples=500),
    "pq": Task("pq", digits=20, num_examples=150),
}


@pytest.fixture(scope="session")
def tasks() -> dict[str, Task]:
    """The small dataset of each task."""
    return TASKS


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the datasets of ``TASKS`` are."""
    folder = tmp_path_factory.mktemp("data")
    for task in TASKS.values():
        size = ["--digits", str(task.digits), "--num-examples", str(task.num_examples)]
        assert arith_data(["generate", task.name, "--data-dir", str(folder), "--no-parquet", *size]) == 0
    return folder


@dataclasses.dataclass(frozen=True)
class Ready:
    """A dataset as a learner needs it."""

    source: Source
    validation: Examples
    learner: Learner
    batches: Lanes


@pytest.fixture(scope="session")
def ready(data_dir: Path) -> Callable[..., Ready]:
    """Makes a learner on the small dataset of a task."""

    def make(name: str, config: TrainConfig, rows: int | None = None, total_steps: int = 100) -> Ready:
        source = records.open_source(TASKS[name], str(data_dir))
        view = make_view(config.model.view, source.task)
        training = source.splits["train"]
        if rows is not None:
            training = dataclasses.replace(training, lengths=(rows, *[0] * (len(training.lengths) - 1)))
        strategy = devices.make_strategy(config.replicas)
        on_gpu = devices.uses_gpus(config.replicas)
        made = learner.Learner(config=config, view=view, strategy=strategy, total_steps=total_steps, on_gpu=on_gpu)
        batches = Lanes(training, config.batch_size, strategy.num_replicas_in_sync, config.seed)
        return Ready(source, source.splits["validation"].head(1000), made, batches)

    return make


@pytest.fixture(scope="session")
def trained(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run on the small addition set that has learned something, and not everything."""
    config = override(configs.TAGGER, hidden=32, layers=1, learning_rate=0.02, batch_size=32, epochs=20)
    folder = tmp_path_factory.mktemp("runs") / "addition"
    return session.train(TASKS["addition"], str(data_dir), str(folder), config).run
