"""What is said of a dataset before it is made, against what making it takes."""

import time

import numpy as np
import pytest
from hypothesis import given
from programs import files, run, tree
from strategies import small_tasks

from seq2seq_arith.pipelines import InputError, Task, coverage, dedup, frequent
from seq2seq_arith.pipelines.plan import check_memory, check_space, plan
from seq2seq_arith.pipelines.shards import Layout


@pytest.mark.parametrize(
    "task",
    [
        Task(num_examples=3000),
        Task("subtraction", digits=18, num_examples=1000),
        Task("multiplication", num_examples=500),
        Task("pq", num_examples=20_000),
    ],
    ids=lambda task: task.config_name,
)
@pytest.mark.parametrize("parquet", [True, False], ids=["parquet", "tfrecord"])
def test_bytes(make, task, parquet):
    found = files(make(task, parquet=parquet))
    planned = plan(task, Layout(8, parquet))
    assert planned.tfrecord_bytes == sum(len(content) for name, content in found.items() if ".tfrecord" in name)
    real = sum(len(content) for name, content in found.items() if ".parquet" in name)
    # An estimate: right within a factor of two.
    assert real / 2 <= planned.parquet_bytes <= real * 2
    assert planned.total_bytes == planned.tfrecord_bytes + planned.parquet_bytes


@given(small_tasks())
def test_draws(task):
    planned = plan(task, Layout(8))
    assert planned.draws == coverage.num_draws(task)
    assert task.num_examples <= planned.distinct + 0.001 <= planned.draws + 0.002


def test_more_cores_take_less_time():
    planned = plan(Task(digits=7, num_examples=10**7), Layout(16))
    for local in (True, False):
        times = [planned.seconds(workers, local) for workers in (1, 2, 10, 1000)]
        assert times == sorted(times, reverse=True)
        assert min(times) > 0


def test_refuses_what_cannot_be_drawn():
    with pytest.raises(InputError, match="at most 500500 are practical"):
        plan(Task(num_examples=500_501), Layout(8))


def test_space(tmp_path):
    check_space(1, tmp_path / "not" / "yet")
    with pytest.raises(InputError, match=f"{tmp_path} has .* bytes left and the dataset needs about"):
        check_space(2**60, tmp_path / "not" / "yet")
    assert tree(tmp_path) == {}


def test_memory():
    check_memory(1)
    with pytest.raises(InputError, match=r"a local run needs about .* give fewer examples, or a --runner"):
        check_memory(2**60)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["addition", "50,000", "147,659", "8 of each split", "3,150,000 bytes"]),
        (["--no-parquet", "--num-shards=3"], ["3 of each split", "none"]),
        (["--workers=100", "--price-per-vcpu-hour=0.05"], ["100 cores", "cost"]),
        (["--digits=7", "--num-examples=20000000"], ["20,000,000", "32 of each split"]),
    ],
    ids=str,
)
def test_the_command(tmp_path, arguments, words):
    process = run("plan", "addition", *arguments, cwd=tmp_path)
    assert (process.returncode, process.stderr) == (0, "")
    assert [word for word in words if word not in process.stdout] == []
    assert tree(tmp_path) == {}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["additoin"], "did you mean 'addition'"),
        (["addition", "--num-examples=500501"], "at most 500500"),
        (["addition", "--workers=0"], "--workers is 0"),
        (["addition", "--workers=1" + 400 * "0"], "give 1 to 1,000,000"),
        (["addition", "--workers=two"], "'two' is no whole number"),
        (["addition", "--runner=FlinkRunner"], "--runner=FlinkRunner"),
        (["addition", "--price-per-vcpu-hour=cheap"], "cheap"),
    ],
    ids=str,
)
def test_the_command_refuses(arguments, words):
    process = run("plan", *arguments)
    assert (process.returncode, process.stdout) == (2, "")
    (line,) = process.stderr.splitlines()
    assert words in line


@pytest.mark.parametrize(
    "task",
    [Task("addition", digits=4, num_examples=100_000), Task("subtraction", digits=6, num_examples=10**6, ordered=True),
     Task("multiplication", digits=8, num_examples=10**6), Task("pq", num_examples=100_000)],
    ids=lambda task: task.config_name,
)  # fmt: skip
def test_what_is_shuffled(task):
    """Against real draws: how many go through the shuffle, and what the largest shard has."""
    planned = plan(task, Layout(64))
    early = frequent.first_draws(task, frequent.early_draws(task, planned.draws))
    sizes = np.diff(dedup.partition(task, 0, planned.draws, 64, early)[1])
    assert sizes.sum() == pytest.approx(planned.shuffled, rel=0.02)
    assert sizes.max() / sizes.mean() == pytest.approx(planned.hottest, rel=0.1)


def test_short_numbers_would_drown_a_shard():
    """What dropping them early is for: without it one pair alone would fill a shard hundreds of times over."""
    task = Task(digits=7, num_examples=10**12)
    layout = Layout.of(task)
    planned = plan(task, layout)
    hottest = coverage.key_classes(task).probability.max() * planned.draws
    assert hottest > 400 * planned.draws / layout.num_shards
    assert planned.hottest < 2


@pytest.mark.parametrize("num_examples", [10**8, 10**10, 10**12])
@pytest.mark.parametrize("task", ["addition", "subtraction", "multiplication"])
def test_the_largest_are_planned_at_once(task, num_examples):
    task = Task(task, digits=9, num_examples=num_examples)
    layout = Layout.of(task)
    start = time.perf_counter()
    planned = plan(task, layout)
    assert time.perf_counter() - start < 2
    assert layout.num_shards * 2**20 >= num_examples
    assert num_examples < planned.shuffled < planned.draws < 3 * num_examples
    assert 3 * num_examples < planned.shuffle_bytes < 12 * planned.draws
    # A shard, and a chunk, fit into a small worker.
    assert planned.worker_memory < 2e9
    assert planned.hottest < 2
    assert planned.seconds(1000, local=False) < planned.seconds(10, local=False)


@pytest.mark.parametrize("num_examples", [10**8, 10**10, 10**12])
def test_the_command_for_the_largest(num_examples):
    process = run("plan", "addition", "--digits=9", f"--num-examples={num_examples}", "--workers=1000",
                  "--price-per-vcpu-hour=0.06")  # fmt: skip
    assert (process.returncode, process.stderr) == (0, "")
    table = dict(line.split(None, 1) for line in process.stdout.splitlines())
    assert list(table) == ["dataset", "examples", "draws", "shards", "shuffle", "TFRecord", "Parquet", "memory", "time",
                           "cost"]  # fmt: skip
    assert table["TFRecord"] == f"{81 * num_examples:,} bytes"
