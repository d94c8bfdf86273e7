"""The options that name a task and its parameters, for both programs and for Python.

Each parameter is an option of its name. The size of a task is ``digits``, and has another word, too, where it does not
count digits: ``dashes`` for pq, and ``modulus`` for modular addition.

>>> task_fields("pq", {"dashes": 20})
{'size': 20}
>>> named_task("pq", {"dashes": 20}).config_name
'pq-d20-n210'
"""

import dataclasses
import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from seq2seq_arith.arithmetic import coverage, operations, own_tasks
from seq2seq_arith.arithmetic.notation import NOTATIONS
from seq2seq_arith.arithmetic.task import SIZE, Task, fields_of, parameter_of
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import Option, Parameter, parameters_of

# Where the size of a task does not count digits: the other word that people may call it, and what it counts.
SIZE_WORDS = {notation.size_word: notation.unit for notation in NOTATIONS if notation.size_word != SIZE}
# A question of dashes is not an option, nor is its short form, -{1000}p--. The operator of such a task must be one
# letter from a to z.
_DASH = r"(?:-(?:\{[0-9]+\})?)"
DASHES_QUESTION = re.compile(rf"{_DASH}+[a-z](?:{_DASH}*|[0-9]+)")


def tasks() -> str:
    """What may be given for the name of a task, for help."""
    return f"one of {', '.join(operations.BUILT_IN)}"


TaskName = Annotated[str, Option(tasks)]
# Of questions, with those of dashes among them.
QuestionOption = functools.partial(Option, is_value=DASHES_QUESTION.fullmatch, metavar="QUESTION")


def _other_size(word: str) -> str:
    named = ", ".join(name for name, operation in operations.BUILT_IN.items() if operation.notation.size_word == word)
    return f"the same as --{SIZE}, for {named} and other tasks of {SIZE_WORDS[word]}"


# All that a person may give besides a task's name, by name: its fields, and the other words for the size.
PARAMETERS: dict[str, Parameter] = {
    parameter_of(field): dataclasses.replace(parameter, name=parameter_of(field))
    for field, parameter in parameters_of(Task).items()
} | {
    word: Parameter(word, int, Option(functools.partial(_other_size, word)), None, is_optional=True)
    for word in SIZE_WORDS
}


def use_task_file(
    *,
    task_file: Annotated[
        str | Path | None,
        Option("a file with tasks of your own, whose code then runs (docs/models.md)", metavar="FILE.py"),
    ] = None,
) -> None:
    """What every command does first: ``own_tasks.use``."""
    own_tasks.use(task_file)


def task_fields(task: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as the fields of ``Task``, whatever word they have for its size.

    Raises InputError if there is no such task, or it has another word for its size.
    """
    own, given = Task(task).notation.size_word, dict(parameters)
    for word in [word for word in SIZE_WORDS if word in given]:
        size = given.pop(word)
        if word != own:
            raise InputError(f"{word} is {size}, but {task} has no {word}; give {own} instead")
        if SIZE in given:
            raise InputError(f"{word} and {SIZE} are the same for {task}; give one of them")
        given[SIZE] = size
    return fields_of(given)


def named_task(task: str, parameters: Mapping[str, Any]) -> Task:
    """The task of this name with these parameters, and no more examples than are practical by default."""
    fields = task_fields(task, parameters)
    return coverage.fitted(Task(task, **fields), fields)
