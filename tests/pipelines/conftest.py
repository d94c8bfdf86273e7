"""Fixtures of floor 1."""

from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

from seq2seq_arith.pipelines import Task
from seq2seq_arith.pipelines.generate import generate
from seq2seq_arith.pipelines.options import pipeline_options
from seq2seq_arith.pipelines.shards import Layout

# The machine may be busy: how long an example takes says nothing.
hypothesis.settings.register_profile(
    "floor1", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True
)
hypothesis.settings.load_profile("floor1")

Make = Callable[..., Path]


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Runs the real pipeline into a new directory, and returns the directory."""

    def made(task: Task, num_shards: int = 8, parquet: bool = False, flags: tuple[str, ...] = (), threads: int = 2):
        directory = tmp_path_factory.mktemp("made")
        layout = Layout.of(task, num_shards, parquet)
        generate(task, layout, directory, pipeline_options(list(flags)), threads)
        return directory

    return made
