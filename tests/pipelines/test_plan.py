"""What is said of a dataset before it is made, against what making it takes."""

import pytest
from hypothesis import given
from programs import files, run, tree
from strategies import small_tasks

from seq2seq_arith.pipelines import InputError, Task, coverage
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
