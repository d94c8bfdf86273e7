"""What a message of ``arith-data`` tells people to type works when it is typed."""

import errno
import re
import shlex
from pathlib import Path

import memory_store
import pytest
import stored
from programs import files, run_here

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base import progress
from seq2seq_arith.base.errors import RunnerError, StoreError
from seq2seq_arith.pipelines import create
from seq2seq_arith.pipelines.formats.layout import Layout
from seq2seq_arith.pipelines.storage import clients

pytestmark = pytest.mark.usefixtures("copied")
# The arguments of a command that is refused, the advice in the message, and arguments that follow it. In these, {0} is
# what the first group of the advice says. {data} is a data directory with the dataset of 100 additions.
ADVICE = {
    "a misspelt task": ("plan additoin", r"did you mean '(\w+)'\?", "plan {0}"),
    "more examples than keys": (
        "plan addition --num-examples 500501",
        r"has only (\d+) different questions; give fewer",
        "plan addition --num-examples {0}",
    ),
    "a mistyped option": (
        "generate addition --data-dir {data} --num-exmaples 100",
        r"did you mean (--[a-z-]+)\?$",
        "plan addition {0} 100",
    ),
    "other files": (
        "generate addition --num-examples 100 --data-dir {data} --no-parquet",
        r"give (--overwrite) to replace it$",
        "generate addition --num-examples 100 --data-dir {data} --no-parquet {0}",
    ),
    "unseen of another task": (
        "suite pq --per-slice 1 --unseen-of {data}/seq2seq_arith/addition-n100/1.0.0",
        r"is of (\w+), not of pq; give a dataset of the same task$",
        "suite {0} --per-slice 1 --unseen-of {data}/seq2seq_arith/addition-n100/1.0.0",
    ),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """A data directory with the dataset of 100 additions."""
    data_dir = tmp_path_factory.mktemp("data")
    stored.make(Task(num_examples=100), Layout(8), data_dir)
    return data_dir


@pytest.mark.parametrize(("refused", "advice", "follows"), ADVICE.values(), ids=ADVICE)
def test_advice_works_when_typed(tmp_path, monkeypatch, data, refused, advice, follows):
    monkeypatch.chdir(tmp_path)
    process = run_here(*shlex.split(refused.format(data=data)))
    assert process.returncode == 2
    (line,) = process.stderr.splitlines()
    match = re.search(advice, line)
    assert match, line
    followed = run_here(*shlex.split(follows.format(match[1], data=data)))
    assert (followed.returncode, followed.stderr if "suite" not in follows else "") == (0, "")


def flip(path: Path) -> None:
    file = path / "seq2seq_arith-train.tfrecord-00001-of-00003"
    content = bytearray(file.read_bytes())
    content[20] ^= 1
    file.write_bytes(content)


ASKED = (
    *("generate", "pq", "--dashes", "20", "--draws", "digits", "--seed", "5", "--no-ordered"),
    *("--num-validation", "7"),
)
LAYOUT = ("--num-shards", "3", "--array-record")


def test_the_command_that_verify_names_mends_the_dataset(tmp_path):
    data_dir = tmp_path / "it's my data"
    assert run_here(*ASKED, *LAYOUT, "--data-dir", data_dir).returncode == 0
    right = files(data_dir)
    (path,) = data_dir.glob("seq2seq_arith/pq*/1.0.0")
    flip(path)
    process = run_here("verify", path)
    assert process.returncode == 1
    assert process.stdout
    (line,) = process.stderr.splitlines()
    start = f"arith-data: {path} is damaged; make it again with: arith-data "
    assert line.startswith(start)
    command = shlex.split(line.removeprefix(start))
    assert command[-1] == "--overwrite"
    assert run_here(*command).returncode == 0
    assert files(data_dir) == right
    assert run_here("verify", path, "--quick").returncode == 0


def test_no_command_makes_a_dataset_where_it_does_not_belong_or_another_one(tmp_path):
    assert run_here(*ASKED, *LAYOUT, "--data-dir", tmp_path).returncode == 0
    (path,) = tmp_path.glob("seq2seq_arith/pq*/1.0.0")
    process = run_here("verify", path, "--sha256", "0" * 64)  # it is whole, and another one was asked for
    assert (process.returncode, process.stderr) == (1, "")
    flip(path)
    moved = tmp_path / "copies" / "of" / "1.0.0"
    moved.parent.mkdir(parents=True)
    path.rename(moved)
    process = run_here("verify", moved)
    assert (process.returncode, process.stderr) == (1, "")
    assert "does not have the sha256" in process.stdout


FAILURES = {
    "a full disk": OSError(errno.ENOSPC, "No space left on device"),
    "another trouble with the disk": OSError(errno.EIO, "Input/output error"),
    "a failed store": StoreError("gs://b is out of order"),
    "a failed job": RunnerError("job a-1 ended as FAILED: out of slots"),
    "a stop": KeyboardInterrupt(),
}


@pytest.mark.parametrize(
    ("name", "place", "written"),
    [*((name, "a directory", 6) for name in FAILURES), ("a failed store", "a store", 9), ("a stop", "a store", 0)],
)
def test_a_failed_run_says_what_was_done_what_is_left_and_what_to_type(
    tmp_path, monkeypatch, input_error, name, place, written
):
    """In one line. A runner may count a shard twice, and counts of workers elsewhere may not be known: 9, and 0."""
    error = FAILURES[name]
    monkeypatch.setitem(clients.KINDS, memory_store.SCHEME, memory_store.KIND)
    data_dir = tmp_path if place == "a directory" else f"{memory_store.SCHEME}://advice-{written}/data"
    command = ("generate", "addition", "--num-examples", "100", "--data-dir", data_dir)

    def failing(*_: object, **__: object) -> None:
        progress.add("shards", written)
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(create, "write_dataset", failing)
        process = run_here(*command)
    assert process.returncode == (130 if isinstance(error, KeyboardInterrupt) else 1)
    input_error.printed(process.stderr)
    assert run_here(*command).returncode == 0
