"""The tasks of files that a person named, and of other installed packages.

``--task-file words.py`` takes the tasks of a file: its ``OPERATIONS``, a dict from the name of a task to its
``Operation``, as in ``arithmetic/operations.py``. A dataset says the sha256 of the file, and is read and checked only
with the same file. The code of a file runs only if a person names it, never because a folder of data or of a run
names it.

An installed package may also give its tasks names, which are then like those of this package: entry points of the group
``seq2seq_arith.tasks``, each an ``Operation``.

A ``Task`` that travels to a worker takes the content of its file along (``OwnTask.portable``), so that no worker needs
the file: on every engine, whose workers have this package.
"""

import dataclasses
import functools
import importlib
import inspect
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from seq2seq_arith.base import plugin_code
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.files import expanded
from seq2seq_arith.base.plugin_code import where

GROUP = "seq2seq_arith.tasks"
OPERATIONS = "OPERATIONS"
# Named, and not imported: it stands on the tasks, which stand on this module.
CHECKS = "seq2seq_arith.arithmetic.own_tasks.checks"


@dataclasses.dataclass(frozen=True)
class OwnTask:
    """A task and where its code is.

    Attributes:
      name: Of the task.
      operation: Its ``Operation``.
      sha256: The checksum of the file.
      place: The path of the file; or ``module:name``, in an installed package.
      source: The content of the file; None in an installed package.
    """

    name: str
    operation: Any
    sha256: str
    place: str
    source: bytes | None

    def portable(self) -> tuple[str, str, str, bytes | None]:
        """What ``revive`` needs in another process."""
        return self.name, self.sha256, self.place, self.source


# By name, the one that was named last; and all, by name and checksum.
_current: dict[str, OwnTask] = {}
_known: dict[tuple[str, str], OwnTask] = {}


@functools.cache
def installed() -> dict[str, EntryPoint]:
    """The tasks of other installed packages, by name."""
    return {point.name: point for point in entry_points(group=GROUP)}


def use(file: str | Path | None) -> tuple[str, ...]:
    """Takes the tasks of a file, whose code may run because a person named it; and checks them.

    Args:
      file: The file; None for no file.

    Returns:
      The names of the tasks.

    Raises:
      InputError: The file or a task has a fault; the sentence has the file and the line.
    """
    if file is None:
        return ()
    path = expanded(file).absolute()
    source = plugin_code.read(path, f"task-file is {str(file)!r}", "FILE.py")
    try:
        module = plugin_code.module_of(path, source)
    except Exception as error:
        raise InputError(f"task-file is {str(file)!r}, and its code fails: {where(error, path)}") from None
    operations = getattr(module, OPERATIONS, None)
    if not isinstance(operations, dict) or not operations:
        raise InputError(f"{path} has no {OPERATIONS}; give it a dict from the names of tasks to their Operation")
    for name, operation in operations.items():
        own = OwnTask(name, operation, plugin_code.digest(source), str(path), source)
        if (name, own.sha256) not in _known:
            importlib.import_module(CHECKS).check(own)
        _register(own)
    return tuple(operations)


def find(name: str, sha256: str | None = None) -> OwnTask | None:
    """The task of this name; None if there is none, or not with this checksum.

    Raises:
      InputError: An installed package gives it, and its code has a fault.
    """
    if not isinstance(name, str):
        return None
    if name not in _current and name in installed():
        _register(_of_package(installed()[name]))
    return _current.get(name) if sha256 is None else _known.get((name, sha256))


def every() -> Iterator[OwnTask]:
    """The tasks that are known now."""
    yield from _current.values()


def revive(name: str, sha256: str, place: str, source: bytes | None) -> None:
    """Makes a task known in another process, which got it from one that had checked it."""
    if (name, sha256) in _known:
        return
    if source is None:
        module, _, attribute = place.partition(":")
        operation = getattr(importlib.import_module(module), attribute)
    else:
        operation = getattr(plugin_code.module_of(Path(place), source), OPERATIONS)[name]
    _register(OwnTask(name, operation, sha256, place, source))


def _register(own: OwnTask) -> None:
    _current[own.name] = _known[own.name, own.sha256] = own


def _of_package(point: EntryPoint) -> OwnTask:
    """The task of an installed package, checked."""
    try:
        operation = point.load()
        file = inspect.getsourcefile(importlib.import_module(point.module))
    except Exception as error:
        raise InputError(
            f"the task {point.name!r} is {point.value}, and its code fails: {where(error, None)}"
        ) from None
    digest = plugin_code.digest(Path(file).read_bytes() if file else b"")
    own = OwnTask(point.name, operation, digest, point.value, None)
    importlib.import_module(CHECKS).check(own)
    return own
