"""Custom tasks, from a file that a person names.

``--task-file words.py`` takes the tasks of a file: its ``OPERATIONS``, a dict from the name of a task to its
``Operation``, as in ``operations.py``. A dataset states the sha256 of the file, and is read and checked only with the
same file. Code runs only if a person names its file, never because a folder of data or of a run names it.

A task that is pickled takes the content of its file along, so that no worker of any runner needs the file.
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
    """A custom task and where its code is."""

    name: str  # of the task
    operation: Operation  # its ``Operation``
    sha256: str  # the checksum of the file
    place: str  # the path of the file
    source: bytes  # the content of the file

    def __reduce__(self) -> tuple:
        return _revived, (self.name, self.sha256, self.place, self.source)


IS_CODE = "is code with the sha256"  # in each refusal of a dataset whose task's file was not named, or has changed


def use(file: str | Path | None) -> tuple[str, ...]:
    """Takes and checks the tasks of a file, whose code may run as a person named it; returns their names, if any."""
    if file is None:
        return ()
    if not isinstance(file, str | Path):
        raise InputError(f"task_file is {options.shown(file)}; give the name of a file, such as FILE.py")
    path = expanded(file).absolute()
    return _take(path, plugin_code.read(path, f"task-file is {str(file)!r}", "FILE.py"))


def find(name: Any, sha256: str | None = None) -> OwnTask | None:
    """The custom task of this name; None if there is none, or not with this checksum."""
    if not isinstance(name, str):
        return None
    known = process.current()
    return known.tasks.get(name) if sha256 is None else known.task_versions.get((name, sha256))


def is_task(name: str) -> bool:
    """Whether there is a task of this name, of this package or a custom one."""
    return name in operations.BUILT_IN or find(name) is not None


def ways_to_draw() -> list[str]:
    """The names of ``Operation.draws`` of all tasks, each once."""
    known = [*operations.BUILT_IN.values(), *(own.operation for own in process.current().tasks.values())]
    return list(dict.fromkeys(name for operation in known for name in operation.draws))


def named(name: Any, sha256: str | None = None) -> OwnTask:
    """The custom task of this name, and of this checksum if there is one."""
    if own := find(name, sha256):
        return own
    if sha256 is None:
        names = [*operations.BUILT_IN, *process.current().tasks]
        meant = did_you_mean(str(name), names)
        raise InputError(f"there is no task {name!r}, only {', '.join(names)}{meant}")
    code = f"the task {name!r} {IS_CODE} {str(sha256)[:12]}…"
    if there := find(name):
        raise InputError(f"{code}, and {there.place} has {there.sha256[:12]}…: it has changed; give the file as it was")
    raise InputError(f"{code}, which runs only if you name its file; if you trust it, add: --task-file FILE.py")


def _take(path: Path, source: bytes) -> tuple[str, ...]:
    """Takes the tasks of a file with this content; as ``use``."""
    try:
        found = getattr(plugin_code.module_of(path, source), OPERATIONS, None)
    except (Exception, SystemExit) as error:
        raise InputError(f"task-file is {str(path)!r}, and its code fails: {where(error, path)}") from None
    if not isinstance(found, dict) or not found:
        raise InputError(f"{path} has no {OPERATIONS}; give it a dict from the names of tasks to their Operation")
    known = process.current()
    for name, operation in found.items():
        own = OwnTask(name, operation, plugin_code.digest(source), str(path), source)
        if (own.name, own.sha256) not in known.task_versions:
            _check(own)
        known.tasks[own.name] = known.task_versions[own.name, own.sha256] = own
    return tuple(found)


def _revived(name: str, sha256: str, place: str, source: bytes) -> OwnTask:
    """A task that was pickled, perhaps in another process."""
    if (name, sha256) not in process.current().task_versions:
        _take(Path(place), source)
    return named(name, sha256)


def _check(own: OwnTask) -> None:
    """Checks a task on sampled and extreme operands of its smallest, its default and its largest size."""
    try:
        task_rules.check(own.name, own.operation)
    except task_rules.TaskError as error:
        raise InputError(f"{_line(own)}: the task {own.name!r} {error}") from None
    except (Exception, SystemExit) as error:
        raise InputError(f"the task {own.name!r} cannot be used: {where(error, Path(own.place))}") from None


def _line(own: OwnTask) -> str:
    """The place of the task's entry: the file, and the line of its name."""
    for node in ast.walk(ast.parse(own.source)):
        for key in node.keys if isinstance(node, ast.Dict) else ():
            if isinstance(key, ast.Constant) and key.value == own.name:
                return f"{own.place}, line {key.lineno}"
    return own.place
