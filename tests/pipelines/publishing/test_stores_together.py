"""Several runs on one object store: whose bytes stand, what is reused, and how many requests that takes."""

import contextlib
import os
import re

import memory_store
import pytest
from flaky import flaky
from stored import LAYOUTS, TASK, make, objects, write

from seq2seq_arith.base.errors import InputError, StoreError
from seq2seq_arith.pipelines.beam.failures import SubmittedError
from seq2seq_arith.pipelines.checking.verify import verify
from seq2seq_arith.pipelines.formats.layout import Layout, dataset_path
from seq2seq_arith.pipelines.places import clients
from seq2seq_arith.pipelines.publishing.stores import StorePublisher

LAYOUT = LAYOUTS["three"]
PARQUET = next(file for _, _, file in LAYOUT.shard_files() if file.endswith(".parquet"))


def write_as_another_pyarrow(upload) -> None:
    """Writes one Parquet file as another version does: the same rows in other bytes."""
    with upload.whole_file(PARQUET) as file:
        file.write(b"another compression")
    upload.expect({PARQUET: file.version})


def test_the_one_that_loses_leaves_the_winners_dataset_whole(data_dir, local):
    """It began first, and has another PyArrow. It is refused before it changes anything."""
    path = dataset_path(data_dir, TASK)
    with (
        pytest.raises(InputError, match=r"another run has made .* with another PyArrow; give --overwrite"),
        StorePublisher(path).staged(LAYOUT) as late,
    ):
        make(TASK, LAYOUT, data_dir)
        write_as_another_pyarrow(late)
    assert objects(data_dir) == local["three"]
    assert verify(path).problems == []


def test_a_leftover_with_other_bytes_is_replaced(data_dir, local):
    (dataset_path(data_dir, TASK) / PARQUET).write_text("of another PyArrow")
    make(TASK, LAYOUT, data_dir)
    assert objects(data_dir) == local["three"]


def test_a_shard_that_another_run_replaces_before_the_end(data_dir, local):
    """The run whose shard it was publishes nothing; the other one does, and its checksums hold."""
    path = dataset_path(data_dir, TASK)
    with (
        pytest.raises(StoreError, match=f"{PARQUET} was replaced by another run while this one went on"),
        StorePublisher(path).staged(LAYOUT) as first,
    ):
        write(LAYOUT, first)
        with pytest.raises(ZeroDivisionError), StorePublisher(path).staged(LAYOUT) as second:
            write_as_another_pyarrow(second)
            raise ZeroDivisionError
        (path / PARQUET).write_text("again")
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


@pytest.mark.slow
def test_a_store_that_is_busy(served_dir, local, monkeypatch):
    """One request of five is refused with 503, and half of these are done all the same."""
    variable = {"gs": "STORAGE_EMULATOR_HOST", "s3": "AWS_ENDPOINT_URL"}[served_dir.url[:2]]
    with flaky(os.environ[variable], every=5) as (url, refused), monkeypatch.context() as patch:
        patch.setenv(variable, url)
        clients.client.cache_clear()
        for name in ("two", "three"):
            make(TASK, LAYOUTS[name], served_dir, overwrite=name == "three")
        assert len(refused) >= 8
        assert verify(dataset_path(served_dir, TASK)).problems == []
    clients.client.cache_clear()
    assert objects(served_dir) == local["three"]


def requests(monkeypatch, *arguments: object, **options: object) -> dict[str, int]:
    """How many requests of each kind a run makes of the store in memory."""
    made: list[str] = []
    monkeypatch.setattr(memory_store.MemoryStore, "requests", made)
    make(*arguments, **options)
    kinds = [re.sub(r"^(\w+) (?:.*/)?([\w.]*).*", r"\1 \2", each) for each in made]
    counted = {kind: kinds.count(kind) for kind in kinds}
    lists = sum(each.startswith("list") for each in made)
    return counted | {"list": lists, "delete": sum(each.startswith("delete") for each in made)}


@pytest.mark.parametrize("data_dir", ["memory"], indirect=True)
def test_few_requests(data_dir, monkeypatch):
    large, small = Layout(64), Layout(3)
    new = requests(monkeypatch, TASK, large, data_dir)
    assert (new["list"], new["delete"]) == (2, 1)  # of its report
    replaced = requests(monkeypatch, TASK, small, data_dir, overwrite=True)
    assert replaced["list"] == 3
    assert replaced["delete"] == 3  # of the old dataset_info.json, of its report, and of 256 shards at once
    assert replaced["read metadata.json"] < 10
    again = requests(monkeypatch, TASK, small, data_dir)
    assert (again["list"], again["delete"]) == (1, 0)
    assert not any(kind.startswith("upload") for kind in again)
