"""Custom tasks, from a file that a person names.

``--task-file words.py`` adds the tasks of a file: its ``OPERATIONS``, a dict from the name of a task to its
``Operation``, as in ``operations.py``. The metadata of a dataset contains the sha256 of the file, and the dataset is
read and checked only with the same file. Code runs only if a person names its file, never because a folder of data or
of a run names it.

A pickled task contains the content of its file, so that the workers of a runner do not need the file.
"""

import ast
import dataclasses
from pathlib import Path
from typing import Any

from seq2seq_arith.arithmetic import operations, task_rules
from seq2seq_arith.arithmetic.operations import Operation
from seq2seq_arith.base import options, plugin_code, process
from seq2seq_arith.base.checks import did_you_mean
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.files import expanded
from seq2seq_arith.base.plugin_code import where

OPERATIONS = "OPERATIONS"


@dataclasses.dataclass(frozen=True)
class OwnTask:
    """A custom task and its code."""

    name: str  # of the task
    operation: Operation  # everything that defines it
    sha256: str  # the checksum of the file
    place: str  # the path of the file
    source: bytes  # the content of the file

    def __reduce__(self) -> tuple:
        return _revived, (self.name, self.sha256, self.place, self.source)


IS_CODE = "is code with the sha256"  # in each input error about a task file that was not named, or has changed


def use(file: str | Path | None) -> tuple[str, ...]:
    """Adds the tasks of a file, which a person named, so its code may run; checks them and returns their names."""
    if file is None:
        return ()
    if not isinstance(file, str | Path):
        raise InputError(f"task_file is {options.shown(file)}; give the name of a file, such as FILE.py")
    path = expanded(file).absolute()
    return _add(path, plugin_code.read(path, f"task-file is {str(file)!r}", "FILE.py"))


def find(name: Any, sha256: str | None = None) -> OwnTask | None:
    """The custom task of this name, and of this sha256 if it is given; None if there is none."""
    if not isinstance(name, str):
        return None
    state = process.current()
    return state.tasks.get(name) if sha256 is None else state.task_versions.get((name, sha256))


def is_task(name: str) -> bool:
    """Whether a task of this name exists, in this package or as a custom task."""
    return name in operations.BUILT_IN or find(name) is not None


def ways_to_draw() -> list[str]:
    """The names of the sampling schemes (``Operation.draws``) of all tasks, each once."""
    all_operations = [*operations.BUILT_IN.values(), *(own.operation for own in process.current().tasks.values())]
    return list(dict.fromkeys(name for operation in all_operations for name in operation.draws))


def named(name: Any, sha256: str | None = None) -> OwnTask:
    """As ``find``, but raises InputError if there is no such task."""
    if own := find(name, sha256):
        return own
    if sha256 is None:
        names = [*operations.BUILT_IN, *process.current().tasks]
        meant = did_you_mean(str(name), names)
        raise InputError(f"there is no task {name!r}, only {', '.join(names)}{meant}")
    code = f"the task {name!r} {IS_CODE} {str(sha256)[:12]}…"
    if task := find(name):
        raise InputError(f"{code}, but {task.place} has {task.sha256[:12]}…: it has changed; give the file as it was")
    raise InputError(f"{code}, which runs only if you name its file; if you trust it, add: --task-file FILE.py")


def _add(path: Path, source: bytes) -> tuple[str, ...]:
    """As ``use``, for a file with this content."""
    try:
        entries = getattr(plugin_code.module_of(path, source), OPERATIONS, None)
    except (Exception, SystemExit) as error:
        raise InputError(f"task-file is {str(path)!r}, and its code fails: {where(error, path)}") from None
    if not isinstance(entries, dict) or not entries:
        raise InputError(f"{path} has no {OPERATIONS}; define it as a dict from the name of each task to its Operation")
    state = process.current()
    for name, operation in entries.items():
        own = OwnTask(name, operation, plugin_code.digest(source), str(path), source)
        if (own.name, own.sha256) not in state.task_versions:
            _check(own)
        state.tasks[own.name] = state.task_versions[own.name, own.sha256] = own
    return tuple(entries)


def _revived(name: str, sha256: str, place: str, source: bytes) -> OwnTask:
    """Restores a pickled task, perhaps in another process."""
    if (name, sha256) not in process.current().task_versions:
        _add(Path(place), source)
    return named(name, sha256)


def _check(own: OwnTask) -> None:
    """Checks a task on random and extreme operands of its smallest, default and largest size."""
    try:
        task_rules.check(own.name, own.operation)
    except task_rules.TaskError as error:
        raise InputError(f"{_line(own)}: the task {own.name!r} {error}") from None
    except (Exception, SystemExit) as error:
        raise InputError(f"the task {own.name!r} cannot be used: {where(error, Path(own.place))}") from None


def _line(own: OwnTask) -> str:
    """The location of the task's entry: the file, and the line of its name."""
    for node in ast.walk(ast.parse(own.source)):
        for key in node.keys if isinstance(node, ast.Dict) else ():
            if isinstance(key, ast.Constant) and key.value == own.name:
                return f"{own.place}, line {key.lineno}"
    return own.place
