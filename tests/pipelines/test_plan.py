"""The estimates for a dataset, against what making it takes."""

import time
import tracemalloc

import memory_store
import numpy as np
import pytest
from programs import files, run_here, tree

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines import request
from seq2seq_arith.pipelines.__main__ import main
from seq2seq_arith.pipelines.formats.layout import Layout
from seq2seq_arith.pipelines.plan import BASE_MEMORY, plan
from seq2seq_arith.pipelines.steps import dedup
from seq2seq_arith.pipelines.storage import clients, paths

STORE = f"{memory_store.SCHEME}://bucket/data"


@pytest.mark.parametrize(
    "task",
    [Task("subtraction", size=18, num_examples=1000), Task("pq", num_examples=2000)],
    ids=lambda task: task.config_name,
)
def test_bytes(make, task):
    contents = files(make(task, parquet=True))
    planned = plan(task, Layout(8))
    assert planned.file_bytes["tfrecord"] == sum(
        len(content) for name, content in contents.items() if ".tfrecord" in name
    )
    real = sum(len(content) for name, content in contents.items() if ".parquet" in name)
    # An estimate: right within a factor of two.
    assert real / 2 <= planned.file_bytes.get("parquet", 0) <= real * 2
    assert planned.total_bytes == sum(planned.file_bytes.values())


@pytest.mark.parametrize("size", [7, 36])
def test_memory_of_a_shard(size):
    """Longer numbers take more of it."""
    task = Task(size=size, num_examples=100_000)
    planned = plan(task, Layout(1))
    numbers = np.arange(planned.draws, dtype=np.uint64)
    dedup.unique(task, numbers[:10])  # fills the caches
    tracemalloc.start()
    dedup.unique(task, numbers)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak / 2 < planned.worker_memory - BASE_MEMORY < 2 * peak


@pytest.mark.parametrize(
    ("task", "layout", "seconds"),
    [
        (Task(), Layout(8), 0.54),
        (Task("pq"), Layout(8), 1.0),
        (Task(size=7, num_examples=20_000_000), Layout(32, ("tfrecord",)), 5.4),
    ],
    ids=["addition", "pq", "20 million"],
)
def test_seconds(task, layout, seconds):
    """Against a run on two cores of an AMD EPYC, as the README reports it."""
    assert seconds / 2 < plan(task, layout).seconds(2, local=True) < 2 * seconds


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["addition", "50,000", "147,659", "8 of each split", "3.15 MB"]),
        (["--workers=100", "--array-record"], ["100 cores", "ArrayRecord"]),
        (
            [],
            ["35, with about 50 requests to a store", "under 0.01 core hours"],
        ),  # as a proxy before a store has counted
        # One shard, in memory as a whole, also in a local run.
        (
            ["--digits=7", "--num-examples=20000000", "--num-shards=1"],
            ["3.06 GB in a local run", "3.06 GB per worker process"],
        ),
    ],
    ids=str,
)
def test_the_command(tmp_path, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(request, "free_memory", lambda: 4 * 10**9)
    assert main(["plan", "addition", *arguments]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert [word for word in words if word not in printed.out] == []
    assert tree(tmp_path) == {}


@pytest.mark.parametrize(
    ("words", "misfits"),
    [
        (["addition"], ["bytes of memory", "bytes left"]),
        (["addition", f"--data-dir={STORE}"], ["bytes of memory"]),
        (
            ["addition_of_five", "--digits=1000", "--num-examples=8388608", f"--data-dir={STORE}"],
            ["bytes of memory", "at most 5,368,709,120 per file; give --num-shards 16"],
        ),
        (
            ["addition_of_five", "--digits=1000", "--num-examples=8388608", "--num-shards=16", f"--data-dir={STORE}"],
            ["bytes of memory"],
        ),
    ],
    ids=["a disk", "a store", "a large file", "smaller files"],
)
def test_what_does_not_fit(monkeypatch, capsys, words, misfits):
    limit = clients.KINDS["s3"].max_bytes  # in a store that needs no extra
    monkeypatch.setitem(clients.KINDS, memory_store.SCHEME, memory_store.KIND._replace(max_bytes=limit))
    monkeypatch.setattr(request, "free_memory", lambda: 1000)
    monkeypatch.setattr(paths, "free_disk", lambda directory: (directory, 1000))
    assert main(["plan", *words]) == 1
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("does not fit here: ")]
    assert len(lines) == len(misfits)
    assert all(any(misfit in line for line in lines) for misfit in misfits)


def test_files_that_a_store_does_not_take_are_refused_before_the_work(monkeypatch, input_error):
    small = memory_store.KIND._replace(max_bytes=3000)
    monkeypatch.setitem(clients.KINDS, memory_store.SCHEME, small)
    place = f"{memory_store.SCHEME}://small-files/data"
    command = ("generate", "addition", "--num-examples=100", "--no-parquet", f"--data-dir={place}")
    process = run_here(*command, "--num-shards=1")
    assert process.returncode == 2
    input_error.printed(process.stderr)
    assert run_here(*command, "--num-shards=8").returncode == 0, "which the message names"
    assert "--num-shards 8" in process.stderr


@pytest.mark.parametrize(
    ("task", "num_examples"), [("addition", 10**12), ("subtraction", 10**10), ("multiplication", 10**8)]
)
def test_the_largest_are_planned_at_once(task, num_examples):
    task = Task(task, size=9, num_examples=num_examples)
    layout = Layout.from_task(task)
    start = time.process_time()  # the machine may be busy with others
    planned = plan(task, layout)
    assert time.process_time() - start < 2
    assert layout.num_shards * 2**20 >= num_examples
    assert num_examples < planned.draws < 3 * num_examples
    assert 4 * planned.draws < planned.shuffle_bytes < 12 * planned.draws
    # A shard and a chunk fit into a small worker, unless a shard has very many draws of one short pair.
    assert (planned.worker_memory < 2e9) == (num_examples <= 10**10)
    assert planned.seconds(1000, local=False) < planned.seconds(10, local=False)
