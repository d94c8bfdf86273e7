"""Commands that a message tells people to type: with what their own task and their store need, and without secrets."""

import shlex
import uuid

import memory_store
import pytest
from layout import ROOT
from programs import run_here

from seq2seq_arith.arithmetic import own_tasks
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.formats.command import fetch_command, generate_command
from seq2seq_arith.pipelines.formats.layout import Layout, dataset_path
from seq2seq_arith.pipelines.places import clients
from seq2seq_arith.pipelines.places.paths import ObjectPath

EXAMPLE = ROOT / "examples/task/own_tasks.py"
FLAGS = (
    "--runner=FlinkRunner",
    "--s3_endpoint_url",
    "http://host",
    "--s3_secret_access_key=hidden",
    "--s3_disable_ssl",
)
STORE = ["--s3_endpoint_url=http://host", "--s3_secret_access_key=SECRET", "--s3_disable_ssl"]


def test_a_task_of_ones_own_in_a_store_with_an_endpoint():
    own_tasks.use(EXAMPLE)
    task = Task("copy", num_examples=100)
    data_dir = ObjectPath("s3://b/my data", FLAGS)
    path = dataset_path(data_dir, task)
    file = ["--task-file", str(EXAMPLE)]
    assert shlex.split(fetch_command(task, path)) == ["arith-data", "fetch", str(path), "DIR", *file, *STORE]
    made = shlex.split(generate_command(task, Layout.of(task), data_dir, ["--overwrite"]))
    assert made[:5] == ["arith-data", "generate", "copy", *file]
    assert made[-5:] == ["--overwrite", "--runner=FlinkRunner", *STORE]


@pytest.mark.parametrize("flag", [("--s3_endpoint_url=http://host",), ("--s3_endpoint_url", "http://host")])
def test_what_generate_says_is_typed(tmp_path, monkeypatch, flag):
    monkeypatch.setitem(clients.CLIENTS, memory_store.SCHEME, memory_store.MemoryStore)
    data_dir = f"{memory_store.SCHEME}://{uuid.uuid4().hex}/data"
    made = ("generate", "copy", "--task-file", EXAMPLE, "--num-examples", "100", "--num-shards", "1", "--no-parquet")
    for _ in range(2):  # the second time, it is there already
        process = run_here(*made, "--data-dir", data_dir, *flag)
        assert process.returncode == 0, process.stderr
        (line,) = [line for line in process.stdout.splitlines() if line.startswith("fetch it with: arith-data ")]
        command = shlex.split(line.partition("arith-data ")[2])
        assert command[-3:] == ["--task-file", str(EXAMPLE), "--s3_endpoint_url=http://host"]
    process = run_here(*[tmp_path if word == "DIR" else word for word in command])
    assert process.returncode == 0, process.stderr
