"""Fixtures of the trainer layer: four logical CPU devices, small datasets, learners, and a trained run.

What takes seconds is made once: datasets and the run for all processes of the tests, learners for each process.
"""

import dataclasses
import fcntl
import functools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import configs
import keras
import numpy as np
import pytest
import tensorflow as tf

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.__main__ import main as arith_data
from seq2seq_arith.trainer.config import TrainConfig, override
from seq2seq_arith.trainer.data import records
from seq2seq_arith.trainer.data.input_formats import InputFormat, make_input_format
from seq2seq_arith.trainer.data.lanes import Lanes
from seq2seq_arith.trainer.data.records import Examples, Source
from seq2seq_arith.trainer.models.build import build_network
from seq2seq_arith.trainer.registry import INPUT_FORMATS, MODELS
from seq2seq_arith.trainer.runs import checkpoints, files, history
from seq2seq_arith.trainer.runs.run import Run, open_run
from seq2seq_arith.trainer.training import building, devices, session
from seq2seq_arith.trainer.training.learner import Learner

devices.split_cpu(4)
devices.make_deterministic()

TASKS = {
    "addition": Task("addition", num_examples=1003),
    "subtraction": Task("subtraction", size=2, num_examples=500),
    "pq": Task("pq", size=20, num_examples=150),
}
TRAINED = override(configs.TAGGER, hidden=32, layers=1, learning_rate=0.02, batch_size=32, epochs=20)


def _empty_picture(path: Path, *_: Any) -> None:
    files.write(path, b"\x89PNG\r\n\x1a\n")


@pytest.fixture(scope="module", autouse=True)
def no_pictures(request: pytest.FixtureRequest) -> Iterator[None]:
    """Writes an empty PNG in place of the curves of a training, which take a fifth of a short one."""
    with pytest.MonkeyPatch.context() as patch:
        if request.path.name != "test_history.py":  # where the picture is what is tested
            patch.setattr(history, "plot", _empty_picture)
        yield


@pytest.fixture(scope="session")
def made_once(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Callable[[str, Callable[[Path], object]], Path]:
    """Makes a folder once for all processes of the tests; nothing may change it later."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if hasattr(request.config, "workerinput") else base

    def make(name: str, fill: Callable[[Path], object]) -> Path:
        folder, begun = shared / name, shared / f"{name}.begun"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                shutil.rmtree(begun, ignore_errors=True)
                begun.mkdir()
                fill(begun)
                begun.rename(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def tasks() -> dict[str, Task]:
    """The small dataset of each task."""
    return TASKS


@pytest.fixture(scope="session")
def data_dir(made_once) -> Path:
    """Where the datasets of ``TASKS`` are; to change one, copy the folder."""

    def fill(folder: Path) -> None:
        for task in TASKS.values():
            size = ["--digits", str(task.size), "--num-examples", str(task.num_examples)]
            assert arith_data(["generate", task.name, "--data-dir", str(folder), "--no-parquet", *size]) == 0

    return made_once("small-data", fill)


@dataclasses.dataclass(frozen=True)
class Ready:
    """A dataset as a learner needs it."""

    source: Source
    validation: Examples
    learner: Learner
    batches: Lanes


class Learners:
    """Learners by their settings, each made and traced once; who asks again gets it as it was made."""

    def __init__(self) -> None:
        self._kept: dict[Any, tuple[Learner, dict[str, Any], list[np.ndarray]]] = {}

    def of(
        self, config: TrainConfig, input_format: InputFormat, strategy: tf.distribute.Strategy, total_steps: int
    ) -> Learner:
        """The learner of these settings with its first weights; whoever had it before must be done with it."""
        on_gpu = devices.uses_gpus(config.replicas)
        if config.model.name not in MODELS or config.model.input_format not in INPUT_FORMATS:
            return Learner(
                config=config, input_format=input_format, strategy=strategy, total_steps=total_steps, on_gpu=on_gpu
            )
        # What decides nothing in a learner.
        key = dataclasses.replace(config, target=None, patience=0, keep_epochs=False, checkpoint_seconds=60.0)
        key = key, input_format.task, total_steps, strategy.num_replicas_in_sync
        if key not in self._kept:
            made = Learner(
                config=config, input_format=input_format, strategy=strategy, total_steps=total_steps, on_gpu=on_gpu
            )
            self._kept[key] = made, dict(vars(made)), [np.asarray(variable) for variable in made.variables]
        made, attributes, first = self._kept[key]
        vars(made).clear()
        vars(made).update(attributes, config=config)
        for variable, value in zip(made.variables, first, strict=True):
            variable.assign(value)
        return made


@pytest.fixture(scope="session")
def learners() -> Learners:
    """The learners of this process."""
    return Learners()


@pytest.fixture
def quick(learners: Learners, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets trainings and restored runs use the learners of this process, in place of new ones."""
    monkeypatch.setattr(building, "make_learner", learners.of)


@pytest.fixture(scope="session")
def ready(data_dir: Path, learners: Learners) -> Callable[..., Ready]:
    """Makes a learner on the small dataset of a task; ``fresh`` for one beside another of the same settings."""

    def make(
        name: str, config: TrainConfig, rows: int | None = None, total_steps: int = 100, fresh: bool = False
    ) -> Ready:
        source = records.open_source(TASKS[name], str(data_dir))
        input_format = make_input_format(config.model.input_format, source.task)
        training = source.splits["train"]
        if rows is not None:
            training = dataclasses.replace(training, lengths=(rows, *[0] * (len(training.lengths) - 1)))
        strategy = devices.make_strategy(config.replicas)
        made = (Learners() if fresh else learners).of(config, input_format, strategy, total_steps)
        batches = Lanes(training, config.batch_size, strategy.num_replicas_in_sync, config.seed)
        return Ready(source, source.splits["validation"].head(1000), made, batches)

    return make


@pytest.fixture(scope="session")
def trained(made_once, data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run on the small addition set that has learned something, and not everything; each process has a copy."""

    def fill(folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(history, "plot", _empty_picture)
            session.train(TASKS["addition"], str(data_dir), str(folder / "addition"), TRAINED)

    folder = tmp_path_factory.mktemp("runs")
    shutil.copytree(made_once("trained", fill), folder, dirs_exist_ok=True)
    return open_run(folder / "addition")


@pytest.fixture(scope="session")
def driver():
    """One browser for all tests of pages."""
    import browser

    with browser.chrome() as started:
        started.set_script_timeout(120)
        yield started


@pytest.fixture(scope="session")
def untrained() -> Callable[..., Run]:
    """Makes a run with fresh weights as its best ones; and, of so many epochs, with others for each.

    With ``weights``, these are so many of no network, for tests that only list runs.
    """

    def make(folder: Path, task: Task, epochs: int = 0, weights: int | None = None, **model: Any) -> Run:
        config = override(TrainConfig(), **{"hidden": 16, "layers": 1, **model})
        run = Run(folder, task, "0" * 64, "data", dataclasses.replace(config, replicas=1))
        run.write_config()
        for epoch in range(epochs + 1):
            keras.utils.set_random_seed(epoch)
            values = {"kernel": np.zeros(weights or 1, np.float32)}
            if weights is None:
                network = build_network(config.model, make_input_format(config.model.input_format, task))
                values = checkpoints.values(network.model.variables)
            checkpoints.save(run.of_epoch(epoch) if epoch else run.best, values, {"row": {"epoch": 1}})
        return run

    return make


@pytest.fixture(scope="session")
def unbuilt(untrained) -> Callable[..., Run]:
    """As ``untrained``, of no network."""
    return functools.partial(untrained, weights=1)
