"""What a program knows of the process that it runs in, as one value: ``current()``.

No other module keeps such state in variables of its own. The parts of ``Process`` differ in who sees them:

- The containers are **one for all threads**, and are changed in place. So the threads of Beam's runner, which begin
  without the context of the thread that started them, add to the same counters, and what a library logs in a thread of
  its own hides the same secrets.
- The plain values are **of each context**: ``override`` sets them for a block, in this thread alone. So two trainings
  in two threads, as a notebook may have, do not write into each other's output.

>>> with override(is_silent=True):
...     current().is_silent
True
>>> current().is_silent
False
"""

import collections
import contextlib
import contextvars
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any


@dataclasses.dataclass
class Command:
    """The command that runs. There is one at a time, as it has the signals and the streams of the process."""

    secrets: set[str] = dataclasses.field(default_factory=set)  # of its words; no event, message or log shows them
    events: IO[str] | None = None  # where its events are written: standard output; None without ``--json``
    began: float = 0.0  # in seconds since 1970


@dataclasses.dataclass(frozen=True)
class Process:
    """What a program knows of its process; who uses a part says more of it."""

    command: Command = dataclasses.field(default_factory=Command)  # base/events.py
    # The units that are done of the work that shows progress now, by name, for display only: of two works at once, the
    # sum; base/progress.py.
    counts: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    # Custom tasks (``OwnTask``) by name, the one that was named last; and all by name and sha256; own_tasks.py.
    tasks: dict[str, Any] = dataclasses.field(default_factory=dict)
    task_versions: dict[tuple[str, str], Any] = dataclasses.field(default_factory=dict)
    # The models and input formats outside of this package whose code may run, as a person named them;
    # trainer/plugins.py.
    plugins: set[str] = dataclasses.field(default_factory=set)
    # Runs in an object store: from the folder of a working copy to its ``ObjectPath``, and from each file to its
    # version there; trainer/runs/stores.py.
    copies: dict[Path, Any] = dataclasses.field(default_factory=dict)
    copied: dict[Path, str] = dataclasses.field(default_factory=dict)

    is_silent: bool = False  # whether nothing is printed, and no progress is shown; base/terminal.py
    output: Any = None  # the ``Output`` of a notebook's cell that collects what is shown; base/progress.py


_process = contextvars.ContextVar("process", default=Process())  # noqa: B039, a new thread finds the same containers


def current() -> Process:
    """What is known of this process, in this context."""
    return _process.get()


@contextlib.contextmanager
def override(**values: Any) -> Iterator[Process]:
    """Sets values of ``Process`` for the block, in this context."""
    before = _process.set(dataclasses.replace(current(), **values))
    try:
        yield current()
    finally:
        _process.reset(before)


@contextlib.contextmanager
def new_command() -> Iterator[Command]:
    """Begins a command, for all threads; when the block ends, they have the one before again."""
    command = current().command
    before = vars(command).copy()
    vars(command).update(vars(Command()))
    try:
        yield command
    finally:
        vars(command).update(before)
