"""The options for a task and its parameters, for both programs and for Python.

Each parameter is an option of the same name. The size of a task is ``digits``; where it does not count digits, it has a
second name: ``dashes`` for pq, ``modulus`` for modular addition, ``letters`` for tasks on words.

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
from seq2seq_arith.arithmetic.task import MORE_DATA, SIZE, Task, fields_of, parameter_of
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import GENERAL, Option, Parameter, parameters_of

# For tasks whose size does not count digits: the second name of the size, and its unit.
SIZE_WORDS = {notation.size_word: notation.unit for notation in NOTATIONS if notation.size_word != SIZE}
# A question of dashes is not an option, nor is its short form, -{1000}p--. The operator of such a task is a letter from
# a to z. Neither is a negative number, which is no operand either: the task says how its questions look.
_DASH = r"(?:-(?:\{[0-9]+\})?)"
QUESTION_WITH_DASH = re.compile(rf"{_DASH}+[a-z](?:{_DASH}*|[0-9]+)|-[0-9].*", re.DOTALL)


def tasks() -> str:
    """The allowed names of a task, for help."""
    return f"one of {', '.join(operations.BUILT_IN)}"


TaskName = Annotated[str, Option(tasks)]
# An option for questions, which accepts questions of dashes, too.
QuestionOption = functools.partial(Option, is_value=QUESTION_WITH_DASH.fullmatch, metavar="QUESTION")


def _other_size(word: str) -> str:
    tasks = ", ".join(name for name, operation in operations.BUILT_IN.items() if operation.notation.size_word == word)
    return f"the same as --{SIZE}, for {tasks} and other tasks of {SIZE_WORDS[word]}"


# The parameters of a task by name, besides its own name: its fields, and the second names of the size.
PARAMETERS: dict[str, Parameter] = {
    parameter_of(field): dataclasses.replace(parameter, name=parameter_of(field))
    for field, parameter in parameters_of(Task).items()
} | {
    word: Parameter(word, int, Option(functools.partial(_other_size, word), group=MORE_DATA), None, is_optional=True)
    for word in SIZE_WORDS
}


def use_task_file(
    *,
    task_file: Annotated[
        str | Path | None,
        Option("file with custom tasks, whose code is then run", metavar="FILE.py", group=GENERAL),
    ] = None,
) -> None:
    """The first step of every command: ``own_tasks.use``."""
    own_tasks.use(task_file)


def task_fields(task: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of ``Task`` for parameters, which may use the second name of the size.

    Raises InputError if there is no such task, or its size has another name.
    """
    size_word, values = Task(task).notation.size_word, dict(parameters)
    for word in [word for word in SIZE_WORDS if word in values]:
        size = values.pop(word)
        if word != size_word:
            raise InputError(f"{word} is {size}, but {task} has no {word}; give {size_word} instead")
        if SIZE in values:
            raise InputError(f"{word} and {SIZE} are the same for {task}; give one of them")
        values[SIZE] = size
    return fields_of(values)


def named_task(task: str, parameters: Mapping[str, Any]) -> Task:
    """The task of this name with these parameters; by default with at most as many examples as are practical."""
    fields = task_fields(task, parameters)
    return coverage.fitted(Task(task, **fields), fields)
