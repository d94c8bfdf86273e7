"""Creates the dataset that a training needs, if it is missing. Beam is imported only then."""

import os
import tempfile

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.files import expanded
from seq2seq_arith.base.terminal import printable, say, wrapped
from seq2seq_arith.pipelines.formats.advice import generate_command
from seq2seq_arith.pipelines.formats.layout import NAME, Layout
from seq2seq_arith.pipelines.formats.location import dataset_path


def command(task: Task, data_dir: str) -> str:
    """The command that makes the dataset of a task.

    >>> command(Task("subtraction", num_examples=500_000, draws="structured"), "data")
    'arith-data generate subtraction --num-examples 500000 --draws structured --data-dir data'
    """
    return generate_command(task, Layout.from_task(task), data_dir)


def is_missing(task: Task, data_dir: str) -> bool:
    """Whether the dataset of a task is missing and is created before a training.

    Nothing is created in an object store, under an empty name, or inside a dataset, nor on a machine of a cluster,
    where all machines would create it at once. In these cases, the error of ``records.open_source`` says what to do.
    """
    elsewhere = not data_dir or "://" in data_dir or (expanded(data_dir) / "dataset_info.json").exists()
    return not (elsewhere or os.environ.get("TF_CONFIG") or dataset_path(expanded(data_dir), task).exists())


def check(task: Task, data_dir: str) -> None:
    """Raises InputError if a missing dataset cannot be created: its path is taken, or the disk is full."""
    from seq2seq_arith.pipelines.request import Request

    place = expanded(data_dir).absolute()
    request = Request(task, Layout.from_task(task), place)
    request.published()  # raises InputError if the path is taken
    path = dataset_path(place, task)
    existing = next(folder for folder in path.parents if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        advice = f"make it elsewhere and give that --data-dir: {command(task, 'data')}"
        raise InputError(f"{existing} cannot be written ({error.strerror}), and {path} is missing; {advice}") from None
    request.check_space()


def make_missing(task: Task, data_dir: str) -> None:
    """Creates the dataset of a task if ``is_missing``, with a message; raises the errors of ``arith-data generate``."""
    if not is_missing(task, data_dir):
        return
    check(task, data_dir)
    say(wrapped(f"making the dataset {NAME}/{task.config_name}, as this does: {command(task, data_dir)}"))
    from seq2seq_arith.pipelines.commands.generate import generate
    from seq2seq_arith.pipelines.commands.program import Requested

    generated = generate(Requested(task, Layout.from_task(task), is_sized=True), data_dir=data_dir)
    say(f"{printable(generated.request.path)}: {task.num_examples:,} examples in {generated.seconds or 0:.1f} s\n")
