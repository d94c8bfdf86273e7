"""Commands for messages: the command that makes a dataset, and the one that checks it."""

import shlex
from collections.abc import Sequence

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.options import words
from seq2seq_arith.pipelines.formats.layout import DEFAULT_FORMATS, OPTIONAL_FORMATS, Layout
from seq2seq_arith.pipelines.storage.paths import AnyPath

PROGRAM = "arith-data"


def generate_command(task: Task, layout: Layout, data_dir: object, further: Sequence[str] = ()) -> str:
    """The command that makes a dataset with this layout in a directory or a store, without the flags for the store.

    >>> task = Task("subtraction", num_examples=500_000, draws="structured")
    >>> generate_command(task, Layout.from_task(task), "data")
    'arith-data generate subtraction --num-examples 500000 --draws structured --data-dir data'
    >>> generate_command(Task(), Layout(3, ("tfrecord",)), "my data", ["--overwrite"])
    "arith-data generate addition --num-shards 3 --no-parquet --data-dir 'my data' --overwrite"
    """
    files = words(layout, vars(Layout.from_task(task)))
    for name in OPTIONAL_FORMATS:
        if (name in layout.formats) != (name in DEFAULT_FORMATS):
            files.append(f"--{'' if name in layout.formats else 'no-'}{name.replace('_', '-')}")
    parameters = words(task, task.defaults)
    arguments = [*task_file(task), *parameters, *files, "--data-dir", str(data_dir), *further]
    return shlex.join([PROGRAM, "generate", task.name, *arguments])


def advice(directory: AnyPath, task: Task | None = None) -> str:
    """The advice about a dataset that is not as arith-data wrote it."""
    return f"check it with {shlex.join([PROGRAM, 'verify', str(directory), *(task_file(task) if task else [])])}"


def task_file(task: Task) -> list[str]:
    """The option for the file of a custom task; none for built-in tasks."""
    return ["--task-file", task.code] if task.code else []
