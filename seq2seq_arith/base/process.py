"""The state of this process, as one value: ``current()``.

No other module has such state in global variables. The parts of ``Process`` differ in visibility:

- The containers are **shared by all threads**, and are changed in place. The threads of Beam's runner, which begin
  without the context of the thread that started them, therefore add to the same counters, and the same secrets are
  hidden from the logs of libraries in other threads.
- The plain values **belong to a context**: ``override`` sets them for a block, in this thread only. Two trainings in
  two threads of a notebook therefore do not write into each other's output.

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
    """The running command. There is one at a time, because it uses the signals and the streams of the process."""

    secrets: set[str] = dataclasses.field(default_factory=set)  # among its words, hidden in events, messages and logs
    events: IO[str] | None = None  # the stream of its events: standard output; None without ``--json``
    began: float = 0.0  # in seconds since 1970


@dataclasses.dataclass(frozen=True)
class Process:
    """The state of a process; the modules that use a part document it."""

    command: Command = dataclasses.field(default_factory=Command)  # base/events.py
    # The completed units of the current work by name, for the display of progress only; summed over concurrent work;
    # base/progress.py.
    counts: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    # Custom tasks (``OwnTask``): the latest one by name; and all of them by name and sha256; own_tasks.py.
    tasks: dict[str, Any] = dataclasses.field(default_factory=dict)
    task_versions: dict[tuple[str, str], Any] = dataclasses.field(default_factory=dict)
    # The custom models and input formats whose code may run, because a person named them; trainer/plugins.py.
    plugins: set[str] = dataclasses.field(default_factory=set)
    # Runs in an object store: from the folder of a working copy to its ``ObjectPath``, and from each file to its
    # version in the store; trainer/runs/stores.py.
    copies: dict[Path, Any] = dataclasses.field(default_factory=dict)
    copied: dict[Path, str] = dataclasses.field(default_factory=dict)

    is_silent: bool = False  # whether nothing is printed, and no progress is shown; base/terminal.py
    has_progress: bool = True  # whether progress is shown, unless nothing is printed; base/progress.py
    output: Any = None  # the ``Output`` of a notebook's cell that collects the display; base/progress.py


_process = contextvars.ContextVar("process", default=Process())  # noqa: B039, new threads share the containers


def current() -> Process:
    """The state of this process, in this context."""
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
    """Begins a command, for all threads; restores the previous one when the block ends."""
    command = current().command
    before = vars(command).copy()
    vars(command).update(vars(Command()))
    try:
        yield command
    finally:
        vars(command).update(before)
