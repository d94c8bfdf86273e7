"""The commands that messages tell a person to type."""

import shlex

from layout import OWN_TASKS

from seq2seq_arith.arithmetic import own_tasks
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.formats.advice import generate_command
from seq2seq_arith.pipelines.formats.layout import Layout
from seq2seq_arith.pipelines.storage.paths import ObjectPath


def test_the_command_of_a_task_of_ones_own_in_a_store(no_custom_tasks):
    """Of the flags of the store, which may hold secrets, none is printed."""
    own_tasks.use(OWN_TASKS)
    task, data_dir = Task("sort", num_examples=100), ObjectPath("s3://b/my data", ("--s3_secret_access_key=hidden",))
    words = shlex.split(generate_command(task, Layout.from_task(task), data_dir, ["--overwrite"]))
    assert words[:5] == ["arith-data", "generate", "sort", "--task-file", str(OWN_TASKS)]
    assert words[-3:] == ["--data-dir", "s3://b/my data", "--overwrite"]
