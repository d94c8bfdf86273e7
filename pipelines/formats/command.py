"""The command that makes a dataset, as it is typed."""

import types
from collections.abc import Sequence

from seq2seq_arith.arithmetic.tasks import Task
from seq2seq_arith.base.options import words
from seq2seq_arith.base.terminal import as_command
from seq2seq_arith.pipelines.formats.layout import DEFAULT_FORMATS, OPTIONAL_FORMATS, Layout


def generate_command(task: Task, layout: Layout, data_dir: object, others: Sequence[str] = ()) -> str:
    """The command that makes a dataset with this layout.

    >>> task = Task("subtraction", num_examples=500_000, draws="structured")
    >>> generate_command(task, Layout.of(task), "data")
    'arith-data generate subtraction --num-examples 500000 --draws structured --data-dir data'
    >>> generate_command(Task(), Layout(3, ("tfrecord",)), "my data", ["--overwrite"])
    "arith-data generate addition --num-shards 3 --no-parquet --data-dir 'my data' --overwrite"

    Args:
      task, layout: The dataset, and its division into files.
      data_dir: Where datasets are kept, a path or a URL.
      others: What else is typed, such as Beam's flags for a store.
    """
    files = words(layout, Layout.of(task))
    for name in OPTIONAL_FORMATS:
        if (name in layout.formats) != (name in DEFAULT_FORMATS):
            files.append(f"--{'' if name in layout.formats else 'no-'}{name.replace('_', '-')}")
    options = words(task, types.SimpleNamespace(**task.defaults))
    typed = [task.name, *task_file(task), *options, *files, "--data-dir", str(data_dir), *others]
    return as_command(["arith-data", "generate", *typed])


def task_file(task: Task) -> list[str]:
    """The option that names the file of a task of one's own; none for other tasks."""
    return ["--task-file", task.code] if task.code and task.code.endswith(".py") else []
