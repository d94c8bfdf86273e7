"""The options that name a task's parameters, for both programs.

Each parameter is an option of its name. The size of a task has a word of its own where it does not count digits:
``--dashes`` is ``--digits`` for pq, and ``--modulus`` is ``--digits`` for modular addition.

>>> parser = argparse.ArgumentParser()
>>> add_task_options(parser)
>>> arguments = parser.parse_args(["--dashes", "20"])
>>> task_parameters(arguments, "pq")
{'digits': 20}
>>> named_task(arguments, "pq").config_name
'pq-d20-n210'
"""

import argparse
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from seq2seq_arith.arithmetic import coverage, operations
from seq2seq_arith.arithmetic.notation import NOTATIONS
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import add_options, given, options_of, whole_number
from seq2seq_arith.base.terminal import add_log_options

SIZE = "digits"
# The other words for a task's size: an option each, also for custom tasks of that notation.
SIZE_WORDS = {notation.size_word: notation.unit for notation in NOTATIONS if notation.size_word != SIZE}
# A question of dashes is not an option, nor is its short form, -{1000}p--. The operator of such a task must be one
# letter from a to z.
_DASH = r"(?:-(?:\{[0-9]+\})?)"
DASHES_QUESTION = re.compile(rf"{_DASH}+[a-z](?:{_DASH}*|[0-9]+)")


def add_common_options(parser: Any, *, has_events: bool) -> None:
    """Adds what every command has behind its own options; ``own_tasks.use`` takes the file of tasks."""
    if has_events:
        group = parser.add_argument_group("for other programs")
        help = "print events, one JSON object per line; what people read goes to standard error"
        group.add_argument("--json", dest="events", action="store_true", help=help)
    parser.add_argument(
        "--task-file", metavar="FILE.py", help="a file with tasks of your own, whose code then runs (docs/models.md)"
    )
    add_log_options(parser)
    parser.add_help_option()


def add_task_options(
    parser: Any,
    names: Iterable[str] | None = None,
    *,
    first: Any = None,
    first_names: Collection[str] = (),
    flags: Mapping[str, str] | None = None,
    default_of: Callable[[str], str | None] | None = None,
) -> None:
    """Adds an option per parameter of a task, ``first_names`` to the group ``first``, and other words for its size."""
    how: dict[str, Any] = {"flags": flags, "default_of": default_of}
    if first_names:
        add_options(first, Task, first_names, **how)
    if rest := [name for name in names or options_of(Task) if name not in first_names]:
        add_options(parser, Task, rest, **how)
    for word, unit in SIZE_WORDS.items():
        tasks = ", ".join(name for name, each in operations.BUILT_IN.items() if each.notation.size_word == word)
        help = f"the same as --{SIZE}, for {tasks} and other tasks of {unit}"
        parser.add_argument(f"--{word}", type=whole_number, help=help)


def task_parameters(
    arguments: argparse.Namespace,
    task: str,
    names: Iterable[str] | None = None,
    *,
    flags: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The parameters that were given for a task, by field name; as ``add_task_options`` with the same."""
    own = Task(task).notation.size_word
    parameters = given(arguments, Task, names, flags=flags)
    for word in SIZE_WORDS:
        if (size := getattr(arguments, word)) is None:
            continue
        if word != own:
            raise InputError(f"--{word} is {size}, but {task} has no {word}; give --{own} instead")
        if SIZE in parameters:
            raise InputError(f"--{word} and --{SIZE} are the same for {task}; give one of them")
        parameters[SIZE] = size
    return parameters


def named_task(arguments: argparse.Namespace, task: str) -> Task:
    """The task of this name with the parameters that were given, and no more examples than are practical by default."""
    parameters = task_parameters(arguments, task)
    return coverage.fitted(Task(task, **parameters), parameters)
