"""Fixtures of the pipelines layer."""

import zlib
from collections.abc import Callable
from pathlib import Path

import emulators
import memory_store
import pytest
import quick_beam
import stored
from programs import without_lock

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines import create
from seq2seq_arith.pipelines.beam.options import pipeline_options
from seq2seq_arith.pipelines.formats.layout import Layout, choose_formats
from seq2seq_arith.pipelines.steps.run import write_dataset
from seq2seq_arith.pipelines.storage.paths import ObjectPath
from seq2seq_arith.pipelines.storage.staging import REPORT, StagedDirectory

Make = Callable[..., Path]
quick_beam.use()


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Runs the real pipeline into a new directory, and returns the directory."""

    def make(task: Task, num_shards: int = 8, parquet: bool = False, flags: tuple[str, ...] = (), threads: int = 2):
        directory = tmp_path_factory.mktemp("made")
        layout = Layout.from_task(task, num_shards, choose_formats({"parquet": parquet}))
        write_dataset(task, layout, StagedDirectory(directory), pipeline_options(list(flags)), threads)
        (directory / REPORT).unlink()  # publishing removes it
        return directory

    return make


@pytest.fixture
def copied(monkeypatch) -> None:
    """Lets Beam make each dataset only once: ``create`` takes a copy."""
    monkeypatch.setattr(create, "write_dataset", stored.copy)


OTHER = pytest.param("the other", marks=pytest.mark.release)


def scheme_of(request: pytest.FixtureRequest) -> str:
    """The store of a test, by turns; or the other one, which only a release asks; or the one that the test names."""
    if request.param in ("gs", "s3"):
        return request.param
    return ("gs", "s3")[(zlib.crc32(request.node.originalname.encode()) + (request.param == "the other")) % 2]


@pytest.fixture(params=["memory", pytest.param("by turns", marks=pytest.mark.slow), OTHER])
def data_dir(request, copied, monkeypatch) -> ObjectPath:
    """A data directory in a bucket of its own: of a store in this process, and of real stores' emulators.

    What is put there is made by Beam only once; see ``with_beam``.
    """
    if request.param == "memory":
        return ObjectPath(f"{memory_store.new_bucket(monkeypatch)}/data")
    request.getfixturevalue("servers")
    return ObjectPath(f"{emulators.new_bucket(scheme_of(request))}/data")


@pytest.fixture
def with_beam(data_dir, monkeypatch) -> None:
    """Lets Beam make every dataset in the data directory."""
    monkeypatch.setattr(create, "write_dataset", stored.write_dataset)


@pytest.fixture(params=["by turns", OTHER])
def served_dir(request, servers) -> ObjectPath:
    """A data directory in a bucket of its own, which other processes see as well."""
    return ObjectPath(f"{emulators.new_bucket(scheme_of(request))}/data")


@pytest.fixture(scope="session")
def local(tmp_path_factory) -> dict[str, dict[str, bytes]]:
    """The files of a data directory on disk, without the lock, by the name of the layout."""
    contents = {}
    for name, layout in stored.LAYOUTS.items():
        data_dir = tmp_path_factory.mktemp(name)
        stored.make(stored.TASK, layout, data_dir)
        contents[name] = without_lock(data_dir)
    return contents
