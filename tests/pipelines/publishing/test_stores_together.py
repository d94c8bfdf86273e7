"""Several runs on one object store: whose bytes stand, what is reused, and how many requests that takes."""

import contextlib
import uuid

import memory_store
import pytest
from flaky import Flaky
from stored import LAYOUTS, TASK, make, nothing_or_all, objects, write

from seq2seq_arith.base.errors import InputError, PublishedError, StoreError
from seq2seq_arith.pipelines.beam.failures import SubmittedError
from seq2seq_arith.pipelines.checking.verify import verify
from seq2seq_arith.pipelines.formats.location import dataset_path
from seq2seq_arith.pipelines.publishing import stores
from seq2seq_arith.pipelines.publishing.stores import StorePublisher
from seq2seq_arith.pipelines.storage import clients
from seq2seq_arith.pipelines.storage.paths import ObjectPath

LAYOUT = LAYOUTS["three"]
PARQUET = next(file for _, _, file in LAYOUT.shard_files() if file.endswith(".parquet"))


def write_as_another_pyarrow(upload) -> None:
    """Writes one Parquet file as another version does: the same rows in other bytes."""
    with upload.whole_file(PARQUET) as file:
        file.write(b"another compression")
    upload.expect({PARQUET: file.version})


def test_the_one_that_loses_leaves_the_winners_dataset_whole(data_dir, local):
    """It began first, and has another version of PyArrow. It is refused before it changes anything."""
    path = dataset_path(data_dir, TASK)
    with (
        pytest.raises(InputError, match="with another version of PyArrow"),
        StorePublisher(path).staged(LAYOUT) as late,
    ):
        make(TASK, LAYOUT, data_dir)
        write_as_another_pyarrow(late)
    assert objects(data_dir) == local["three"]
    assert verify(path).problems == []


def test_a_shard_that_another_run_replaces_before_the_end(data_dir, local):
    """The run whose shard it was publishes nothing; the other one does, and its checksums hold."""
    path = dataset_path(data_dir, TASK)
    with pytest.raises(StoreError, match="replaced by another run"), StorePublisher(path).staged(LAYOUT) as first:
        write(LAYOUT, first)
        with pytest.raises(ZeroDivisionError), StorePublisher(path).staged(LAYOUT) as second:
            write_as_another_pyarrow(second)
            raise ZeroDivisionError
        (path / PARQUET).put(b"again")
    assert not (path / "dataset_info.json").is_file()


def test_a_killed_runs_shards_are_used(data_dir, local):
    """All but the last of them are there; the next run writes that one alone."""
    path = dataset_path(data_dir, TASK)
    with contextlib.suppress(SubmittedError), StorePublisher(path).staged(LAYOUT) as killed:
        write(LAYOUT, killed)
        raise SubmittedError("")  # which nobody cleans up after, either
    *_, last = (file for _, _, file in LAYOUT.shard_files())
    (path / last).unlink()
    before = {entry.name: entry for entry in path.entries()}
    make(TASK, LAYOUT, data_dir)
    after = {entry.name: entry for entry in path.entries()}
    assert {name: after[name] for name in before} == before
    assert objects(data_dir) == local["three"]


def test_a_store_that_gives_up(copied, monkeypatch, local):
    """The client's own attempts have all failed: a run ends, or another is begun, and in the end nothing is lost."""
    of_memory = memory_store.KIND
    flaky = of_memory._replace(open=lambda *bucket: Flaky(of_memory.open(*bucket)))
    monkeypatch.setitem(clients.KINDS, "flaky", flaky)
    monkeypatch.setattr(Flaky, "failed", [])
    data_dir = ObjectPath(f"flaky://{uuid.uuid4().hex}/data")
    path, ended = dataset_path(data_dir, TASK), []
    for layout in (LAYOUTS["two"], LAYOUTS["three"]) * 2:
        for _ in range(200):
            with monkeypatch.context() as patch:
                patch.setattr(Flaky, "share", 0.05)
                try:
                    make(TASK, layout, data_dir, overwrite=True)
                    break
                except (StoreError, PublishedError) as error:
                    ended.append(error)
            nothing_or_all(path)
        assert nothing_or_all(path)
    assert ended
    assert len(Flaky.failed) > 5
    # Reports are removed when they are too old to be another run's.
    monkeypatch.setattr(stores, "OLD_SECONDS", -60)
    make(TASK, layout, data_dir, overwrite=True)
    assert objects(data_dir) == local["three"]
